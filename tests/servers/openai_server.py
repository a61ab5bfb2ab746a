"""A server that speaks OpenAI's API, for tests: a callback answers, a plan says what goes wrong, `/_stats` counts.

In a test:     async with OpenAIServer(Plan(latency_s=0.01)) as server: ...  server.url
As a process:  python tests/servers/openai_server.py --port 8100 --teacher procedural --set latency_s=0.2 rpm=600
               (`--fault 429=0.05` may be given several times; `--teacher echo` repeats the prompt's beginning)
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from batches import Batches
from faults import PAID, Minute, Plan
from wire import Incoming, Listener, Outgoing

Answer = Callable[[dict[str, Any]], Awaitable[tuple[str, str]]]
"""From the request's body to the reply's text and finish reason."""

FORMS = {"/chat/completions": "chat", "/completions": "completions", "/responses": "responses"}


def digest(body: dict[str, Any]) -> str:
    """Names a prompt: what is asked, however it is sampled."""
    asked = body.get("messages") or body.get("prompt") or body.get("input")
    return hashlib.sha256(json.dumps([asked, body.get("seed")], sort_keys=True).encode()).hexdigest()[:12]


def prompt_of(body: dict[str, Any]) -> str:
    last = (body.get("messages") or body.get("input") or [{"content": body.get("prompt")}])[-1]
    return str(last.get("content") or "")


class Echo:
    """Answers with the prompt's name and beginning, so that a reply joined to a wrong prompt shows."""

    def __init__(self, words: int) -> None:
        self.words = words

    async def __call__(self, body: dict[str, Any]) -> tuple[str, str]:
        return f"answer {digest(body)} to {prompt_of(body)[:60]!r}" + " and so on" * (self.words // 3), "stop"


class FromTeacher:
    """Answers as an in-process teacher does: the request is rebuilt from the body."""

    def __init__(self, teacher: Any) -> None:
        self.teacher = teacher

    async def __call__(self, body: dict[str, Any]) -> tuple[str, str]:
        from synthgen.requests.request import Request, Sampling

        names = set(Sampling.model_fields) - {"extra", "n"}
        sampling = {name: value for name, value in body.items() if name in names and value is not None}
        if "max_completion_tokens" in body:
            sampling["max_tokens"] = body["max_completion_tokens"]
        messages = body.get("messages") or [{"role": "user", "content": prompt_of(body)}]
        request = Request(
            model=self.teacher.model,
            messages=tuple(messages),
            sampling=Sampling(**sampling),
            response_format=body.get("response_format"),
            sample=body.get("seed") or 0,
        )
        completion = await self.teacher.complete(request)
        return completion.text, str(completion.finish_reason)


class OpenAIServer:
    """One server; `stats()` is what `GET /_stats` gives. `POST /_plan` with some of a plan's options changes them."""

    def __init__(self, plan: Plan | None = None, answer: Answer | None = None, port: int = 0) -> None:
        self.plan = plan or Plan()
        self.answer = answer or Echo(self.plan.words)
        self.listener = Listener(self.handle, port)
        self.minute = Minute(self.plan)
        self.batches = Batches(self._in_batch)
        self.tries: Counter[str] = Counter()
        self.good: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.in_flight = self.peak = self.requests = 0
        self.first_at = self.last_at = self.busy_s = 0.0
        self.came_at = self.level_s = self.level_s_then = self.changed_at = 0.0
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.keep_bodies = False
        self._outage: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://{self.listener.host}:{self.listener.port}/v1"

    async def __aenter__(self) -> OpenAIServer:
        await self.listener.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._outage is not None:
            await self._outage
        await self.listener.close()
        await self.batches.close()

    def stats(self) -> dict[str, Any]:
        """Counts since the start. `paid_twice`: good replies beyond the first to the same prompt.

        `span_s` is from the first request to the last reply, `busy_s` the time of all requests together. `full` is how
        many were there at once in the mean until the last one came.
        """
        return {
            "requests": self.requests,
            "prompts": len(self.tries),
            "prompts_good": len(self.good),
            "paid": sum(self.outcomes[kind] for kind in PAID),
            "paid_twice": sum(self.good.values()) - len(self.good),
            "outcomes": dict(self.outcomes),
            "in_flight": self.in_flight,
            "peak": self.peak,
            "span_s": round(self.last_at - self.first_at, 3),
            "busy_s": round(self.busy_s, 3),
            "full": round(self.level_s_then / ((self.came_at - self.first_at) or 1.0), 2),
        }

    async def handle(self, incoming: Incoming) -> Outgoing:
        path = incoming.path.partition("?")[0]
        if path == "/_stats":
            return Outgoing(self.stats())
        if path == "/_plan":
            for name, value in json.loads(incoming.body).items():
                setattr(self.plan, name, value)
            return Outgoing({})
        if self.plan.key is not None and incoming.headers.get("authorization") != f"Bearer {self.plan.key}":
            said = incoming.headers.get("authorization", "no key")
            return error_reply(401, f"Incorrect API key provided: {said}", "invalid_api_key")
        if path.endswith("/models"):
            return Outgoing({"object": "list", "data": [{"id": m, "object": "model"} for m in self.plan.models]})
        if (answered := await self.batches.handle(path, incoming)) is not None:
            return answered
        form = next((form for end, form in FORMS.items() if path.endswith(end)), None)
        if form is None or incoming.method != "POST":
            return error_reply(404, f"no page {path}")
        return await self._counted(form, incoming)

    async def _counted(self, form: str, incoming: Incoming) -> Outgoing:
        now = time.monotonic()
        self.first_at = self.first_at or now
        self.requests += 1
        self._change(1)
        self.came_at, self.level_s_then = now, self.level_s
        self.peak = max(self.peak, self.in_flight)
        try:
            outcome, outgoing = await self._complete(form, incoming)
        finally:
            self._change(-1)
            self.last_at = time.monotonic()
            self.busy_s += self.last_at - now
        self.outcomes[outcome] += 1
        if self.plan.tell_limits:
            outgoing.headers |= self.minute.headers()
        return outgoing

    def _change(self, by: int) -> None:
        """Counts a request in or out, and how many there have been at once until now."""
        now = time.monotonic()
        self.level_s += self.in_flight * (now - self.changed_at) if self.changed_at else 0.0
        self.changed_at = now
        self.in_flight += by

    async def _complete(self, form: str, incoming: Incoming) -> tuple[str, Outgoing]:
        plan = self.plan
        if self.requests == plan.outage_at:
            self._outage = asyncio.create_task(self._go_away())
        body = json.loads(incoming.body)
        if self.keep_bodies:
            self.bodies.append(body)
            self.headers.append(dict(incoming.headers))
        refusal = self._refusal(body)
        if refusal is not None:
            return "refused", refusal
        name = digest(body)
        self.tries[name] += 1
        prompt_tokens = len(incoming.body) // 4
        wait_s = self.minute.wait_s(prompt_tokens + plan.words)
        if wait_s or (plan.slots is not None and self.in_flight > plan.slots):
            return "limit", _busy(wait_s or plan.retry_after_s, plan.hint)
        fault = plan.draw(name, self.tries[name])
        if fault == "429":
            return fault, _busy(plan.retry_after_s, plan.hint)
        if fault == "hang":
            await incoming.connection.gone.wait()
            return fault, Outgoing()
        await asyncio.sleep(plan.delay())
        if fault == "reset":
            return fault, Outgoing(reset=True)
        if fault.isdigit():
            return fault, error_reply(int(fault), "the server had an error")
        text: str | None
        text, finish_reason = await self.answer(body)
        if fault == "length":
            text, finish_reason = (text or "")[: len(text or "") // 2], "length"
        elif fault in ("empty", "null"):
            text = "" if fault == "empty" else None
        if plan.many == "ignored":
            body = {**body, "n": 1}
        outgoing = Outgoing(reply(form, body, text, finish_reason, prompt_tokens))
        if plan.cached:
            details = "input_tokens_details" if form == "responses" else "prompt_tokens_details"
            outgoing.body["usage"][details] = {"cached_tokens": int(plan.cached * prompt_tokens)}
        if fault == "malformed":
            outgoing.raw = outgoing.data()[:-20]
        elif fault == "cut":
            outgoing.cut = len(outgoing.data()) // 2
        elif fault == "good":
            self.good[name] += 1
        if body.get("stream") or plan.streams == "always":
            outgoing.raw = streamed(form, outgoing.body, outgoing.raw)
            outgoing.headers["Content-Type"] = "text/event-stream"
        return fault, outgoing

    async def _in_batch(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """One line of a batch."""
        self.requests += 1
        refusal = self._refusal(body)
        if refusal is not None:
            return refusal.status, refusal.body
        name = digest(body)
        self.tries[name] += 1
        fault = self.plan.draw(name, self.tries[name])
        self.outcomes[fault] += 1
        if fault.isdigit():
            return int(fault), {"error": {"message": "the server had an error"}}
        self.good[name] += 1
        text, finish_reason = await self.answer(body)
        form = next(form for end, form in FORMS.items() if path.endswith(end))
        return 200, reply(form, body, text, finish_reason, len(json.dumps(body)) // 4)

    def _refusal(self, body: dict[str, Any]) -> Outgoing | None:
        """What the server does not take, however often it is asked."""
        plan = self.plan
        if plan.fatal_from is not None and self.requests >= plan.fatal_from:
            return error_reply(plan.fatal_status, "no more of this", plan.fatal_code)
        if body.get("model") not in plan.models:
            return error_reply(404, f"The model `{body.get('model')}` does not exist", "model_not_found")
        if "response_format" in body and not plan.schemas:
            return error_reply(plan.schema_status, plan.schema_words)
        if plan.streams == "only" and not body.get("stream"):
            return error_reply(400, "This model only supports stream mode, please enable the stream parameter")
        if not plan.system and any(m["role"] == "system" for m in body.get("messages") or ()):
            return error_reply(500, "System role not supported")
        for name in ("max_tokens", "max_completion_tokens"):
            if plan.max_tokens_name and name in body and name != plan.max_tokens_name:
                return error_reply(
                    400,
                    f"Unsupported parameter: '{name}'. Use '{plan.max_tokens_name}' instead.",
                    "unsupported_parameter",
                )
        if plan.many == "refused" and (body.get("n") or 1) > 1:
            return error_reply(400, "Only one completion choice is allowed")
        if plan.context is not None and len(prompt_of(body)) > plan.context:
            return error_reply(400, "This model's maximum context length is exceeded", "context_length_exceeded")
        return None

    async def _go_away(self) -> None:
        await self.listener.stop()
        await asyncio.sleep(self.plan.outage_s)
        await self.listener.start()


def reply(form: str, body: dict[str, Any], text: str | None, finish_reason: str, prompt_tokens: int) -> dict[str, Any]:
    """The reply in the API's form, `n` times the same text."""
    completion_tokens = len(text or "") // 4
    head = {"id": f"reply-{digest(body)}", "model": body.get("model")}
    if form == "responses":
        part = {"type": "output_text", "text": text or "", "annotations": []}
        status = "completed" if finish_reason == "stop" else "incomplete"
        return {
            **head,
            "object": "response",
            "status": status,
            "incomplete_details": None if finish_reason == "stop" else {"reason": "max_output_tokens"},
            "output": [{"type": "message", "role": "assistant", "content": [part]}],
            "usage": {"input_tokens": prompt_tokens, "output_tokens": completion_tokens},
        }
    usage = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }
    said = {"message": {"role": "assistant", "content": text}} if form == "chat" else {"text": text}
    choices = [
        {"index": i, "finish_reason": finish_reason, "logprobs": None, **said} for i in range(body.get("n") or 1)
    ]
    return {**head, "object": "chat.completion", "choices": choices, "usage": usage}


def error_reply(status: int, message: str, code: str = "") -> Outgoing:
    return Outgoing({"error": {"message": message, "type": "test", "code": code or None}}, status)


def streamed(form: str, whole: dict[str, Any], broken: bytes | None = None) -> bytes:
    """The reply as server-sent events, a few characters in each; a `broken` one ends in the middle."""
    if form == "responses":
        last_one = {"type": "response.completed", "response": whole}
        return f"event: response.completed\ndata: {json.dumps(last_one)}\n\n".encode()
    events: list[Any] = []
    head = {"id": whole["id"], "object": "chat.completion.chunk", "model": whole["model"]}
    for choice in whole["choices"]:
        text = choice["message"]["content"] if form == "chat" else choice["text"]
        for start in range(0, len(text or ""), 7):
            piece = (text or "")[start : start + 7]
            said = {"delta": {"content": piece}} if form == "chat" else {"text": piece}
            events.append({**head, "choices": [{"index": choice["index"], "finish_reason": None, **said}]})
        last = {"index": choice["index"], "finish_reason": choice["finish_reason"], "delta": {}}
        events.append({**head, "choices": [last]})
    if broken is not None:
        events = events[: len(events) // 2]
    events.append({**head, "choices": [], "usage": whole["usage"]})
    text = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    return f": working\n\n{text}{'' if broken is not None else 'data: [DONE]'}\n\n".encode()


def _busy(wait_s: float | None, hint: str = "header") -> Outgoing:
    outgoing = error_reply(429, "too many requests", "rate_limit_exceeded")
    if wait_s is None:
        return outgoing
    if hint == "header":
        outgoing.headers["Retry-After"] = f"{wait_s:.3f}"
    elif hint == "words":
        outgoing.body["error"]["message"] += f". Please try again in {wait_s:.3f}s."
    else:
        words = "You exceeded your current quota, please check your plan and billing details."
        delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{wait_s:.3f}s"}
        error = {"code": 429, "message": words, "status": "RESOURCE_EXHAUSTED", "details": [delay]}
        outgoing.body = [{"error": error}]
    return outgoing


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--teacher", choices=("echo", "procedural"), default="echo")
    parser.add_argument("--teacher-options", type=json.loads, default={}, help="JSON")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="OPTION=VALUE", help="options of the plan (JSON values)"
    )
    parser.add_argument("--fault", action="append", default=[], metavar="KIND=SHARE")
    parser.add_argument("--lasting", action="append", default=[], metavar="KIND=SHARE", help="drawn by prompt alone")
    return parser.parse_args()


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _shares(pairs: list[str]) -> tuple[tuple[str, float], ...]:
    return tuple((kind, float(share)) for kind, _, share in (pair.partition("=") for pair in pairs))


async def _serve(arguments: argparse.Namespace) -> None:
    options = {name: _value(value) for name, _, value in (pair.partition("=") for pair in arguments.set)}
    if "models" in options:
        options["models"] = tuple(str(options["models"]).split(","))
    plan = Plan(faults=_shares(arguments.fault), lasting=_shares(arguments.lasting), **options)
    answer: Answer | None = None
    if arguments.teacher == "procedural":
        from synthgen.teachers.procedural import Procedural

        answer = FromTeacher(Procedural(**arguments.teacher_options))
    async with OpenAIServer(plan, answer, arguments.port) as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(_arguments()))
