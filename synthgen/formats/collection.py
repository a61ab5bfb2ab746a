"""A file, a folder or a dataset of the Hub as rows and records, with account of what was left aside."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthgen.errors import SeedError
from synthgen.formats.cells import KNOWN, LostText, UnknownLayout, setting
from synthgen.formats.files import find, label_of
from synthgen.formats.json_file import lists_aside
from synthgen.formats.layouts import Read, read_row
from synthgen.formats.names import field_named, field_of, looks_like
from synthgen.formats.reading import count_of, rows_of
from synthgen.formats.row import EXCERPT, Row, RowError, holds
from synthgen.records import Record

PEEK = 100
"""Rows that are looked at first, so that a wrong path or columns that are not known cost nothing."""

MANY = 1000
"""Files of which the rows are counted before they are read."""

NAMED = 20
"""Files that are named one by one in an account."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A row that cannot be used: where it is, the snake_case reason, what is wrong in words, and how it begins."""

    label: str
    number: int
    reason: str
    problem: str
    excerpt: str

    @property
    def place(self) -> str:
        """`file:row`."""
        return f"{self.label}:{self.number}"


@dataclass(slots=True)
class Account:
    """What was read and what was not: rows, those that cannot be used (by reason), and columns left aside.

    `broken_off` are the files that cannot be read to their end, with the place and the cause.
    """

    rows: int = 0
    unusable: Counter[str] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
    broken_off: list[str] = field(default_factory=list)

    def add(self, other: Account) -> None:
        """Adds another's counts."""
        self.rows += other.rows
        self.unusable += other.unusable
        self.columns += other.columns
        self.broken_off += other.broken_off


class Collection:
    """The rows of a path or of a dataset of the Hub, in order; reading again begins anew.

    `columns` maps fields to columns of other names. `base` is the folder that labels of files begin from.

    Raises:
        SeedError: there is nothing to read, or the rows have columns that are not known or would lose their text.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        hub: str | None = None,
        split: str | None = None,
        config: str | None = None,
        revision: str | None = None,
        columns: Mapping[str, str] | None = None,
        base: Path = Path(),
        keep_ids: bool = False,
    ) -> None:
        self._hub, self._split, self._config, self._revision = hub, split, config, revision
        self._columns = tuple((field_of(target), column) for target, column in (columns or {}).items())
        self._base, self._keep_ids = base, keep_ids
        found = find(path, split) if path is not None else None
        self.files: tuple[Path, ...] = found.files if found else ()
        """The files that are read, in order."""
        self.aside: tuple[tuple[Path, str], ...] = found.aside if found else ()
        """The files that are left aside, with the reason."""
        self._lists = [(path, name) for path in self.files for name in lists_aside(path, split)]
        self.first = self._look()
        """The account of the first rows."""

    def rows(self) -> Iterator[tuple[str, Row]]:
        """All rows, each with the label of its file."""
        if self._hub is not None:
            label = f"{self._hub}/{self._split or 'train'}"
            return ((label, row) for row in hub_rows(self._hub, self._config, self._split, self._revision))
        labelled = [(label_of(path, self._base), path) for path in self.files]
        return ((label, row) for label, path in labelled for row in rows_of(path, self._split))

    def read(self, label: str, row: Row) -> Read | Unusable:
        """The records of a row, or why it cannot be used."""
        if row.values is None:
            return Unusable(label, row.number, "malformed_row", row.problem, row.excerpt)
        try:
            return read_row(row.values, f"{label}:{row.number}", columns=self._columns, keep_ids=self._keep_ids)
        except RowError as error:
            return Unusable(label, row.number, error.reason, str(error), excerpt_of(row))

    def records(self, account: Account, unusable: list[Unusable] | None = None) -> Iterator[Record]:
        """All records; counts into `account`, and gathers the rows that cannot be used.

        Raises:
            SeedError: a file breaks off.
        """
        for label, row in self.rows():
            if row.last:
                raise SeedError(row.problem, file=label, line=row.number)
            account.rows += 1
            found = self.read(label, row)
            if isinstance(found, Read):
                account.columns.update(found.aside)
                yield from found.records
            else:
                account.unusable[found.reason] += 1
                if unusable is not None:
                    unusable.append(found)

    def count(self) -> int | None:
        """How many rows there are, where counting costs little; else None."""
        if self._hub is not None:
            return None
        counts = [count_of(path) for path in self.files[:MANY]]
        return None if None in counts or len(self.files) > MANY else sum(filter(None, counts))

    def labels(self) -> tuple[list[str], list[str]]:
        """The files that are read and those left aside with the reason, as an account names them."""
        if self._hub is not None:
            return [f"{self._hub}/{self._split or 'train'}"], []
        read = [label_of(path, self._base) for path in self.files]
        aside = [f"{label_of(path, self._base)} ({why})" for path, why in self.aside]
        aside += [f"{label_of(path, self._base)}: the list {name!r}" for path, name in self._lists]
        return _named(read), _named(aside)

    def _look(self) -> Account:
        """Looks at the first rows, so that a wrong setting costs no run."""
        account = Account()
        place: Path | str | None = self.files[0] if self.files else self._hub
        usable = 0
        wrong: list[tuple[str, Row, RowError | None]] = []
        seen: set[str] = set()
        for label, row in itertools.islice(self.rows(), PEEK):
            account.rows += 1
            if row.values is None:
                wrong.append((label, row, None))
                continue
            seen.update(str(column) for column in row.values)
            try:
                account.columns.update(read_row(row.values, columns=self._columns, keep_ids=self._keep_ids).aside)
                usable += 1
            except RowError as error:
                wrong.append((label, row, error))
                account.unusable[error.reason] += 1
        if not account.rows:
            raise SeedError("it holds no rows", file=place)
        self._columns_are_there(seen, place)
        lost = [(label, row, problem) for label, row, problem in wrong if isinstance(problem, LostText)]
        if lost and len(lost) >= usable:
            label, row, loss = lost[0]
            raise SeedError(
                f"{loss.args[0]} ({label}:{row.number}, with the columns {_columns(row)})",
                file=place,
                key="columns",
                hint=loss.fix,
            )
        if not usable:
            raise self._none_usable(wrong, place)
        return account

    def _columns_are_there(self, seen: set[str], place: Path | str | None) -> None:
        for target, column in self._columns:
            if seen and column not in seen:
                columns = ", ".join(sorted(seen))
                raise SeedError(
                    f"it has no column {column!r} to take {target} from (its columns: {columns})",
                    file=place,
                    key="columns",
                )

    def _none_usable(self, wrong: list[tuple[str, Row, RowError | None]], place: Path | str | None) -> SeedError:
        label, row, error = next((one for one in wrong if one[2] is not None), wrong[-1])
        if isinstance(error, UnknownLayout) and row.values is not None:
            held = {column: value for column, value in row.values.items() if holds(value)}
            hint = f"known are {KNOWN}; say where the fields are: {setting(_guess(held))}"
            if len(held) == 1 and isinstance(next(iter(held.values())), (dict, list)):
                hint = f"are the rows inside {next(iter(held))!r}? Then write a list of them alone into a file"
            return SeedError(f"{error} ({label}:{row.number})", file=place, key="columns", hint=hint)
        problem = row.problem if error is None else str(error)
        return SeedError(f"none of its first {PEEK} rows can be used; {label}:{row.number}: {problem}", file=place)


def hub_rows(name: str, config: str | None, split: str | None, revision: str | None) -> Iterator[Row]:
    """The rows of a dataset of the Hub (or whatever else `datasets.load_dataset` takes), streamed.

    Raises:
        SeedError: `datasets` is not installed, or cannot load it.
    """
    try:
        import datasets
    except ImportError as error:
        raise SeedError(
            "reading from the Hub needs the package datasets", hint="pip install 'synthgen[hub]'"
        ) from error
    split = split or "train"
    datasets.disable_progress_bars()
    try:
        stream = datasets.load_dataset(name, config, split=split, revision=revision, streaming=True)
        for number, values in enumerate(stream, 1):
            yield Row(number, dict(values))
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        lines = str(error).strip().splitlines()
        raise SeedError(
            f"the dataset {name} ({split}) cannot be loaded: {lines[0] if lines else type(error).__name__}",
            hint="look at the name, at split and config, and at the network (HF_HUB_OFFLINE, HF_TOKEN)",
        ) from error


def excerpt_of(row: Row) -> str:
    """How the row begins, as JSON."""
    if row.values is None:
        return row.excerpt
    try:
        return json.dumps(row.values, ensure_ascii=False, default=str)[:EXCERPT]
    except (ValueError, RecursionError):
        return ", ".join(map(str, row.values))[:EXCERPT]


def _guess(held: Mapping[str, Any]) -> dict[str, str]:
    """Where the fields might be: by the names of columns, then by what they hold: the answer is longer, as a rule."""
    listed = [c for c, v in held.items() if isinstance(v, list) and len(v) > 1 and isinstance(v[0], (str, dict))]
    by_name: dict[str, str] = {}
    for column in held:
        if field := field_named(column) or looks_like(column, held):
            by_name.setdefault(field, column)
    asked, answer = by_name.get("instruction"), by_name.get("output")
    if asked is None and listed:
        return {"conversations": listed[0]}
    named = {column for field, column in by_name.items() if field != "messages"}
    texts = [column for column, value in held.items() if isinstance(value, str)]
    texts = [column for column in texts if len(str(held[column]).split()) > 1] or texts or list(held)
    free = sorted((column for column in texts if column not in named), key=lambda column: -len(str(held[column])))
    wanted = (asked is None) + (answer is None)
    if asked is None and len(free) < wanted:
        asked = by_name.get("input")
        wanted -= asked is not None
    rest = [column for column in held if column in free[:wanted]] or [column for column in held if column != asked]
    asked = asked or (rest.pop(0) if rest else "question")
    answer = answer or (rest[-1] if rest else None)
    return {"instruction": asked, **({"output": answer} if answer else {})}


def _columns(row: Row) -> str:
    return ", ".join(map(str, row.values or {})) or "none"


def _named(labels: list[str]) -> list[str]:
    more = len(labels) - NAMED
    return labels if more <= 0 else [*labels[:NAMED], f"{more:,} more"]
