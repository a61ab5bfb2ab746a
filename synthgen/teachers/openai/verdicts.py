"""Whose fault it is that a request gets no reply: its own, or the server's, which would stop the run.

A request that the server refuses is rejected alone where others of its kind get replies. Where nobody can know, because
nothing of its kind has been answered (it is the first one, or all others came from the journal), a plain question of
the same kind is sent: with the same model, sampling, tools and schema, and a text that nobody refuses.
"""

from __future__ import annotations

from dataclasses import replace

from synthgen.forms.reply_problems import is_final
from synthgen.requests.request import Completion, Request, canonical
from synthgen.teachers.openai.bodies import has_system
from synthgen.teachers.openai.problems import OF_THE_REQUEST, Problem

IN_DOUBT = 3
"""From so many refused in a row on, what was answered before them proves nothing: the server may have changed."""
NEARLY_ALL = 50
"""So many rejected in a row, and more than have got a reply, stop the run, even if a plain question gets one."""
_SYSTEM = {"role": "system", "content": "You are a helpful assistant."}
_USER = {"role": "user", "content": "Say hello."}


class Verdicts:
    """What is known about kinds of requests. `in_a_row` counts those rejected since the last reply."""

    def __init__(self) -> None:
        self.in_a_row = 0
        self._since_proof = 0
        self._replies = 0
        self._answered: set[str] = set()
        self._last: tuple[object, str] = (None, "")

    def answered(self, request: Request) -> None:
        """It has got a reply."""
        self.in_a_row = self._since_proof = 0
        self._replies += 1
        self._answered.add(self._kind(request))

    def proved(self, request: Request) -> None:
        """A plain question of its kind has got a reply."""
        self._since_proof = 0
        self._answered.add(self._kind(request))

    def is_its_own(self, request: Request, problem: Problem) -> bool:
        """Whether it is known that others of its kind get replies, so that the refusal is about this one."""
        return (
            problem.status in OF_THE_REQUEST and self._since_proof < IN_DOUBT and self._kind(request) in self._answered
        )

    def rejected(self) -> bool:
        """Counts one; whether there are now so many that the run should stop."""
        self.in_a_row += 1
        self._since_proof += 1
        return self.in_a_row >= NEARLY_ALL and self.in_a_row > self._replies

    def _kind(self, request: Request) -> str:
        """Everything but the text."""
        sampling = request.sampling
        if self._last[0] is not sampling:  # nearly all requests of a stage share one object
            self._last = sampling, canonical({k: v for k, v in sampling.body.items() if k != "seed"})
        schema = request.response_format and (request.response_format.get("json_schema") or {}).get("name", "json")
        return f"{(request.model, request.api, bool(request.tools), schema, has_system(request))} {self._last[1]}"


def plain(request: Request) -> Request:
    """The plain question of a request's kind."""
    messages = (_SYSTEM, _USER) if has_system(request) else (_USER,)
    return replace(request, messages=messages)


def is_reply(completion: Completion) -> bool:
    """Whether a model has written it."""
    return completion.usage.total > 0 and not is_final(completion.choices[0])
