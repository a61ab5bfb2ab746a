"""Families about JSON objects and records."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from synthgen.families.family import Family
from synthgen.families.slots import LARGEST, Slot, lines, word
from synthgen.families.task import Unprovable, Values
from synthgen.families.vocabulary import CITIES, JOBS, NAMES, TOPICS, WORDS


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

FAMILIES = (
    json_field,
    pairs_to_json,
)
