"""Records as table rows and back: the columns of `dataset/` and `rejected.parquet`.

Types are plain (text, numbers, booleans, lists, structs); what has no fixed shape is JSON in a column named `*_json`.
No column has a name that a trainer gives a meaning of its own (`messages`, `prompt`, `tools`, `label`, `text` …).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from synthgen.errors import StoreError
from synthgen.records import Answer, Drop, Message, Provenance, Record, clean_text
from synthgen.safety.outward import clear

if TYPE_CHECKING:
    import pyarrow as pa


@cache
def schema(*, rejected: bool) -> pa.Schema:
    """The columns, in order; rejected records have seven more that say where and why they were dropped."""
    import pyarrow as pa

    text, number, whole, texts = pa.string(), pa.float64(), pa.int64(), pa.list_(pa.string())
    turn = pa.struct(
        [("role", text), ("content", text), ("name", text), ("tool_call_id", text), ("tool_calls_json", text)]
    )
    answer = pa.struct([("text", text), ("score", number), ("model", text)])
    fields = [
        ("id", text),
        ("instruction", text),
        ("input", text),
        ("output", text),
        ("system", text),
        ("history", pa.list_(turn)),
        ("tools_json", text),
        ("reasoning", text),
        ("task_type", text),
        ("is_classification", pa.bool_()),
        ("language", text),
        ("answers", pa.list_(answer)),
        ("scores_json", text),
        ("attempt", whole),
        ("index_in_attempt", whole),
        ("round", whole),
        ("teacher_model", text),
        ("requests", texts),
        ("demonstrations", texts),
        ("parents", texts),
        ("source", text),
    ]
    if rejected:
        fields += [
            ("stage", text),
            ("reason", text),
            ("score", number),
            ("limit", number),
            ("nearest", text),
            ("nearest_text", text),
            ("detail", text),
        ]
    return pa.schema(fields)


def to_row(record: Record, *, rejected: bool) -> dict[str, Any]:
    """The record as one row. Lone surrogates become U+FFFD, known secrets `***`.

    Raises:
        StoreError: `tools`, `tool_calls` or `scores` hold what JSON cannot.
    """
    p = record.provenance
    try:
        row: dict[str, Any] = {
            "id": _text(record.id),
            "instruction": _text(record.instruction),
            "input": _text(record.input),
            "output": _text(record.output),
            "system": _text(record.system),
            "history": [
                {
                    "role": m.role,
                    "content": _text(m.content),
                    "name": _text(m.name),
                    "tool_call_id": _text(m.tool_call_id),
                    "tool_calls_json": _json(m.tool_calls),
                }
                for m in record.history
            ],
            "tools_json": _json(record.tools),
            "reasoning": _text(record.reasoning),
            "task_type": _text(record.task_type),
            "is_classification": record.is_classification,
            "language": _text(record.language),
            "answers": [{"text": _text(a.text), "score": a.score, "model": _text(a.model)} for a in record.answers],
            "scores_json": _json({name: _number(score) for name, score in record.scores.items()}),
            "attempt": p.attempt,
            "index_in_attempt": p.index,
            "round": p.round,
            "teacher_model": _text(p.model),
            "requests": list(map(_text, p.requests)),
            "demonstrations": list(map(_text, p.demonstrations)),
            "parents": list(map(_text, p.parents)),
            "source": _text(p.source),
        }
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"record {record.id} cannot be written: {error}",
            hint="tools, tool_calls and scores take only what JSON can hold",
        ) from error
    if rejected:
        drop = record.drop or Drop("unknown")
        row |= {
            "stage": _text(drop.stage),
            "reason": drop.reason,
            "score": drop.score,
            "limit": drop.limit,
            "nearest": _text(drop.nearest),
            "nearest_text": _text(drop.nearest_text),
            "detail": _text(drop.detail),
        }
    return row


def from_row(row: Mapping[str, Any]) -> Record:
    """The record that `to_row` wrote; with its drop where the row has a `reason`.

    Raises:
        StoreError: the row is none that `to_row` wrote.
    """
    try:
        return _record(row)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise StoreError(
            f"the row of record {str(row.get('id'))[:40]} is damaged: {type(error).__name__}: {str(error)[:200]}",
            hint="was the file written by another program? the same command makes the run's own anew",
        ) from error


def _record(row: Mapping[str, Any]) -> Record:
    drop = None
    if row.get("reason") is not None:
        names = ("score", "limit", "nearest", "nearest_text", "detail", "stage")
        drop = Drop(row["reason"], **{name: row[name] for name in names})
    return Record(
        id=row["id"],
        instruction=row["instruction"],
        input=row["input"],
        output=row["output"],
        system=row["system"],
        history=tuple(
            Message(
                role=m["role"],
                content=m["content"],
                name=m["name"],
                tool_call_id=m["tool_call_id"],
                tool_calls=json.loads(m["tool_calls_json"]),
            )
            for m in row["history"]
        ),
        tools=tuple(json.loads(row["tools_json"])),
        reasoning=row["reasoning"],
        task_type=row["task_type"],
        is_classification=row["is_classification"],
        language=row["language"],
        answers=tuple(Answer(**a) for a in row["answers"]),
        scores={name: float(score) for name, score in json.loads(row["scores_json"]).items()},
        provenance=Provenance(
            attempt=row["attempt"],
            index=row["index_in_attempt"],
            round=row["round"],
            model=row["teacher_model"],
            requests=tuple(row["requests"]),
            demonstrations=tuple(row["demonstrations"]),
            parents=tuple(row["parents"]),
            source=row["source"],
        ),
        drop=drop,
    )


def _text(value: str | None) -> Any:
    return clear(clean_text(value))


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)  # `json.dumps` makes one a call


def _json(value: Sequence[object] | Mapping[str, object]) -> Any:
    if not value:  # most records' tools and scores
        return "{}" if isinstance(value, Mapping) else "[]"
    return _text(_JSON.encode(value))


def _number(value: float) -> float | str:
    """A float, or the name of one that JSON does not know (`nan`, `inf`), which `float` reads back."""
    number = float(value)
    return number if math.isfinite(number) else str(number)
