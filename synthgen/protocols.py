"""What the engine and its plug-ins agree on: each kind of part as a class, with all that a part may have.

Nothing here does any work. A teacher turns a request into a completion; a source gives an attempt what it starts from;
a stage turns records into records; a filter judges one record; a selector looks at the whole accepted set.

A part derives from its kind's class, or is any object that has what the kind needs (the members without a default:
they are named first); such an object gets the defaults when it enters a pipeline (`adapted`). What has a default may be
an attribute, a property, a field of a pydantic class or a method of the part. (B027: a default may well do nothing.)
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from synthgen.errors import ConfigError
from synthgen.records import Drop, Record
from synthgen.requests.metering import Price
from synthgen.requests.request import Api, Completion, Request, Sampling
from synthgen.text import suggestion

T = TypeVar("T")

MOST = 512
"""Slots at each server at most, if no other number is set."""

if TYPE_CHECKING:
    from builtins import property as default
else:

    class default:
        """A value that instances have where neither they nor their class give another.

        It is not there on the class, or pydantic would say that a field of this name hides it.
        """

        def __init__(self, value: Callable[[Any], Any]) -> None:
            self.__doc__ = value.__doc__
            self._value = value

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            if instance is None:
                raise AttributeError(self._value.__name__)
            return self._value(instance)


class Teacher(ABC):
    """Writes completions. It needs `model`, `sampling` and `complete`; the rest has defaults.

    `complete` retries what can be retried and raises `TeacherError` where going on makes no sense. A request says
    itself which API it is for. A teacher does not know the journal.
    """

    if TYPE_CHECKING:

        @property
        @abstractmethod
        def model(self) -> str:
            """Names the weights and every setting that changes a reply; it goes into the key of a request."""

    @default
    def sampling(self) -> Sampling | None:
        """Defaults under a stage's own sampling."""
        return None

    @abstractmethod
    async def complete(self, request: Request) -> Completion:
        """The reply to one request."""

    async def open(self) -> None:  # noqa: B027
        """Called before the first request. It may set `model`."""

    async def close(self) -> None:  # noqa: B027
        """Called after the last request, also where `open` has raised."""

    def drain(self) -> None:  # noqa: B027
        """Called when the run is ending: what waits for another try ends with `Draining`."""

    def keep_in(self, folder: Path, name: str) -> None:  # noqa: B027
        """Called before `open`, with the run's folder and the teacher's name: for what has to survive restarts."""

    def holds(self, key: str) -> bool:
        """Whether the reply to the request with this key can be had without sending it: an earlier session did."""
        return False

    @default
    def metered(self) -> bool:
        """Whether it tells `requests.metering.current_meter()` of each try; else a request counts as one try."""
        return False

    @default
    def price(self) -> Price | None:
        """What its tokens cost, for budgets in dollars and reports; None where that is not known."""
        return None

    @default
    def batch(self) -> bool:
        """Whether it gathers requests into batches, whose replies take hours and cost the batch price."""
        return False

    @default
    def at_once(self) -> int:
        """The most requests at once where a run finds their number by trying."""
        return MOST

    @default
    def api(self) -> Api | None:
        """The API of requests of stages that name none; `chat` where this is None."""
        return None

    @default
    def structured(self) -> bool:
        """Whether it holds replies to a JSON schema, where stages leave it to the teacher."""
        return False

    @default
    def path(self) -> str | None:
        """The folder of its checkpoint, where stages may read the chat template."""
        return None

    @default
    def urls(self) -> Sequence[str]:
        """The servers that it asks."""
        return ()

    @default
    def api_key_env(self) -> str | None:
        """The environment variable that its key is read from."""
        return None

    @default
    def free_settings(self) -> Sequence[str]:
        """Settings that change no reply: a run goes on where they have changed."""
        return ()


def api_of(teacher: Teacher) -> Api:
    """The API that a teacher is asked by where a stage names none."""
    return teacher.api or "chat"


def teacher_named(name: str, teachers: Mapping[str, T]) -> T:
    """The teacher with this name.

    Raises:
        ConfigError: there is none.
    """
    if name not in teachers:
        raise ConfigError(
            f"the config names no teacher {name!r}",
            key="teacher",
            hint=suggestion(name, teachers, what="it names") if teachers else "add teacher: {use: procedural}",
        )
    return teachers[name]


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


class SourceFacts(BaseModel):
    """What of existing data was read, and what was left aside.

    `rows` were read of `files`; before a run so many are there (None: not counted), and the first `looked_at` tell
    the rest. Those that cannot be used are counted by reason, and columns by how many rows held something in them. Of
    many files the first few are named. Files left aside come with the reason. `broken_off` says of each file that could
    not be read to its end where that was, and why.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: tuple[str, ...] = ()
    rows: int | None = 0
    looked_at: int | None = None
    unusable: dict[str, int] = Field(default_factory=dict)
    files_aside: tuple[str, ...] = ()
    columns_aside: dict[str, int] = Field(default_factory=dict)
    broken_off: tuple[str, ...] = ()

    def lines(self) -> list[tuple[str, str]]:
        """The same for people: what a line is about, and what it says; nothing of what did not happen."""
        unusable = ", ".join(f"{count:,} {reason}" for reason, count in self.unusable.items())
        columns = ", ".join(f"{name} ({count:,} rows)" for name, count in self.columns_aside.items())
        rows = "rows" if self.rows is None else "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        files = ", ".join(self.files) + (f"; unusable: {unusable}" if unusable else "")
        if self.looked_at is not None and self.looked_at != self.rows:
            rows += f" (the first {self.looked_at:,} were looked at)"
        lines = [
            ("read", f"{rows} of {files}"),
            ("not read to the end", "; ".join(self.broken_off)),
            ("files left aside", ", ".join(self.files_aside)),
            ("columns left aside", columns),
        ]
        return [(head, text) for head, text in lines if text]


class Source(ABC):
    """Gives attempt k its draw. It needs `reads_pool`, `seeds` and `draw`.

    Pure: the same attempt, view and random numbers give the same draw.
    """

    if TYPE_CHECKING:

        @property
        @abstractmethod
        def reads_pool(self) -> bool:
            """Whether the machine-made part of the view is used; if so, attempts wait for their window."""

        @property
        @abstractmethod
        def seeds(self) -> Sequence[Record]:
            """The seed tasks, in file order."""

    @abstractmethod
    def draw(self, attempt: int, view: PoolView, rng: random.Random) -> Draw | None:
        """The draw of this attempt, or None where the source is exhausted (from this attempt on)."""

    @default
    def files(self) -> Sequence[Path]:
        """The files that it reads: a run that goes on finds out whether they have changed."""
        return ()

    def facts(self, attempts: int | None = None) -> SourceFacts | None:
        """What was read by the first `attempts` attempts, by default what the first rows tell; for reports."""
        return None


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
    """What a part may look at once, before the run: called as `part.prepare(preparation)`.

    `render` gives a prompt template's text (`render("alpaca/tasks", demonstrations=…)`); `seeds` are the seed tasks;
    `seed` is the run's random seed; `base` is the folder that paths in the config start from; `teachers` are by name.
    """

    render: Callable[..., str]
    seeds: Sequence[Record]
    seed: int
    base: str
    teachers: Mapping[str, Teacher] = field(default_factory=dict)


class Stage(ABC):
    """Records in, records out. It needs `ordered` and `run`.

    Lose none: drop a record with `record.dropped(reason)`. A new record is either made from one that came in
    (`record.child(…)`, which replaces its parent) or wholly new (`Record(…)`).
    """

    @default
    def ordered(self) -> bool:
        """Whether attempts pass one by one in order of their numbers; such a stage must not await anything slow."""
        return False

    @abstractmethod
    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The records that go on, each once, dropped ones included."""

    def prepare(self, preparation: Preparation) -> None:  # noqa: B027
        """Called once before the run."""

    @default
    def expected(self) -> int:
        """How many records an attempt usually yields."""
        return 1

    @default
    def prompt_settings(self) -> Sequence[str]:
        """The settings that name a prompt template: it is looked at before a run begins."""
        return ()


class Filter(ABC):
    """None keeps the record; a reason (snake_case string, or `Drop` with evidence) drops it.

    Most filters are plain functions with keyword-only settings.
    """

    @abstractmethod
    def __call__(self, record: Record, /) -> Drop | str | None:
        """The verdict on one record."""

    @default
    def ordered(self) -> bool:
        """Whether it is called in order of the attempts: it may keep state then."""
        return False

    def prepare(self, preparation: Preparation) -> None:  # noqa: B027
        """Called once before the run."""


class Selector(ABC):
    """Looks at the whole accepted set after generation has ended; marks those it does not select as dropped."""

    @abstractmethod
    def select(self, records: Sequence[Record], rng: random.Random) -> list[Record]:
        """All the records, in an order of its own if it likes; dropped ones marked."""

    def prepare(self, preparation: Preparation) -> None:  # noqa: B027
        """Called once before the run."""


_LACKS = object()


class Adapted:
    """A part that does not derive from its kind's class: what it has is its own, the rest are the kind's defaults."""

    def __init__(self, part: Any, kind: type) -> None:
        self.__dict__.update(_given=part, _kind=kind)  # past our __setattr__, which is the part's

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        given, kind = self.__dict__["_given"], self.__dict__["_kind"]
        value = getattr(given, name, _LACKS)  # with a default, since raising takes longer than all the rest
        if value is not _LACKS:
            return value
        return vars(kind)[name].__get__(self) if name in vars(kind) else getattr(given, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._given, name, value)


def adapted(part: Any, kind: type) -> Any:
    """The part with all that its kind may have: itself where it derives from the kind's class or is adapted already."""
    return part if isinstance(part, (kind, Adapted)) else Adapted(part, kind)


def as_given(part: Any) -> Any:
    """The part as its author made it: what `adapted` was given."""
    return as_given(vars(part)["_given"]) if isinstance(part, Adapted) else part
