"""Rows to records: instruction data in the columns that people, datasets and trainers keep it in.

A layout is told by the columns that hold something; null, NaN and blank ones are not there. What carries text of a task
and has no place in the record makes the row unusable (`LostText`), with the `columns` that would read it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from synthgen.formats.cells import Cells, UnknownLayout, nothing_lost
from synthgen.formats.making import dialogue_of, from_turns, instances_of, judged, message_of, says_none, task_of
from synthgen.formats.names import Plan, plan
from synthgen.formats.row import RowError, holds, number, parsed, shown, text
from synthgen.formats.turns import history_of
from synthgen.records import Answer, Provenance, Record

Columns = tuple[tuple[str, str], ...]
"""Where fields are that have other names, as (field, column)."""

_OWN = frozenset(("instruction", "output", "tools_json", "index_in_attempt"))
"""Columns that the rows of a run's dataset alone have together."""

_DUMPED = Record.model_fields.keys() - {"provenance", "drop"}
_OUR_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Read:
    """What a row gave: its record (several where it has several instances), and the columns that were left aside."""

    records: tuple[Record, ...]
    aside: tuple[str, ...] = ()


def read_row(
    row: Mapping[str, Any],
    source: str | None = None,
    *,
    columns: Columns = (),
    keep_ids: bool = False,
    losing: bool = False,
) -> Read:
    """The record in a row.

    `columns` says where fields are that have other names, as (field, column): a row that lacks an optional one has none
    of it. `keep_ids` takes over ids; without it, a record that a run wrote comes as a new one whose parent is the old.
    With `losing`, text that has no place in the record is left aside.

    Raises:
        RowError: the row cannot be used, and why.
    """
    provenance = Provenance(source=source)
    try:
        if row.keys() >= _OWN and not columns:
            return Read((_of_a_dataset(row, provenance, keep_ids),))
        if keep_ids and _is_dumped(row):
            return Read((Record.model_validate({**row, "provenance": provenance}),))
        return _read(row, provenance, columns, keep_ids, losing)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise RowError(f"{place}: {_expected(first['type'])}, found {shown(first['input'])}") from error
    except RecursionError as error:
        raise RowError("the row is nested too deeply") from error


def _read(row: Mapping[str, Any], provenance: Provenance, columns: Columns, keep_ids: bool, losing: bool) -> Read:
    held = tuple(
        [
            c
            for c, v in row.items()
            if (v and not v.isspace() if v.__class__ is str else holds(v)) and c.__class__ is str
        ]
    )
    found = plan(held, columns)
    if found.plain and (record := _plain(row, found, provenance)) is not None:
        return Read((record,), found.aside)
    for field, column in columns:
        if column not in row and field in ("instruction", "messages"):
            raise UnknownLayout(f"it has no column {column!r} to take {field} from")
    cells = Cells(row, found, columns)
    dialogue, records = _by_layout(cells, provenance, keep_ids)
    if not losing:
        nothing_lost(cells, records, dialogue=dialogue)
    return Read(records, tuple(cells.aside))


def _by_layout(cells: Cells, provenance: Provenance, keep_ids: bool) -> tuple[bool, tuple[Record, ...]]:
    """The records, read by the first layout that fits, with the answers that are judged; whether it is a dialogue."""
    fields: dict[str, Any] = {"provenance": provenance, **cells.said_of_the_task()}
    own_id = cells.take("id")
    if keep_ids and isinstance(own_id, (str, int)) and str(own_id).strip():
        fields["id"] = str(own_id).strip()
    elif "id" in cells.fields:
        cells.aside.append(cells.fields["id"])
    turns = dialogue_of(cells)
    if turns is not None:
        made = [from_turns(cells, turns, fields)]
    elif cells.fields.keys() >= {"instances", "instruction"}:
        made = instances_of(cells, fields)
    else:
        made = [task_of(cells, fields)]
    return turns is not None, tuple(judged(cells, record) for record in made)


def _plain(row: Mapping[str, Any], found: Plan, provenance: Provenance) -> Record | None:
    """The record of a row of nothing but an instruction, maybe an input, and an output, all of them text; else None."""
    cells = [row[found.fields[field]] for field in ("instruction", "output")]
    given = row[found.fields["input"]] if "input" in found.fields else ""
    instruction, output = cells
    if instruction.__class__ is not str or output.__class__ is not str or given.__class__ is not str:
        return None
    if instruction[0] in "[ \n" or any(mark in output for mark in "<[◁") or says_none(given):
        return None  # JSON of a dialogue, reasoning in the answer: there is more to look at
    return Record(instruction=instruction, input=given, output=output, provenance=provenance)


def _expected(type_: str) -> str:
    """What a field expects, for the kinds of errors that pydantic names."""
    return {
        "string_type": "expected a text",
        "bool_type": "expected true or false",
        "bool_parsing": "expected true or false",
        "float_type": "expected a number",
        "float_parsing": "expected a number",
        "literal_error": "not one of the values it can have",
        "missing": "it is missing",
        "extra_forbidden": "there is no such field",
    }.get(type_, "not what is expected")


def _of_a_dataset(row: Mapping[str, Any], provenance: Provenance, keep_ids: bool) -> Record:
    """A record as a run's dataset has it."""
    history = history_of(row.get("history"), "history").turns
    scores = parsed(row.get("scores_json"), "scores_json") or {}
    answers = parsed(row.get("answers"), "answers") or []
    tools = parsed(row["tools_json"], "tools_json") or []
    if not isinstance(scores, dict) or not isinstance(answers, list) or not all(isinstance(a, dict) for a in answers):
        raise RowError("its scores or answers are not as a run writes them")
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise RowError(f"tools_json: expected a list of tools, found {shown(tools)}")
    old = str(row.get("id") or "")
    if not keep_ids and old:
        provenance = provenance.model_copy(update={"parents": (old,)})
    return Record(
        id=old if keep_ids else "",
        instruction=text(row["instruction"], "instruction"),
        input=text(row.get("input"), "input"),
        output=None if row["output"] is None else text(row["output"], "output"),
        system=text(row.get("system"), "system"),
        history=tuple(map(message_of, history)),
        tools=tuple(tools),
        reasoning=row.get("reasoning"),
        task_type=row.get("task_type"),
        is_classification=row.get("is_classification"),
        language=row.get("language"),
        answers=tuple(Answer(text=a.get("text") or "", score=a.get("score"), model=a.get("model")) for a in answers),
        scores={str(name): score for name, cell in scores.items() if (score := _score(cell)) is not None},
        provenance=provenance,
    )


def _score(cell: Any) -> float | None:
    """A score, which may be kept as the name of a float that JSON does not know."""
    if not isinstance(cell, str):
        return number(cell)
    try:
        return float(cell)
    except ValueError:
        return None


def _is_dumped(row: Mapping[str, Any]) -> bool:
    """Whether the row is a record that synthgen itself wrote as JSON: its id is one, and so are all its keys."""
    own = row.get("id")
    return isinstance(own, str) and _OUR_ID.fullmatch(own) is not None and row.keys() <= _DUMPED
