"""One record as one line of each export format, or the reason why that format has no place for it."""

from __future__ import annotations

import json
from typing import Any

from synthgen.records import Message, Record, answered_by_call, to_alpaca, to_messages

Row = dict[str, Any]


def alpaca(record: Record) -> Row | str:
    """`instruction`, `input`, `output`: single turns without a system prompt or tools."""
    if _unanswered(record):
        return "no_output"
    if record.history:
        return "has_history"
    if record.system:
        return "has_system"
    return "has_tools" if record.tools else to_alpaca(record)


def messages(record: Record) -> Row | str:
    """An OpenAI chat line: `messages`, and `tools` where there are some; no other key."""
    if _unanswered(record):
        return "no_output"
    row: Row = {"messages": openai_messages(record)}
    if record.tools:
        row["tools"] = list(record.tools)
    return row


def axolotl(record: Record) -> Row | str:
    """A chat line whose tools carry their `parameters` as JSON text, so that all rows have columns of one type."""
    row = messages(record)
    if isinstance(row, str) or not record.tools:
        return row
    tools = []
    for tool in record.tools:
        function = dict(tool.get("function", tool))
        tools.append(
            {"type": "function", "function": function | {"parameters": _compact(function.get("parameters", {}))}}
        )
    return row | {"tools": tools}


def prompt_completion(record: Record) -> Row | str:
    """A conversational `prompt` and `completion` as TRL takes them: the loss is on the completion alone."""
    if _unanswered(record):
        return "no_output"
    turns = openai_messages(record)
    row: Row = {"prompt": turns[:-1], "completion": turns[-1:]}
    if record.tools:
        row["tools"] = _compact(record.tools)
    return row


def sharegpt(record: Record) -> Row | str:
    """`conversations` of `from` (system, human, gpt, function_call, observation) and `value`, and `tools`."""
    names = {"user": "human", "assistant": "gpt"}
    row = llamafactory(record)
    if isinstance(row, str):
        return row
    turns = [{"from": names.get(t["role"], t["role"]), "value": t["content"]} for t in row.pop("messages")]
    return {"conversations": turns} | row


def llamafactory(record: Record) -> Row | str:
    """`messages` for LLaMA-Factory's `sharegpt` formatting with role tags, and `tools`, which its reader wants always.

    It takes strictly alternating turns only.
    """
    if _unanswered(record):
        return "no_output"
    if any(turn.tool_calls and turn.content.strip() for turn in record.history):
        return "call_with_text"
    turns = [_plain(turn) for turn in record.history]
    own = openai_messages(record)[bool(record.system) + len(record.history) :]
    turns += [{"role": m["role"], "content": m["content"]} for m in own]
    asking = {"user", "observation"}
    if len(turns) % 2 or any((turn["role"] in asking) != (i % 2 == 0) for i, turn in enumerate(turns)):
        return "turns_do_not_alternate"
    if record.system:
        turns.insert(0, {"role": "system", "content": record.system})
    functions = [tool.get("function", tool) for tool in record.tools]
    return {"messages": turns, "tools": _compact(functions) if functions else ""}


def preference(record: Record) -> Row | str:
    """`prompt`, `chosen`, `rejected` as TRL's DPO takes them: the best and the worst of the scored answers."""
    scored = [answer for answer in record.answers if answer.score is not None]
    if len(scored) < 2:
        return "fewer_than_two_scored_answers"
    best = max(scored, key=lambda a: a.score or 0.0)
    worst = min(scored, key=lambda a: a.score or 0.0)
    if best.score == worst.score or best.text == worst.text:
        return "answers_are_equally_good"
    turns = openai_messages(record.replace(output=None))
    return {
        "prompt": turns,
        "chosen": [{"role": "assistant", "content": best.text}],
        "rejected": [{"role": "assistant", "content": worst.text}],
        "score_chosen": best.score,
        "score_rejected": worst.score,
    }


def llamafactory_preference(record: Record) -> Row | str:
    """The same pair for LLaMA-Factory, which wants `chosen` and `rejected` as one message each."""
    pair = preference(record)
    if isinstance(pair, str):
        return pair
    row = llamafactory(record.replace(output=""))
    if isinstance(row, str):
        return row
    return row | {"messages": row["messages"][:-1], "chosen": pair["chosen"][0], "rejected": pair["rejected"][0]}


def openai_messages(record: Record) -> list[dict[str, Any]]:
    """The dialogue with the API's keys only; a tool's turn that does not say so answers the earliest open call."""
    waiting: list[str] = []
    turns = to_messages(record)
    for turn in turns:
        calls = [{"type": "function"} | call for call in turn.get("tool_calls", ())]
        if calls:
            for number, call in enumerate(calls):
                call.setdefault("id", f"call_{number}")
            turn["tool_calls"] = calls
            waiting = [call["id"] for call in calls]
        if turn["role"] == "tool":
            answered = waiting.pop(0) if waiting else "call_0"
            turn.setdefault("tool_call_id", answered)
    return turns


def _unanswered(record: Record) -> bool:
    return record.output is None and not answered_by_call(record)


def _plain(turn: Message) -> dict[str, str]:
    """A turn as a role and a text: a call is the JSON of its name and arguments."""
    if turn.role == "tool":
        return {"role": "observation", "content": turn.content}
    if not turn.tool_calls:
        return {"role": turn.role, "content": turn.content}
    calls = []
    for call in turn.tool_calls:
        function = call.get("function", call)
        arguments = function.get("arguments", {})
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments, parse_constant=_no_number)
            except (ValueError, RecursionError):
                arguments = {"text": arguments}
        calls.append({"name": function.get("name"), "arguments": arguments})
    return {"role": "function_call", "content": _compact(calls if len(calls) > 1 else calls[0])}


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
