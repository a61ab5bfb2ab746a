"""The `llama_cpp` teacher: a GGUF file in this process, by llama.cpp; for real models without a server or a GPU.

Requests and replies are those of the openai teacher, whose encoding and reading it shares.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from synthgen.checkpoints.gguf import Header, content_hash, gguf_at, read_header
from synthgen.errors import ConfigError, TeacherError
from synthgen.formats.files import located
from synthgen.protocols import Teacher
from synthgen.requests.metering import FREE, Price
from synthgen.requests.request import Choice, Completion, Draining, Request, Sampling, Usage
from synthgen.safety.outward import logger
from synthgen.teachers.llama_server import WAITING, Cancelled, Load, Server, ended, started
from synthgen.teachers.openai.bodies import Dialect, Sent, encode, learned
from synthgen.teachers.openai.problems import Again, Problem
from synthgen.teachers.openai.reading import read_reply
from synthgen.text import suggestion

log = logger("synthgen.teachers.llama_cpp")

DEFAULT_MAX_TOKENS = 512
DEFAULT_CONTEXT = 4096

CHATML = "chatml"
"""The one chat template that llama.cpp has a name for."""

NEUTRAL: dict[str, Any] = {
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": 0,
    "min_p": 0.0,
    "repeat_penalty": 1.0,
    "xtc_probability": 0.0,
    "mirostat": 0,
    "max_tokens": DEFAULT_MAX_TOKENS,
}
"""What a request says where nobody else does: else llama.cpp's own defaults would hold, or those of the file."""

_EXTRA = """
    adaptive_decay adaptive_target chat_template_kwargs dry_allowed_length dry_base dry_multiplier dry_penalty_last_n
    dry_sequence_breakers dynatemp_exponent dynatemp_range grammar ignore_eos lora min_keep min_p mirostat mirostat_eta
    mirostat_tau n_indent n_keep parallel_tool_calls reasoning_budget_message reasoning_budget_tokens reasoning_format
    repeat_last_n repeat_penalty samplers t_max_predict_ms tool_choice top_k top_n_sigma typical_p xtc_probability
    xtc_threshold
"""
EXTRA = frozenset(_EXTRA.split())
"""What llama.cpp (October 2026) takes beside the API's own sampling. All else it would ignore without a word."""

IN_A_ROW = 50
"""So many refusals without a reply between them are no longer about single requests."""

_SEEDS = 2**31
_NEXT_CHOICE = 7_368_787
"""Choices of one request are so far apart in their seeds; samples and retries are at other distances."""

_FULL = "context_full"
"""The finish reason of a reply that ended where its slot's context does."""


class Adapter(BaseModel):
    """A LoRA adapter as a GGUF file, and how much of it is added."""

    model_config = ConfigDict(extra="forbid")

    path: str
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class _Gguf:
    file: Path
    header: Header


class LlamaCpp(Teacher, BaseModel):
    """A GGUF model served by llama.cpp in this process, on the CPU or what the installed xllamacpp was built for.

    `path` is the file, or `package:NAME/FILE` for one inside an installed package. Teachers of one process share one
    model in memory if their `path`, `adapters`, `chat_template`, `context`, `slots` and `threads` are the same.

    A request without a `seed` gets one from its key. With `slots: 1` equal requests give equal replies; with more, what
    else is worked on at the same time changes the last bits of the arithmetic, and now and then a token.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    free_settings: ClassVar[tuple[str, ...]] = ("slots", "threads", "price")

    path: str
    adapters: tuple[Adapter, ...] = ()
    api: Literal["chat", "completions"] = "chat"
    chat_template: str | None = Field(None, description="a file of Jinja, or chatml; the model's own if null")
    context: int | None = Field(
        None, ge=16, description=f"tokens of prompt and reply together; {DEFAULT_CONTEXT}, or fewer the model knows"
    )
    slots: int = Field(4, ge=1, le=256, description="requests that are worked on at once")
    threads: int | None = Field(None, ge=1, description="at most the cores; those that are free if null")
    structured: bool = True
    sampling: Sampling | None = None
    price: Price = FREE

    _base: Path = PrivateAttr(Path())
    _name: str = PrivateAttr("")
    _weights: _Gguf | None = PrivateAttr(None)
    _server: Server | None = PrivateAttr(None)
    _turns: asyncio.Semaphore = PrivateAttr()
    _dialect: Dialect = PrivateAttr(default_factory=lambda: Dialect(stream=True))
    _draining: bool = PrivateAttr(False)
    _answered: bool = PrivateAttr(False)
    _refusals: int = PrivateAttr(0)

    @field_validator("adapters", mode="before")
    @classmethod
    def _paths_alone(cls, value: Any) -> Any:
        if isinstance(value, (str, Mapping)):
            value = [value]
        several = isinstance(value, (list, tuple))
        return [{"path": one} if isinstance(one, str) else one for one in value] if several else value

    @field_validator("sampling")
    @classmethod
    def _known(cls, value: Sampling | None) -> Sampling | None:
        if value is not None and (wrong := _unknown(value)):
            raise ValueError(": ".join(wrong))
        return value

    @model_validator(mode="after")
    def _remember_base(self, info: ValidationInfo) -> Self:
        self._base = Path((info.context or {}).get("base", "."))
        return self

    @property
    def model(self) -> str:
        """Names the weights, adapters and template by their content, so that files may be moved and renamed.

        Raises:
            ConfigError: one of the files is not there, or is no GGUF file of its kind.
        """
        if not self._name:
            weights = self._model_file()
            parts = [f"{weights.header.name}@{content_hash(weights.file)}"]
            parts += [f"{content_hash(path)}*{scale:g}" for path, scale in self._adapter_files()]
            if (template := self._template()) is not None:
                parts.append(f"template-{hashlib.sha256(template.encode()).hexdigest()[:12]}")
            self._name = "+".join(parts)
        return self._name

    @property
    def at_once(self) -> int:
        """As many requests as are worked on, and a few that wait for a slot."""
        return self.slots + WAITING

    async def open(self) -> None:
        """Loads the model, or takes the one that another teacher has loaded.

        Raises:
            ConfigError: xllamacpp is not installed, or a file is not there, not GGUF, cut or unknown to llama.cpp.
        """
        await asyncio.to_thread(lambda: self.model)  # a large file takes long to hash
        load = Load(
            file=self._model_file().file,
            adapters=tuple(self._adapter_files()),
            chat_template=self._template(),
            context=self._context,
            slots=self.slots,
            threads=self.threads,
        )
        self._server = await asyncio.to_thread(started, load)
        self._turns = asyncio.Semaphore(self.at_once)
        self._draining = False

    async def close(self) -> None:
        """Gives the model back; what it is at work on for nobody else ends."""
        server, self._server = self._server, None
        if server is not None:
            await asyncio.to_thread(ended, server)

    def drain(self) -> None:
        """The run is ending: requests that wait for a slot end with `Draining`."""
        self._draining = True

    async def complete(self, request: Request) -> Completion:
        """The reply; `n` choices where the sampling asks for them, each with a seed of its own.

        A prompt beyond the context gives the finish reason `context_length`. A request that llama.cpp refuses, where it
        has answered others, gives `bad_request`.

        Raises:
            TeacherError: the teacher cannot do what the request asks for, or llama.cpp fails.
        """
        self._refuse(request)
        async with self._turns:
            if self._draining:
                raise Draining
            first = await self._choice(request, 0)
            if first.choices[0].finish_reason in ("context_length", "bad_request"):
                return first
            others = range(1, request.sampling.n or 1)
            rest = await asyncio.gather(*(self._choice(request, number) for number in others))
        every = (first, *rest)
        usage = replace(first.usage, completion_tokens=sum(one.usage.completion_tokens for one in every))
        return replace(first, choices=tuple(one.choices[0] for one in every), usage=usage)

    def _refuse(self, request: Request) -> None:
        """Raises `TeacherError` for what llama.cpp would leave out without a word."""
        if self._server is None:
            raise TeacherError("the llama_cpp teacher is not open", hint="await teacher.open() first")
        if request.api == "responses":
            raise TeacherError(
                "the llama_cpp teacher has no responses API", hint="api: chat (or completions for raw prompts)"
            )
        if wrong := _unknown(request.sampling):
            raise TeacherError(wrong[0], hint=wrong[1])
        if request.tools and request.api == "completions":
            raise TeacherError("a raw prompt has no tools", hint="api: chat takes them")
        if request.api == "chat" and self.chat_template is None and self._model_file().header.chat_template is None:
            raise TeacherError(
                f"{self._file_name} has no chat template: it is a base model, most likely",
                hint="give it raw prompts (api: completions, or the stage pre_query), or a chat_template: a file of "
                "Jinja, or chatml",
            )

    async def _choice(self, request: Request, number: int) -> Completion:
        """One choice. What the model turns out not to take is left out from then on, and the log says so."""
        while True:
            wanted = self._as_sent(request, number)
            dialect = self._dialect
            sent = Sent.of(request, dialect, schema=False)  # it knows schemas: one that it refuses is at fault itself
            given = await self._given(wanted, encode(wanted, dialect))
            if isinstance(given, Completion):
                self._answered, self._refusals = True, 0
                return self._understood(given)
            if given.context_length:
                return self._too_long(given)
            told = learned(dialect, sent, given)
            if told is None:
                return self._refused(given)
            if told:
                log.warning("%s " + told.format(words="%s"), self._file_name, given.message)

    async def _given(self, request: Request, body: bytes) -> Completion | Problem:
        server = self._server
        if server is None:
            raise TeacherError("the llama_cpp teacher was closed")
        cancelled = threading.Event()
        try:
            stream = await asyncio.wrap_future(server.ask(request.api, body, cancelled))
            return read_reply(200, {"Content-Type": "text/event-stream"}, stream, request.api)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        except Cancelled as error:
            raise Draining from error
        except (ValueError, RuntimeError) as error:
            return Problem(400, str(error))
        except Again as error:
            raise TeacherError(f"llama.cpp failed at a request to {self._file_name}: {error}") from error

    def _as_sent(self, request: Request, number: int) -> Request:
        """The request as llama.cpp gets it, for the choice of this number."""
        body = {**NEUTRAL, **request.sampling.body}
        body.pop("n", None)
        seed = body.get("seed")
        if seed is None:
            seed = int.from_bytes(hashlib.sha256(request.key.encode()).digest()[:4], "big")
        body["seed"] = (seed + number * _NEXT_CHOICE) % _SEEDS
        if body.get("logprobs"):
            body.setdefault("top_logprobs", 1)
        body["return_progress"] = True  # a sign of life for each piece of the prompt, where it can be stopped
        body["cache_prompt"] = self.slots > 1  # what is taken from the cache was computed in other pieces
        form, messages = request.response_format, request.messages
        if request.api == "completions":
            if form is not None and self._dialect.response_format:
                body["json_schema"] = (form.get("json_schema") or {}).get("schema") or {}
            form, messages = None, self._with_one_bos(messages)
        named = {name: value for name, value in body.items() if name in Sampling.model_fields and name != "extra"}
        extra = {name: value for name, value in body.items() if name not in named}
        return replace(request, messages=messages, response_format=form, sampling=Sampling(**named, extra=extra))

    def _with_one_bos(self, messages: tuple[Mapping[str, Any], ...]) -> tuple[Mapping[str, Any], ...]:
        """A raw prompt without the token for the beginning, where llama.cpp puts it there."""
        header = self._model_file().header
        if not (header.adds_bos and header.bos):
            return messages
        return tuple({**one, "content": str(one.get("content") or "").removeprefix(header.bos)} for one in messages)

    def _understood(self, given: Completion) -> Completion:
        """The reply under the file's name, and with the reason where it ended for want of context."""
        (choice, *_), usage = given.choices, given.usage
        if choice.finish_reason == "length" and usage.prompt_tokens + usage.completion_tokens >= self._context:
            choice = replace(choice, finish_reason=_FULL)
        return Completion((choice,), usage, self._file_name)

    def _too_long(self, problem: Problem) -> Completion:
        error = problem.body.get("error") if isinstance(problem.body, dict) else None
        tokens = error.get("n_prompt_tokens") if isinstance(error, dict) else None
        counted = f"{tokens:,} tokens" if isinstance(tokens, int) else "more tokens"
        known = self._model_file().header.context
        more = f" (the model was trained for {known:,})" if known and known > self._context else ""
        words = f"it has {counted} and `context:` of the teacher is {self._context:,}{more}"
        usage = Usage(tokens if isinstance(tokens, int) else 0, 0)
        return Completion((Choice(None, "context_length", refusal=words),), usage, self._file_name)

    def _refused(self, problem: Problem) -> Completion:
        self._refusals += 1
        if not self._answered or self._refusals == IN_A_ROW:
            before = f"and {IN_A_ROW - 1} before it" if self._answered else "and has answered none before"
            raise TeacherError(
                f"llama.cpp refuses a request to {self._file_name} ({before}): {problem.message}",
                hint="its words name what to change; structured: false sends no schema",
            )
        return Completion((Choice(None, "bad_request", refusal=problem.message),), Usage(), self._file_name)

    @property
    def _file_name(self) -> str:
        return self._model_file().file.name

    @property
    def _context(self) -> int:
        """The tokens of one slot: what is set, and no more than the model was trained for."""
        known = self._model_file().header.context
        return min(self.context or DEFAULT_CONTEXT, known or self.context or DEFAULT_CONTEXT)

    def _model_file(self) -> _Gguf:
        self._weights = self._weights or _gguf(self.path, self._base, "model")
        return self._weights

    def _adapter_files(self) -> list[tuple[Path, float]]:
        return [(_gguf(one.path, self._base, "adapter").file, one.scale) for one in self.adapters]

    def _template(self) -> str | None:
        """The chat template that is set, as llama.cpp gets it."""
        if self.chat_template in (None, CHATML):
            return self.chat_template
        file = located(self.chat_template, self._base)
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"the chat template {self.chat_template} cannot be read: {error}",
                hint=f"chat_template: names a file of Jinja beside the config, or is {CHATML}",
            ) from error


def _gguf(path: str, base: Path, kind: Literal["model", "adapter"]) -> _Gguf:
    file = gguf_at(path, base).resolve()
    header = read_header(file)
    if header.kind == kind:
        return _Gguf(file, header)
    if header.kind == "adapter":
        raise ConfigError(f"{file.name} is an adapter, not a model", hint="path: is its base; adapters: [this file]")
    hint = "convert_lora_to_gguf.py of llama.cpp makes one of a PEFT adapter" if kind == "adapter" else None
    raise ConfigError(f"{file.name} holds no {kind} but: {header.kind}", hint=hint or "name the file of the weights")


def _unknown(sampling: Sampling) -> tuple[str, str] | None:
    """What llama.cpp would leave out without a word, and what to do; None where there is nothing of the kind."""
    wrong = sorted(sampling.extra.keys() - EXTRA)
    if not wrong:
        return None
    name = wrong[0]
    hint = _INSTEAD.get(name) or suggestion(name, [*EXTRA, *Sampling.model_fields], what="it takes")
    return f"the llama_cpp teacher takes no {name} in the sampling", hint


_INSTEAD = {
    "max_completion_tokens": "max_tokens says it",
    "n_predict": "max_tokens says it",
    "json_schema": "stages that ask for a schema send it themselves; `grammar` takes a grammar of your own",
    "response_format": "stages that ask for a schema send it themselves; `grammar` takes a grammar of your own",
    "cache_prompt": "slots: 1 works without the cache of prompts, more slots with it",
    "stream": "a stream is of no use here",
}
