"""The cells of one row, by the fields that its columns are: which have gone into the record, and which would be lost.

A row is refused where its columns fit no layout, and where text in one of them would be dropped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from synthgen.formats.names import NAMES, SIDE, Plan, plain
from synthgen.formats.row import RowError, holds, number, parsed, text, yes_or_no
from synthgen.formats.turns import Turn, dialogue_in, history_of, tools_of, turns_of
from synthgen.records import Record

KNOWN = (
    "instruction/input/output, question/answer, prompt/completion, messages, conversations, prompt/chosen/rejected, or"
    " those that a run or an export writes"
)
"""The columns that are read, in a few words; `NAMES` has them all."""

_TEXTS = ("instruction", "input", "output", "reasoning")
_SAID_OF_A_TASK = frozenset(("task_type", "language", "is_classification", "tools", "scores"))


class LostText(RowError):
    """A row with text that would be dropped; `fix` is the setting that reads the row, or says to leave that aside."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.args[0]}; {self.fix}"


class UnknownLayout(RowError):
    """A row whose columns are none of the known ones."""


class Cells:
    """One row on its way to a record: `used` are the columns that went into it, `aside` those that were left aside.

    `columns` are those that the user named, as (field, column).
    """

    def __init__(self, row: Mapping[str, Any], found: Plan, columns: tuple[tuple[str, str], ...]) -> None:
        self.row = row
        self.plan = found
        self.fields = found.fields
        self.columns = columns
        self.used: set[str] = set()
        self.aside = list(found.aside)

    def get(self, field: str) -> Any:
        """The cell of a field; None where the row has none."""
        column = self.fields.get(field)
        return None if column is None else self.row[column]

    def take(self, field: str) -> Any:
        """The cell of a field, which counts as used."""
        column = self.fields.get(field)
        if column is None:
            return None
        self.used.add(column)
        return self.row[column]

    def text(self, field: str) -> str:
        """The text of a field, which counts as used; empty where the row has none."""
        value = self.take(field)
        if field == "system" and (turns := dialogue_in(value)) is not None:
            return "\n\n".join(turn["content"] for turn in turns_of(turns, self.fields[field]).turns)
        return value if isinstance(value, str) else text(value, self.fields.get(field, field))

    def history(self) -> list[Turn]:
        """The earlier turns that a column of their own has."""
        column = self.fields.get("history")
        if column is None:
            return []
        found = history_of(self.take("history"), column)
        self.aside += found.aside
        if found.reasoning is not None:
            self.aside.append(f"{column}.reasoning of earlier turns")
        return found.turns

    def said_of_the_task(self) -> dict[str, Any]:
        """The fields that say something of the task; those of another type are left aside."""
        fields: dict[str, Any] = {}
        if self.fields.keys().isdisjoint(_SAID_OF_A_TASK):
            return fields
        for name in ("task_type", "language"):
            value = self.take(name)
            if isinstance(value, str):
                fields[name] = value
            elif value is not None:
                self.aside.append(self.fields[name])
        if (value := self.take("is_classification")) is not None:
            fields["is_classification"] = yes_or_no(value)
            if fields["is_classification"] is None:
                self.aside.append(self.fields["is_classification"])
        if (value := self.take("tools")) is not None:
            fields["tools"] = tools_of(value, self.fields["tools"])
        if (value := self.take("scores")) is not None:
            scores = parsed(value, self.fields["scores"])
            if isinstance(scores, dict) and all(isinstance(s, (int, float, str)) or s is None for s in scores.values()):
                fields["scores"] = {
                    str(name): score for name, cell in scores.items() if (score := number(cell)) is not None
                }
            else:
                self.aside.append(self.fields["scores"])
        return fields


def unknown_layout(cells: Cells) -> RowError:
    """The error for a row whose columns do not say what is asked."""
    columns = [c for c in cells.row if isinstance(c, str)]
    held = [c for c in columns if holds(cells.row[c])]
    listed = ", ".join(columns) or "none"
    if not held and columns:
        return RowError(f"all its columns are empty ({listed})")
    asking = (*NAMES["instruction"], *NAMES["messages"])
    blank = next((c for c in columns if c not in held and plain(c) in asking), None)
    if blank is not None and "instruction" not in cells.fields:
        return RowError(f"{blank} is empty")
    if [plain(c) for c in held] == ["text"]:
        return UnknownLayout(
            "it holds text alone, with nothing that says what is asked and what is answered; columns:"
            f" {{instruction: {held[0]}}} would read each text as a task"
        )
    return UnknownLayout(f"its columns ({listed}) fit no known layout")


def nothing_lost(cells: Cells, records: tuple[Record, ...], *, dialogue: bool) -> None:
    """Counts the columns that went into no record as left aside; `dialogue`: the record was read from turns.

    Raises:
        LostText: one of them carries text that the record does not have.
    """
    rest = [(column, field) for field, column in cells.fields.items() if column not in cells.used]
    rest = [(c, f) for c, f in rest if c not in cells.aside] + list(cells.plan.rivals)
    if not rest and not (cells.aside and records[0].output is None):
        return
    whole = "\n".join(f"{r.text}\n{r.reasoning or ''}\n" + "\n".join(a.text for a in r.answers) for r in records)
    parts = [part for r in records for part in (r.instruction, r.output) if part]
    lost = []
    for column, field in rest:
        value = cells.row[column]
        number_too = field in _TEXTS and plain(column) in NAMES[field]
        carries = field not in SIDE and (isinstance(value, (str, list, dict)) or number_too)
        if cells.columns or not carries or _contained(value, whole, parts):
            cells.aside.append(column)
        else:
            lost.append((column, field))
    if records[0].output is None and not records[0].answers and not cells.columns:
        lost += [
            (column, "output")
            for column in cells.aside
            if plain(column) == "text" and not _contained(cells.row[column], whole, parts)
        ]
    if lost:
        raise _lost_text(cells, lost, records[0], dialogue)


def _lost_text(cells: Cells, lost: list[tuple[str, str]], record: Record, dialogue: bool) -> LostText:
    """The error for columns that carry text for these fields, with the setting that reads them or leaves them aside."""
    taken = {f: c for f, c in cells.fields.items() if f in (*_TEXTS, "messages") and c in cells.used}
    column, field = lost[0]
    names = " and ".join(repr(name) for name, _ in lost)
    if field == "instruction" and "input" not in taken:
        field = "input"
    if field in ("answers", "chosen"):
        field = "output"
    readable = field in _TEXTS and (field == "reasoning" or not dialogue or record.output is None)
    readable = readable and _one_text(cells.row[column], field) and [f for _, f in lost].count(lost[0][1]) < 3
    reads = f"say where the fields are: {setting({**taken, field: column})}" if readable else ""
    leaves = f"{setting(taken)} leaves {'it' if len(lost) == 1 else 'them'} aside"
    if not reads:
        which = "it is" if len(lost) == 1 else "they are"
        return LostText(f"{names} would be dropped", f"{leaves}; if {which} needed, write one text into one column")
    if field == "output" and field not in taken:
        return LostText(f"{names} would be dropped", reads)
    return LostText(f"{names} would be dropped", f"{reads} reads {column!r}, {leaves}")


def _contained(value: Any, whole: str, parts: list[str]) -> bool:
    """Whether the record has the text of a cell, or the cell all texts of the record, as a filled-in template has."""
    if isinstance(value, dict):
        return _contained(list(value.values()), whole, parts)
    if isinstance(value, list):
        return all(_contained(inner, whole, parts) for inner in value)
    said = text(value, "").strip()
    if said in whole:
        return True
    return len(parts) > 1 and all(part in said for part in parts)


def _one_text(value: Any, field: str) -> bool:
    """Whether the cell could be the field: a text, a number, or a list of texts (for an answer, of one)."""
    if isinstance(value, list):
        return all(isinstance(one, str) for one in value) and (field != "output" or len(value) == 1)
    return not isinstance(value, (dict, bytes))


def setting(fields: Mapping[str, str]) -> str:
    """The setting that maps fields to columns, as a recipe has it."""
    order = ("messages", "conversations", *_TEXTS)
    pairs = [(field, fields[field]) for field in order if field in fields]
    shown = [f"{field}: {name if name.isidentifier() else json.dumps(name)}" for field, name in pairs]
    return f"columns: {{{', '.join(shown)}}}"
