"""A family about tables of comma-separated values."""

from __future__ import annotations

import json
import random
import re
from typing import Any

from synthgen.families.family import Family
from synthgen.families.slots import LARGEST, lines, word
from synthgen.families.task import Unprovable, Values
from synthgen.families.vocabulary import NAMES

_CELL = r"[^\n,\"]{1,40}"


def _read_table(text: str) -> list[list[str]]:
    rows = [[cell.strip() for cell in line.split(",")] for line in text.strip().splitlines()]
    if len(text) > LARGEST or len(rows) < 2 or len({len(row) for row in rows}) != 1 or not all(map(all, rows)):
        raise ValueError("no table")
    if len(set(rows[0])) < len(rows[0]):
        raise ValueError("a column twice")
    return rows


_TABLE = lines(
    rf"{_CELL}(?:,{_CELL}){{1,9}}(?:\n{_CELL}(?:,{_CELL}){{1,9}}){{1,60}}",
    _read_table,
    lambda value, rng: "\n".join(",".join(row) for row in value),
)


def _column(table: list[list[str]], name: str) -> list[str]:
    header = [cell.lower() for cell in table[0]]
    if header.count(name.lower()) != 1:
        raise Unprovable("no such column")
    return [row[header.index(name.lower())] for row in table[1:]]


def _whole(cells: list[str]) -> list[int]:
    if not all(re.fullmatch(r"-?\d{1,12}", cell) for cell in cells):
        raise Unprovable("not all cells are whole numbers")
    return [int(cell) for cell in cells]


def _row(values: Values) -> list[str]:
    rows = [row for row in values["table"][1:] if row[0].lower() == values["who"].lower()]
    if len(rows) != 1:
        raise Unprovable("not just one row")
    return list(rows[0])


def _table_answer(values: Values) -> str:
    table, op = values["table"], values["op"]
    if op == "json":
        return json.dumps(dict(zip(table[0], _row(values), strict=True)), ensure_ascii=False)
    cells = _column(table, values["column"])
    if op == "cell":
        return cells[[row[0] for row in table[1:]].index(_row(values)[0])]
    if op == "where":
        return str(sum(cell.lower() == values["value"].lower() for cell in cells))
    numbers = _whole(cells)
    if op == "sum":
        return str(sum(numbers))
    best = max(numbers) if op == "most" else min(numbers)
    if numbers.count(best) != 1:
        raise Unprovable("several rows are equal")
    return str(table[1 + numbers.index(best)][0])


def _table_steps(values: Values) -> str:
    if values["op"] == "json":
        return f"The row: {', '.join(_row(values))}."
    column = ", ".join(_column(values["table"], values["column"]))
    return f"The column {values['column']} holds {column}."


_NUMERIC = ("visits", "points", "pages", "tickets", "hours", "sales", "weight", "goals", "orders", "miles")


_TEXTUAL: dict[str, tuple[str, ...]] = {
    "city": ("Oslo", "Lima", "Bonn", "Pune", "Cork", "Graz", "Kobe"),
    "team": ("red", "blue", "green", "amber"),
    "shift": ("early", "late", "night"),
    "level": ("beginner", "advanced", "expert"),
    "hall": ("north", "south", "east", "west"),
    "size": ("small", "medium", "large"),
}


def _draw_table_words(rng: random.Random, op: str) -> dict[str, Any]:
    textual = rng.choice(sorted(_TEXTUAL))
    column = textual if op == "where" or (op == "cell" and rng.random() < 0.5) else rng.choice(_NUMERIC)
    return {"column": column, "who": rng.choice(NAMES), "value": rng.choice(_TEXTUAL[textual])}


def _draw_table(rng: random.Random, values: Values) -> list[list[str]]:
    asked = values.get("column", rng.choice(_NUMERIC))
    columns = list(dict.fromkeys([asked, rng.choice(_NUMERIC), rng.choice(sorted(_TEXTUAL))]))
    rng.shuffle(columns)
    people = rng.sample([n for n in NAMES if n != values.get("who")], rng.randint(3, 6))
    if "who" in values:
        people[rng.randrange(len(people))] = values["who"]
    cells = {c: _TEXTUAL.get(c) for c in columns}
    if values["op"] == "where" and values["value"] not in (cells[asked] or ()):
        cells[asked] = (values["value"], "none", "other")
    rows = [[str(n) for n in rng.sample(range(3, 200), len(people))] for _ in columns]
    for column, numbers in zip(columns, rows, strict=True):
        words = cells[column]
        if words:
            numbers[:] = [rng.choice(words) for _ in people]
    return [["name", *columns], *([p, *cells_] for p, *cells_ in zip(people, *rows, strict=True))]


table_query = Family(
    name="table_query",
    task_type="extraction",
    phrasings={
        "cell": (
            "what does [this|the following] table [give|list] as the {column} of {who}?",
            "[look up|find] the {column} of {who} in [this|the following|the given] table",
            "which entry does {who} have in the column {column} of [this|the following] table?",
        ),
        "sum": (
            "add up the column {column} of [this|the following|the given] table",
            "what is the total of the {column} column in [this|the following] table?",
            "how much is the column {column} of the table [below|given here], all rows together?",
        ),
        "where": (
            "how many rows of [this|the following] table have {value} in the column {column}?",
            "count the rows of [this|the following|the given] table [whose|where the] {column} is {value}",
            "in the table [below|given here], how often does {value} stand in the column {column}?",
        ),
        "most": (
            "who has the highest {column} in [this|the following] table?",
            "name the person with the largest {column} in [this|the following|the given] table",
            "whose {column} is the highest in the table [below|given here]?",
        ),
        "least": (
            "who has the lowest {column} in [this|the following] table?",
            "name the person with the smallest {column} in [this|the following|the given] table",
            "whose {column} is the lowest in the table [below|given here]?",
        ),
        "json": (
            "write the row of {who} in [this|the following] table as a JSON object with string values",
            "turn the row {who} of [this|the following|the given] table into a JSON object, every value a string",
            "which JSON object, with string values, does the row of {who} in [this|the following] table make?",
        ),
    },
    slots={"table": _TABLE, "column": word(), "who": word(), "value": word()},
    data="table",
    draw=_draw_table_words,
    draw_data=_draw_table,
    answer=_table_answer,
    steps=_table_steps,
    closings="bare",
    same="json",
)

FAMILIES = (table_query,)
