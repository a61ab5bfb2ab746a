"""Existing data as a source: chunks of its rows go through the stages like any other records."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, model_validator

from synthgen.formats import Account, Collection, Read, Row
from synthgen.formats.files import located
from synthgen.protocols import Draw, PoolView, Source, SourceFacts
from synthgen.records import Drop, Provenance, Record

Target = Literal[
    "instruction", "input", "output", "system", "messages", "conversations", "prompt", "completion", "history",
    "chosen", "rejected", "label", "score_chosen", "score_rejected", "reasoning", "task_type", "language",
    "is_classification", "tools",
]  # fmt: skip


class Dataset(Source, BaseModel):
    """Each attempt draws the next `chunk` rows of a dataset as records; the source ends with the rows.

    `path` is a file (JSON lines, JSON, CSV, TSV, Parquet or Arrow, plain or compressed), a folder of these, one that
    `save_to_disk` wrote, or the folder of a run. `hub` is a dataset of the Hugging Face Hub instead, with `config` and
    `revision` (name one: it is what makes the run repeatable). `split` is `train` where files tell splits.

    A layout is told by the columns that hold something: Alpaca's, Dolly's, question and answer, prompt and completion,
    `messages`, ShareGPT's `conversations`, chosen and rejected answers, and those that a run or an export writes;
    `columns` says where else a field is: `{output: verdict}`. Text that would be dropped stops the run before it
    begins; with `columns`, what they do not name is left aside.

    Rows are streamed. One that cannot be used becomes a dropped record (`malformed_row`, `tool_call`, …); what is left
    aside is in the run's report. A record's `provenance.source` is `file:row`, rows (in JSON lines: lines) counted
    from 1.
    """

    model_config = ConfigDict(extra="forbid")

    path: str | None = None
    hub: str | None = None
    config: str | None = None
    split: str | None = None
    revision: str | None = None
    columns: dict[Target, str] = Field(default_factory=dict)
    chunk: Annotated[int, Field(ge=1)] = 100

    _collection: Collection = PrivateAttr()
    _rows: Iterator[tuple[str, Row]] = PrivateAttr(default_factory=lambda: iter(()))
    _next: int | None = PrivateAttr(None)
    _accounts: dict[int, Account] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _locate(self, info: ValidationInfo) -> Self:
        if (self.path is None) == (self.hub is None):
            raise ValueError("a dataset needs either `path` or `hub`")
        base = Path((info.context or {}).get("base", "."))
        self._collection = Collection(
            None if self.path is None else located(self.path, base),
            hub=self.hub,
            split=self.split,
            config=self.config,
            revision=self.revision,
            columns={str(target): column for target, column in self.columns.items()},
            base=base,
        )
        return self

    @property
    def reads_pool(self) -> bool:
        """False: what is drawn depends on the rows alone."""
        return False

    @property
    def seeds(self) -> Sequence[Record]:
        """None: the rows are no demonstrations."""
        return ()

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are read, in order."""
        return self._collection.files

    def facts(self, attempts: int | None = None) -> SourceFacts:
        """What was read by the first `attempts` attempts, and left aside; by default what its first rows tell."""
        account = self._collection.first
        if attempts is not None:
            account = Account()
            for attempt in range(attempts):
                if attempt in self._accounts:
                    account.add(self._accounts[attempt])
        read, aside = self._collection.labels()
        return SourceFacts(
            files=tuple(read),
            rows=account.rows if attempts is not None else self._collection.count(),
            looked_at=account.rows if attempts is None else None,
            unusable=dict(sorted(account.unusable.items())),
            files_aside=tuple(aside),
            columns_aside=dict(sorted(account.columns.items())),
            broken_off=tuple(account.broken_off),
        )

    def draw(self, attempt: int, view: PoolView, rng: random.Random) -> Draw | None:
        """The records of chunk number `attempt`, or None behind the last one.

        Attempts that come in order read on; any other reads from the beginning.

        Raises:
            SeedError: a file cannot be read at all.
        """
        if attempt != self._next:
            self._rows = itertools.islice(self._collection.rows(), attempt * self.chunk, None)
        self._next = attempt + 1
        chunk = list(itertools.islice(self._rows, self.chunk))
        if not chunk:
            return None
        account = self._accounts[attempt] = Account(rows=len(chunk))
        return Draw(records=tuple(r for label, row in chunk for r in self._records(label, row, account)))

    def _records(self, label: str, row: Row, account: Account) -> tuple[Record, ...]:
        found = self._collection.read(label, row)
        if isinstance(found, Read):
            account.columns.update(found.aside)
            return found.records
        account.unusable[found.reason] += 1
        if row.last:
            account.broken_off.append(f"{found.place}: {found.problem}")
        drop = Drop(found.reason, detail=f"{found.place}: {found.problem}")
        return (Record(instruction=found.excerpt, provenance=Provenance(source=found.place), drop=drop),)
