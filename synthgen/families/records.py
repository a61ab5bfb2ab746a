"""Families about JSON objects, tables and messages."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from synthgen.families.dates import clock
from synthgen.families.family import Family, Unprovable, Values
from synthgen.families.template import LARGEST, Slot, lines, quoted, word
from synthgen.families.vocabulary import CITIES, GOODS, JOBS, MONTHS, NAMES, TOPICS, WORDS


def _read_json(text: str) -> Any:
    if len(text) > LARGEST:
        raise ValueError("too long")
    try:
        value = json.loads(text, object_pairs_hook=_pairs, parse_float=_no_floats)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if isinstance(value, dict):
        return value
    raise ValueError("no object")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


def _no_floats(text: str) -> float:
    raise ValueError(f"how {text} is to be written is open")


_JSON = lines(
    r"\{.*\}",
    _read_json,
    lambda value, rng: json.dumps(value, ensure_ascii=False, indent=rng.choice((None, None, 2))),
)


def _shown(value: Any) -> str:
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, bool) or value is None or isinstance(value, (list, dict, str)):
        raise Unprovable("how the value is to be written is open")
    return str(value)


def _json_answer(values: Values) -> str:
    data, key = values["data"], values["key"]
    if values["op"] == "inner":
        outer = data.get(values["outer"])
        if not isinstance(outer, dict):
            raise Unprovable("no such object")
        data = outer
    if key not in data:
        raise Unprovable("no such key")
    if values["op"] != "count":
        return _shown(data[key])
    if not isinstance(data[key], list):
        raise Unprovable("no list")
    return str(len(data[key]))


_FIELDS: dict[str, Callable[[random.Random], Any]] = {
    "name": lambda rng: rng.choice(NAMES),
    "city": lambda rng: rng.choice(CITIES),
    "job": lambda rng: rng.choice(JOBS),
    "topic": lambda rng: rng.choice(TOPICS),
    "age": lambda rng: rng.randint(18, 80),
    "price": lambda rng: rng.randint(3, 900),
    "stock": lambda rng: rng.randint(0, 400),
    "year": lambda rng: rng.randint(1960, 2030),
    "colour": lambda rng: rng.choice(WORDS["colours"]),
    "country": lambda rng: rng.choice(WORDS["countries"]),
    "pages": lambda rng: rng.randint(20, 800),
    "seat": lambda rng: f"{rng.choice('ABCDEF')}{rng.randint(1, 60)}",
    "code": lambda rng: f"{rng.choice('KLMNPQRST')}{rng.choice('XYZ')}-{rng.randint(100, 999)}",
    "date": lambda rng: (date(2015, 1, 1) + timedelta(rng.randrange(5000))).isoformat(),
    "language": lambda rng: rng.choice(("French", "Hindi", "Swahili", "Polish", "Turkish", "Korean", "Dutch", "Greek")),
    "floor": lambda rng: rng.randint(1, 30),
}


_LISTS = ("tags", "members", "items", "guests", "stops", "prizes")


_OUTER = ("address", "owner", "order", "contact", "venue", "author", "parcel")


def _draw_key(rng: random.Random, op: str) -> dict[str, Any]:
    return {"key": rng.choice(_LISTS) if op == "count" else rng.choice(sorted(_FIELDS)), "outer": rng.choice(_OUTER)}


def _some_fields(rng: random.Random, count: int, key: str | None = None) -> dict[str, Any]:
    keys = rng.sample(sorted(_FIELDS), count)
    if key is not None and key not in keys:
        keys[rng.randrange(count)] = key
    return {k: _FIELDS[k](rng) if k in _FIELDS else rng.choice(NAMES) for k in keys}


def _draw_json(rng: random.Random, values: Values) -> dict[str, Any]:
    key = values["key"]
    if values["op"] == "inner":
        fields: dict[str, Any] = _some_fields(rng, 2)
        fields[values["outer"]] = _some_fields(rng, 3, key)
        return fields
    if values["op"] == "count":
        fields = _some_fields(rng, 3)
        fields[key] = rng.sample(WORDS[rng.choice(sorted(WORDS))], rng.randint(2, 9))
        return fields
    return _some_fields(rng, rng.randint(3, 6), key)


json_field = Family(
    name="json_field",
    task_type="extraction",
    phrasings={
        "top": (
            "[extract|read] the value of {key} from [this|the following] JSON object",
            "what is the value of {key} in [this|the following|the given] JSON?",
            "which value does the key {key} have in [this|the following] JSON record?",
            "[look up|find] {key} in the JSON record [below|given here] and give its value",
        ),
        "inner": (
            "[extract|read] the value of {key} inside {outer} from [this|the following] JSON object",
            "what is the {key} of the {outer} in [this|the following|the given] JSON?",
            "[look up|find] {key} under {outer} in the JSON record [below|given here] and give its value",
        ),
        "count": (
            "how many entries does the list {key} have in [this|the following] JSON object?",
            "count the elements of {key} in [this|the following|the given] JSON",
            "find the length of the list under {key} in the JSON record [below|given here]",
        ),
    },
    slots={"data": _JSON, "key": word(), "outer": word()},
    data="data",
    draw=_draw_key,
    draw_data=_draw_json,
    answer=_json_answer,
    same="number",
)


_PAIR = r"[a-z][\w ]{0,30}: *[^\s;:\"\\][^\n;:\"\\]{0,59}"


def _read_pairs(text: str) -> dict[str, str]:
    pairs = [part.partition(":") for part in re.split(r"[;\n]", text) if part.strip()]
    fields = {key.strip(): value.strip() for key, _, value in pairs}
    if len(fields) < len(pairs) or not all(fields.values()) or any(c < " " for v in fields.values() for c in v):
        raise ValueError("a key twice, or no value")
    return fields


_PAIRS = Slot(
    rf"{_PAIR}(?:[;\n]\s*{_PAIR}){{1,20}}",
    _read_pairs,
    lambda value, rng: "; ".join(f"{k}: {v}" for k, v in value.items()),
    write_bare=lambda value, rng: rng.choice(("; ", "\n")).join(f"{k}: {v}" for k, v in value.items()),
    attach=False,
)


pairs_to_json = Family(
    name="pairs_to_json",
    task_type="rewriting",
    phrasings={
        "all": (
            "turn [these|the following] fields into a JSON object [whose|in which all] values are strings",
            "write [this|the following|the given] record as a JSON object with string values only",
            "convert the [card|form|entry] [below|given here] to JSON, keeping the order and making each value a "
            "string",
            "what does [this|the following] record look like as a JSON object, with every value as a string?",
            "[format|encode] [these|the following] details as one JSON object; treat all values as text",
            "make a JSON object with string values out of [this|the following] [card|note|entry]",
        )
    },
    slots={"data": _PAIRS},
    data="data",
    draw_data=lambda rng, values: {k: str(v) for k, v in _some_fields(rng, rng.randint(2, 5)).items()},
    answer=lambda values: json.dumps(values["data"], ensure_ascii=False),
    closings="bare",
    same="json",
    strict=True,
)

JSON_RECORDS = (
    json_field,
    pairs_to_json,
)


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

TABLES = (table_query,)


_FINDERS = {
    "email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "price": re.compile(r"(?<![\w.,])\d+(?:\.\d\d)?(?= euros\b)"),
    "time": re.compile(r"(?<![\w:])\d{1,2}:\d\d(?![\w:])"),
    "code": re.compile(r"(?<![\w-])[A-Z]{2}-\d{3,6}(?![\w-])"),
    "hashtag": re.compile(r"(?<!\w)#\w+"),
}


def _found(values: Values) -> str:
    found = _FINDERS[values["op"]].findall(values["text"])
    if len(found) != 1:
        raise Unprovable("not just one is there")
    return str(found[0])


def _draw_message(rng: random.Random, values: Values) -> str:
    person, city, goods = rng.choice(NAMES), rng.choice(CITIES), rng.choice(GOODS)
    month = rng.choice(MONTHS)
    email = f"{person}.{rng.choice(CITIES)}@{rng.choice(WORDS['fruits'])}.example".lower()
    parts = {
        "email": (f"write to {email}", f"reach me at {email}", f"my address is {email}"),
        "price": tuple(
            f"{s} {rng.randint(5, 90)}.{rng.randint(10, 99)} euros" for s in ("it costs", "I paid", "we owe")
        ),
        "time": tuple(
            f"{s} {clock(rng.randrange(1440))}" for s in ("we meet at", "the doors open at", "the train is at")
        ),
        "code": tuple(
            f"{s} {rng.choice('ABKLM')}{rng.choice('XYZ')}-{rng.randint(1000, 9999)}"
            for s in ("the order is", "please quote", "the ticket says")
        ),
        "hashtag": tuple(
            f"{s} #{rng.choice(WORDS['animals'])}{city.lower()}" for s in ("post it under", "the tag is", "use")
        ),
    }
    wanted = values["op"]
    chosen = [wanted, *rng.sample([kind for kind in sorted(parts) if kind != wanted], rng.randint(1, 2))]
    rng.shuffle(chosen)
    said = [rng.choice(parts[kind]) for kind in chosen]
    opening = rng.choice(
        (f"{person} from {city} here", f"Hello {person}", f"News from {city} in {month}", f"About the {goods}")
    )
    return f"{opening}: {', and '.join(said)}."


_NOTE = "[message|note|text]"


message_detail = Family(
    name="message_detail",
    task_type="extraction",
    phrasings={
        "email": (
            f"extract the e-mail address from [this|the following] {_NOTE}",
            f"which e-mail address does [this|the following] {_NOTE} [give|mention]?",
            f"find the [e-mail|mail] address in the {_NOTE} [below|given here]",
        ),
        "price": (
            f"extract the price in euros from [this|the following] {_NOTE}, digits only",
            f"how many euros does [this|the following] {_NOTE} mention? Give the number as it is written",
            f"find the amount in euros in the {_NOTE} [below|given here] and write it without the currency",
        ),
        "time": (
            f"extract the time of day from [this|the following] {_NOTE}",
            f"which time of day does [this|the following] {_NOTE} [give|mention]?",
            f"find the time of day in the {_NOTE} [below|given here], as it is written",
        ),
        "code": (
            f"extract the reference code (two letters, a hyphen, digits) from [this|the following] {_NOTE}",
            f"which reference code of two letters, a hyphen and digits does [this|the following] {_NOTE} hold?",
            f"find the code made of two capitals, a hyphen and digits in the {_NOTE} [below|given here]",
        ),
        "hashtag": (
            f"extract the hashtag from [this|the following] {_NOTE}",
            f"which hashtag does [this|the following] {_NOTE} [give|mention]?",
            f"find the hashtag in the {_NOTE} [below|given here]",
        ),
    },
    slots={"text": quoted()},
    data="text",
    draw_data=_draw_message,
    answer=_found,
)

MESSAGES = (message_detail,)
