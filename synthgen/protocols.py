"""What the engine and its plug-ins agree on: the shape of every part of a pipeline.

Nothing here does any work. A teacher turns a request into a completion; a source gives an attempt what it starts from;
a stage turns records into records; a filter judges one record; a selector looks at the whole accepted set.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from synthgen.records import Drop, Record
from synthgen.requests.request import Api, Completion, Request, Sampling

MOST = 512
"""Slots at each server at most, if no other number is set."""


@runtime_checkable
class Teacher(Protocol):
    """Writes completions. `model` names the weights and every setting that changes a reply; it goes into the key.

    `sampling` holds defaults under a stage's own. A request says itself which API it is for. `complete` retries what
    can be retried and raises `TeacherError` where going on makes no sense. A teacher does not know the journal.

    Optional: `async def open(self) -> None` before the first request (may set `model`); `async def close(self) -> None`
    after the last; `def drain(self) -> None` when the run is ending (what waits for another try ends with `Draining`);
    `def keep_in(self, folder: Path, name: str) -> None` before `open`, for what has to survive restarts;
    `def holds(self, key: str) -> bool`, whether the reply to a request can be had without sending it, since an earlier
    session did; `metered = True` where it tells `requests.metering.current_meter()` of each try; `price: Price` for
    budgets in dollars; `at_once: int`, the most requests at once where a run finds their number by trying; `api: Api`
    for requests of stages that name none (else `chat`).
    """

    model: str
    sampling: Sampling | None

    async def complete(self, request: Request) -> Completion:
        """The reply to one request."""
        ...


def api_of(teacher: Teacher) -> Api:
    """The API that a teacher is asked by where a stage names none."""
    api: Api = getattr(teacher, "api", None) or "chat"
    return api


Check = Callable[[Completion], str | None]
"""Says why a completion cannot be used (a reason), or None: an unusable one is asked for again within a limit."""


class PoolView(Protocol):
    """The pool as one attempt sees it: all seed tasks, and the machine-made records of earlier attempts."""

    @property
    def seeds(self) -> Sequence[Record]:
        """The seed tasks, in file order."""
        ...

    @property
    def machine(self) -> Sequence[Record]:
        """The records that had passed the near-duplicate turn, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Draw:
    """What an attempt starts from: demonstrations for its prompt, or records that exist already."""

    demonstrations: tuple[Record, ...] = ()
    records: tuple[Record, ...] = ()


class Source(Protocol):
    """Gives attempt k its draw. Pure: the same attempt, view and rng give the same draw.

    `reads_pool` says whether the machine-made part of the view is used; if so, attempts wait for their window.
    """

    reads_pool: bool
    seeds: Sequence[Record]

    def draw(self, attempt: int, view: PoolView, rng: random.Random) -> Draw | None:
        """The draw of this attempt, or None where the source is exhausted (from this attempt on)."""
        ...


class Context(Protocol):
    """What a stage knows of the attempt it works for."""

    attempt: int
    round: int
    demonstrations: tuple[Record, ...]

    @property
    def rng(self) -> random.Random:
        """Random numbers of this attempt and this stage alone: the same in every run with the same seed."""
        ...

    async def ask(
        self,
        prompt: str | Sequence[Mapping[str, Any]],
        *,
        sampling: Sampling | None = None,
        response_format: Mapping[str, Any] | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
        api: Api | None = None,
        sample: int = 0,
        teacher: str = "teacher",
        check: Check | None = None,
        tries: int = 3,
    ) -> Completion:
        """The teacher's reply, from the journal where it is there.

        A string is one user message. `api` is the teacher's own if not set. `sample` asks for fresh text for an equal
        prompt: a generating stage gives `ctx.attempt`. An unusable reply (`check` names a reason) is asked for again,
        `tries` times in all; the last one is returned as it is, so that the stage can drop what it holds with that
        reason. Without a `check`, replies are unusable that are empty, cut or refused (`forms.reply_problems`).
        """
        ...


@dataclass(slots=True)
class Preparation:
    """What a part may look at once, before the run: called as `part.prepare(preparation)` where it has that method.

    `render` gives a prompt template's text (`render("alpaca/tasks", demonstrations=…)`); `seeds` are the seed tasks;
    `seed` is the run's random seed; `base` is the folder that paths in the config start from; `teachers` are by name.
    """

    render: Callable[..., str]
    seeds: Sequence[Record]
    seed: int
    base: str
    teachers: Mapping[str, Teacher] = field(default_factory=dict)


@runtime_checkable
class Stage(Protocol):
    """Records in, records out. Lose none: drop a record with `record.dropped(reason)`.

    A new record is either made from one that came in (`record.child(…)`, which replaces its parent) or wholly new
    (`Record(…)`). `ordered` stages are passed by the attempts one by one in order of their numbers and must not await
    anything slow. Optional: `prepare(preparation)`, and `expected: int`, how many records an attempt usually yields.
    """

    @property
    def ordered(self) -> bool:
        """Whether attempts pass this stage in order."""
        ...

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The records that go on, each once, dropped ones included."""
        ...


class Filter(Protocol):
    """None keeps the record; a reason (snake_case string, or `Drop` with evidence) drops it.

    A plain function with keyword-only settings, or a class with `__call__`. Optional on a class: `ordered = True`
    (called in order of attempts: it may keep state), `prepare(preparation)`.
    """

    def __call__(self, record: Record, /) -> Drop | str | None:
        """The verdict on one record."""
        ...


class Selector(Protocol):
    """Looks at the whole accepted set after generation has ended; marks those it does not select as dropped."""

    def select(self, records: Sequence[Record], rng: random.Random) -> list[Record]:
        """All the records, in an order of its own if it likes; dropped ones marked."""
        ...
