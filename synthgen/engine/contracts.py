"""What plug-ins give back, held against what their kind promises, and the stage that applies a filter.

An error names the part that broke its word.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from synthgen.errors import ConfigError, StageError, SynthgenError, TeacherError
from synthgen.protocols import Context, Draw, Filter, Preparation, Source, Stage, Teacher, adapted, as_given
from synthgen.records import Drop, Record
from synthgen.requests.request import Choice, Completion, Request, Sampling, Usage

GO_ON = "what is paid for is in the journal; fix it and run the same command again"
COMPLETION = "a Completion, such as Completion((Choice(text),), Usage(prompt_tokens, completion_tokens))"


async def opened(name: str, teacher: Teacher) -> None:
    """Opens the teacher, and looks at what every request needs of it.

    Raises:
        TeacherError: it raised, or has no model's name, or a sampling that is none.
    """
    await _awaited(teacher.open, (), f"{_teacher(name, teacher)}: open()", TeacherError)
    for key, value, right in (
        ("model", teacher.model, isinstance(teacher.model, str) and bool(teacher.model)),
        ("sampling", teacher.sampling, teacher.sampling is None or isinstance(teacher.sampling, Sampling)),
    ):
        if not right:
            expected = "a name" if key == "model" else "a synthgen.Sampling, or None"
            raise TeacherError(f"{_teacher(name, teacher)} has {_shown(value)} as its {key}, expected {expected}")


async def completion_of(name: str, teacher: Teacher, request: Request) -> Completion:
    """The teacher's reply.

    Raises:
        TeacherError: the teacher cannot go on, raised anything else, or gave something that is no completion.
    """
    called = f"{_teacher(name, teacher)}: complete()"
    given = await _awaited(teacher.complete, (request,), called, TeacherError)
    if not isinstance(given, Completion):
        raise TeacherError(f"{called} returned {_shown(given)}, expected {COMPLETION}", hint=GO_ON)
    for choice in given.choices if isinstance(given.choices, (list, tuple)) else [given.choices]:
        if not isinstance(choice, Choice):
            raise TeacherError(
                f"{called} returned a Completion with {_shown(choice)} as a choice, expected {COMPLETION}", hint=GO_ON
            )
    if not isinstance(given.usage, Usage):
        raise TeacherError(f"{called} returned a Completion with {_shown(given.usage)} as its usage, expected a Usage")
    return given if isinstance(given.choices, tuple) else replace(given, choices=tuple(given.choices))


async def records_of(run: Callable[..., Any], records: list[Record], context: Any) -> list[Record]:
    """What a stage's `run` makes of the records.

    Raises:
        StageError: it raised, or gave something that is no list of records.
    """
    given = await _awaited(run, (records, context), "run()", StageError)
    return _records(given, "run()")


def draw_of(source: Source, *arguments: Any) -> Draw | None:
    """What the source gives an attempt to start from; None where it is exhausted.

    Raises:
        StageError: it raised, or gave something that is no draw.
    """
    called = f"source ({type(as_given(source)).__name__}): draw()"
    given = _called(source.draw, arguments, called)
    if given is None:
        return None
    if not isinstance(given, Draw):
        raise StageError(
            f"{called} returned {_shown(given)}, expected a Draw, or None when there is no more", hint=_async(given)
        )
    for what in (given.records, given.demonstrations):
        _records(what, called)
    return given


def selection_of(label: str, select: Callable[..., Any], records: list[Record], rng: Any) -> list[Record]:
    """The records as a selector gives them back.

    Raises:
        StageError: it raised, or gave something that is no list of records.
    """
    called = f"selector {label}: select()"
    return _records(_called(select, (records, rng), called), called)


DROPPING = "a record that is dropped stays in the list, marked: record.dropped(reason); a new one is Record(…)"


def _records(given: Any, called: str) -> list[Record]:
    if not isinstance(given, (list, tuple)):
        hint = "is a `return` missing?" if given is None else _async(given)
        raise StageError(f"{called} returned {_shown(given)}, expected a list of records", hint=hint)
    for item in given:
        if not isinstance(item, Record):
            raise StageError(f"{called} returned a list that holds {_shown(item)}, expected records", hint=DROPPING)
    return list(given)


def _called(function: Callable[..., Any], arguments: Sequence[Any], called: str) -> Any:
    try:
        return function(*arguments)
    except SynthgenError:
        raise
    except Exception as error:
        raise StageError(f"{called} raised {type(error).__name__}: {error}", hint=GO_ON) from error


async def _awaited(
    function: Callable[..., Any], arguments: Sequence[Any], called: str, kind: type[SynthgenError]
) -> Any:
    try:
        given = function(*arguments)
        if isinstance(given, Awaitable):
            return await given
    except SynthgenError:
        raise
    except Exception as error:
        raise kind(f"{called} raised {type(error).__name__}: {error}", hint=GO_ON) from error
    raise kind(f"{called} is not async: it returned {_shown(given)} at once", hint="write `async def` before it")


def _teacher(name: str, teacher: Teacher) -> str:
    return f"teacher {name} ({type(as_given(teacher)).__name__})"


def _async(given: Any) -> str | None:
    if not inspect.iscoroutine(given):
        return None
    given.close()
    return "it is async: write a plain `def`"


def _shown(value: Any) -> str:
    """A value as an error names it: its kind, and its beginning where it has one to show."""
    if value is None:
        return "None"
    if inspect.isawaitable(value):
        return "a coroutine"
    if isinstance(value, (str, int, float, bool)):
        text = repr(value)
        kind = {"str": "the text", "bool": "the truth value"}.get(type(value).__name__, "the number")
        return f"{kind} {text if len(text) <= 60 else text[:57] + '…'}"
    return f"a {type(value).__name__}"


class FilterStage(Stage):
    """Calls the filter on each record in order; ordered where the filter is."""

    def __init__(self, filter: Callable[[Record], Drop | str | None]) -> None:
        self.filter = filter
        self._part: Filter = adapted(filter, Filter)

    @property
    def ordered(self) -> bool:
        """Whether the filter is called in order."""
        return self._part.ordered

    def prepare(self, preparation: Preparation) -> None:
        """Prepares the filter."""
        self._part.prepare(preparation)

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The same records; those that the filter has a reason against are marked as dropped.

        Raises:
            ConfigError: the filter cannot work with its settings.
            StageError: the filter raised, or returned something other than None, a reason or a `Drop`.
        """
        return [self._judge(record) for record in records]

    def _judge(self, record: Record) -> Record:
        try:
            verdict = self.filter(record)
        except ConfigError:
            raise  # its settings are wrong, whatever the record
        except Exception as error:
            which = f"record {record.id} ({record.instruction[:80]!r})"
            raise StageError(
                f"the filter raised {type(error).__name__}: {error} on {which}",
                hint="a filter returns None or a reason; fix it and run again: what is paid for is kept",
            ) from error
        if verdict is None:
            return record
        if isinstance(verdict, str):
            try:
                verdict = Drop(verdict)
            except ValueError as error:
                raise StageError(
                    f"the filter gave the reason {verdict!r} for record {record.id}",
                    hint="a reason is a snake_case word such as too_short",
                ) from error
        if not isinstance(verdict, Drop):
            hint = "a filter returns None to keep the record, or a reason (a string or a Drop) to drop it"
            if isinstance(verdict, bool):
                hint += ': such as `return "too_long" if too_long else None`'
            elif isinstance(verdict, Coroutine):
                verdict.close()
                hint = "it is async: a filter is a plain `def`; what has to wait for something is a stage"
            raise StageError(
                f"the filter returned {type(verdict).__name__} {str(verdict)[:80]!r} for record {record.id}", hint=hint
            )
        return record.dropped(verdict)
