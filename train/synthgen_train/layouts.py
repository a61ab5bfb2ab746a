"""Rows to records: the columns that instruction data comes in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from synthgen.records import Answer, Message, Provenance, Record, from_alpaca, from_messages

COLUMNS = (
    "instruction/input/output, messages, conversations, prompt/completion, prompt/chosen/rejected or "
    "prompt/completion/label"
)

SHAREGPT = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "observation": "tool",
    "tool": "tool",
}
"""What `from` names whom, over the tools and datasets that write this layout; calls of tools are `function_call`."""

Row = Mapping[str, Any]


def record_of(row: Row, source: str = "") -> Record:
    """The record that a row holds, by the columns it has.

    Raises:
        ValueError: the columns are none of the known ones, or a value is of the wrong kind.
    """
    fields: dict[str, Any] = {"provenance": Provenance(source=source)} if source else {}
    if "scores_json" in row:
        scores = json.loads(row["scores_json"] or "{}")
        fields["scores"] = {name: float(score) for name, score in scores.items()}
    elif isinstance(row.get("scores"), dict):
        fields["scores"] = {k: v for k, v in row["scores"].items() if v is not None}
    for name in ("task_type", "language"):
        if isinstance(row.get(name), str):
            fields[name] = row[name]
    if "instruction" in row:
        return _own(row, fields)
    if "messages" in row:
        return from_messages(_turns(row["messages"]), tools=_tools(row.get("tools")), **fields)
    if "conversations" in row:
        return from_messages(_sharegpt(row), tools=_tools(row.get("tools")), **fields)
    if "prompt" in row and ({"chosen", "rejected"} <= row.keys() or "completion" in row):
        return _prompt(row, fields)
    raise ValueError(f"the columns are {', '.join(sorted(row))}; wanted are {COLUMNS}")


def _own(row: Row, fields: dict[str, Any]) -> Record:
    if not isinstance(row["instruction"], str):
        raise TypeError(f"instruction is {type(row['instruction']).__name__}, not a text")
    if "output" not in row:
        raise ValueError(f"there is no column output; wanted are {COLUMNS}")
    history = tuple(
        Message(
            role=turn["role"],
            content=turn["content"],
            name=turn.get("name"),
            tool_calls=tuple(json.loads(turn.get("tool_calls_json") or "[]")),
        )
        for turn in row.get("history") or ()
    )
    answers = tuple(
        Answer(text=a["text"], score=a.get("score"), model=a.get("model")) for a in row.get("answers") or ()
    )
    tools = _tools(row.get("tools_json") or row.get("tools"))
    if row.get("id"):
        fields["id"] = str(row["id"])
    return from_alpaca(row, history=history, answers=answers, tools=tools, reasoning=row.get("reasoning"), **fields)


def _prompt(row: Row, fields: dict[str, Any]) -> Record:
    def text(value: Any) -> str:
        return value if isinstance(value, str) else str(_turns(value)[-1]["content"])

    asked = row["prompt"]
    turns = [{"role": "user", "content": asked}] if isinstance(asked, str) else _turns(asked)
    if "completion" not in row:
        answers: tuple[Answer, ...] = (
            Answer(text=text(row["chosen"]), score=row.get("score_chosen", 1.0)),
            Answer(text=text(row["rejected"]), score=row.get("score_rejected", 0.0)),
        )
    elif "label" in row:
        answers = (Answer(text=text(row["completion"]), score=1.0 if row["label"] else 0.0),)
    else:
        answers = ()
    output = text(row["chosen"] if "completion" not in row else row["completion"])
    return from_messages(turns, **fields).replace(output=output, answers=answers)


def _turns(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(turn, dict) for turn in value):
        raise ValueError("messages are a list of {role, content}")
    return [{k: v for k, v in turn.items() if v is not None} for turn in value]


def _sharegpt(row: Row) -> list[dict[str, Any]]:
    """The turns of a `conversations` column: `from` and `value`, or role and content under that name."""
    turns = _turns(row["conversations"])
    if any("from" not in turn for turn in turns):
        return turns
    found = [_shared(turn) for turn in turns]
    if isinstance(row.get("system"), str) and row["system"] and found[0]["role"] != "system":
        found.insert(0, {"role": "system", "content": row["system"]})
    return found


def _shared(turn: Mapping[str, Any]) -> dict[str, Any]:
    who, text = turn["from"], turn["value"]
    if who == "function_call":
        calls = json.loads(text)
        calls = calls if isinstance(calls, list) else [calls]
        return {"role": "assistant", "tool_calls": [{"type": "function", "function": call} for call in calls]}
    if who not in SHAREGPT:
        raise ValueError(f"a turn is from {who!r}; known are function_call, {', '.join(SHAREGPT)}")
    return {"role": SHAREGPT[who], "content": text}


def _tools(value: Any) -> tuple[dict[str, Any], ...]:
    """Tools as a list or as its JSON; a bare function is put into OpenAI's form."""
    tools = json.loads(value or "[]") if isinstance(value, str) else value or ()
    return tuple(tool if "function" in tool else {"type": "function", "function": tool} for tool in tools)
