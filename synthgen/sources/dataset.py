"""Existing data as a source: chunks of its rows go through the stages like any other records."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, model_validator

from synthgen.errors import SeedError
from synthgen.protocols import Draw, PoolView
from synthgen.records import Drop, Provenance, Record
from synthgen.sources.location import label_of, located
from synthgen.sources.reading import EXCERPT, Row, files_of, hub_rows, rows_of
from synthgen.sources.rows import layout_of, renamed, to_record

PEEK = 100
"""Rows that are looked at before the run for one whose columns are known."""

Target = Literal[
    "instruction", "input", "output", "system", "messages", "conversations", "prompt", "completion", "reasoning",
    "task_type", "language", "is_classification", "tools",
]  # fmt: skip


class Dataset(BaseModel):
    """Each attempt draws the next `chunk` rows of a dataset as records; the source ends with the rows.

    `path` is a JSON lines, JSON or Parquet file, a folder of these, or the folder of a run. `hub` is a dataset of the
    Hugging Face Hub instead, with `config`, `split` and `revision` (name one: it is what makes the run repeatable).
    Known columns are Alpaca's (`instruction`, `input`, `output`, `system`), `messages`, ShareGPT's `conversations`,
    `prompt` with `completion`, and those that a run writes; `columns` says where else a field is: `{output: answer}`.

    Rows are streamed. One that cannot be used becomes a record dropped as `malformed_row`; columns that are not used
    are counted in `ignored`. A record's `provenance.source` is `file:row`, rows (in JSON lines: lines) counted from 1.
    """

    model_config = ConfigDict(extra="forbid")

    path: str | None = None
    hub: str | None = None
    config: str | None = None
    split: str = "train"
    revision: str | None = None
    columns: dict[Target, str] = Field(default_factory=dict)
    chunk: Annotated[int, Field(ge=1)] = 100

    _base: Path = PrivateAttr(default_factory=Path)
    _files: tuple[Path, ...] = PrivateAttr(())
    _rows: Iterator[tuple[str, Row]] = PrivateAttr(default_factory=lambda: iter(()))
    _next: int | None = PrivateAttr(None)
    _ignored: Counter[str] = PrivateAttr(default_factory=Counter)

    @model_validator(mode="after")
    def _locate(self, info: ValidationInfo) -> Self:
        if (self.path is None) == (self.hub is None):
            raise ValueError("a dataset needs either `path` or `hub`")
        if self.path is not None:
            self._base = Path((info.context or {}).get("base", "."))
            self._files = tuple(files_of(located(self.path, self._base)))
            self._look()
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
        return self._files

    @property
    def ignored(self) -> Counter[str]:
        """How many rows so far had a column that is not used, by its name."""
        return self._ignored

    def draw(self, attempt: int, view: PoolView, rng: random.Random) -> Draw | None:
        """The records of chunk number `attempt`, or None behind the last one.

        Attempts that come in order read on; any other reads from the beginning.

        Raises:
            SeedError: a file cannot be read further.
        """
        if attempt != self._next:
            self._rows = itertools.islice(self._all_rows(), attempt * self.chunk, None)
            if attempt == 0:
                self._ignored.clear()
        self._next = attempt + 1
        chunk = list(itertools.islice(self._rows, self.chunk))
        if not chunk:
            return None
        return Draw(records=tuple(self._record(label, row) for label, row in chunk))

    def _all_rows(self) -> Iterator[tuple[str, Row]]:
        if self.hub is not None:
            label = f"{self.hub}/{self.split}"
            return ((label, row) for row in hub_rows(self.hub, self.config, self.split, self.revision))
        labelled = ((label_of(path, self._base), path) for path in self._files)
        return ((label, row) for label, path in labelled for row in rows_of(path))

    def _renamed(self, values: dict[str, Any]) -> dict[str, Any]:
        if not self.columns:
            return values
        return renamed(values, {str(field): column for field, column in self.columns.items()})

    def _record(self, label: str, row: Row) -> Record:
        source = f"{label}:{row.number}"
        problem, excerpt = row.problem, row.excerpt
        if row.values is not None:
            try:
                record, ignored = to_record(self._renamed(row.values), source)
            except (ValueError, RecursionError) as error:
                problem = str(error)
                excerpt = json.dumps(row.values, ensure_ascii=False, default=str)[:EXCERPT]
            else:
                if ignored:
                    self._ignored.update(ignored)
                return record
        drop = Drop("malformed_row", detail=f"{source}: {problem}")
        return Record(instruction=excerpt, provenance=Provenance(source=source), drop=drop)

    def _look(self) -> None:
        """Checks that a row among the first has columns that are known, so that a wrong config costs no run."""
        problem = "it holds no rows"
        for label, row in itertools.islice(self._all_rows(), PEEK):
            problem = f"none of its first {PEEK} rows can be used; {label}:{row.number}: {row.problem}"
            if row.values is None:
                continue
            columns = ", ".join(map(str, row.values)) or "none"
            try:
                known = layout_of(self._renamed(row.values))
            except ValueError as error:
                raise SeedError(f"{error} (its columns: {columns})", file=self._files[0], key="columns") from error
            if known is None:
                raise SeedError(
                    f"its columns are {columns}, and none of the known layouts",
                    file=self._files[0],
                    hint="say where the fields are, for example columns: {instruction: question, output: answer}",
                )
            return
        raise SeedError(problem, file=self._files[0])
