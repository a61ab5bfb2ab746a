"""The stage that applies a filter: a dropped record goes on marked, so that it reaches the rejects."""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from synthgen.errors import ConfigError, StageError
from synthgen.protocols import Context, Filter, Preparation, Stage, adapted
from synthgen.records import Drop, Record


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
