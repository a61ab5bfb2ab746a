"""Dialogues: the turns of `messages`, `conversations`, `history` and the like as OpenAI messages, and tools."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from synthgen.formats.names import plain
from synthgen.formats.row import RowError, holds, kind, parsed, shallow, shown, text, yes_or_no

SPEAKERS = {
    **dict.fromkeys(("user", "human", "prompter", "question", "instruction"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "chatgpt", "gpt4", "gpt-4", "gpt-3.5", "gpt-3.5-turbo", "bot", "chatbot", "model", "ai",
         "bing", "bard", "claude", "gemini", "llama", "answer", "response"),
        "assistant",
    ),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(
        ("tool", "observation", "function", "tool_response", "tool_result", "function_response", "function_result",
         "ipython"),
        "tool",
    ),
    **dict.fromkeys(("function_call", "tool_call"), "call"),
}  # fmt: skip
"""Who speaks, by the names that datasets give them, whatever the case; `call` is an assistant that calls a tool."""

WHO = ("role", "from", "speaker", "author")
SAID = ("content", "value", "text", "message", "parts")
THOUGHT = ("reasoning_content", "reasoning", "thinking", "thought")
MASKS = ("weight", "train", "training", "loss", "loss_mask", "mask")
"""Keys of a turn that say whether it is to be learnt; a record has no place for them."""

_KEYS = frozenset(
    (*WHO, *SAID, *THOUGHT, *MASKS, "name", "tool_call_id", "tool_calls", "tool_calls_json", "function_call")
)

_NAMED = {"input": "user", "output": "assistant"}
"""Keys that name who speaks where an object holds a question and its answer, beside the names of speakers."""

Turn = dict[str, Any]


@dataclass(slots=True)
class Turns:
    """Turns with role, content and what calls of tools have; `reasoning` is that of the last turn.

    `aside` are the keys of turns that were left aside, as `messages.key`.
    """

    turns: list[Turn] = field(default_factory=list)
    reasoning: str | None = None
    aside: list[str] = field(default_factory=list)


def dialogue_in(value: Any) -> list[Turn] | None:
    """The turns as they are where the value is a list of messages, one message, or the JSON text of these."""
    if isinstance(value, str):
        if not value.lstrip().startswith("["):
            return None
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, dict):
        value = value.get("messages", [value])
    if not isinstance(value, list) or not value or not all(isinstance(turn, dict) for turn in value):
        return None
    return value if is_message(value[0]) else None


def turns_of(value: Any, column: str) -> Turns:
    """The turns in a cell; texts without speakers are the user's and the assistant's in turn, the user's first.

    Raises:
        RowError: it holds no dialogue, a speaker that is not known, or something else than text.
    """
    value = parsed(value, column)
    if isinstance(value, dict):
        value = value.get("messages", _across(value) or [value])
    if not isinstance(value, list) or not value:
        raise RowError(f"{column}: expected a list of messages, found {shown(value)}")
    if plain(column) != "turns" and all(isinstance(said, str) for said in value):
        return Turns([{"role": ("user", "assistant")[i % 2], "content": said} for i, said in enumerate(value)])
    found = Turns()
    for number, turn in enumerate(value):
        if turn.__class__ is dict and len(turn) == 2 and _add_plain(found, turn, column):
            continue
        place = f"{column}.{number}"
        if not isinstance(turn, dict):
            raise RowError(f"{place}: expected a turn with role and content, found {kind(turn)}")
        _add(found, {key: cell for key, cell in turn.items() if cell is not None}, place, column)
    _masked(found, column)
    return found


def history_of(value: Any, column: str) -> Turns:
    """Earlier turns: messages, or pairs of what the user said and what was answered.

    Raises:
        RowError: it is neither.
    """
    value = parsed(value, column)
    if not holds(value):
        return Turns()
    if not isinstance(value, list):
        raise RowError(f"{column}: expected a list of earlier turns, found {shown(value)}")
    if any(isinstance(turn, dict) for turn in value):
        return turns_of(value, column)
    found = Turns()
    for number, pair in enumerate(value):
        if not isinstance(pair, list) or len(pair) != 2:
            raise RowError(f"{column}.{number}: expected a question with its answer, found {shown(pair)}")
        for role, said in zip(("user", "assistant"), pair, strict=True):
            found.turns.append({"role": role, "content": text(said, f"{column}.{number}")})
    return found


def tools_of(value: Any, column: str) -> tuple[dict[str, Any], ...]:
    """Tools as a list, an object or JSON text of these, in OpenAI's form; blank and `null` are none.

    Raises:
        RowError: it is something else.
    """
    value = parsed(value, column)
    if not holds(value):
        return ()
    listed = [value] if isinstance(value, dict) else value
    if not isinstance(listed, list) or not all(isinstance(tool, dict) for tool in listed):
        raise RowError(f"{column}: expected a list of tools, found {shown(value)}")
    shallow(listed, column)
    return tuple(_tool(tool, column) for tool in listed)


def calls_of(value: Any, column: str) -> list[dict[str, Any]]:
    """Calls of tools in OpenAI's form, their arguments as JSON text.

    Raises:
        RowError: they are none.
    """
    value = parsed(value, column)
    if not holds(value):
        return []
    listed = [value] if isinstance(value, dict) else value
    if not isinstance(listed, list) or not all(isinstance(call, dict) for call in listed):
        raise RowError(f"{column}: expected calls of tools, found {shown(value)}")
    shallow(listed, column)
    return [_call(call) for call in listed]


def _tool(tool: dict[str, Any], column: str) -> dict[str, Any]:
    if "function" not in tool:
        if "name" not in tool:
            return tool
        tool = {"type": "function", "function": {key: value for key, value in tool.items() if key != "type"}}
    function = tool["function"]
    if isinstance(function, dict) and isinstance(function.get("parameters"), str):
        return tool | {"function": function | {"parameters": parsed(function["parameters"], column) or {}}}
    return tool


def _call(call: dict[str, Any]) -> dict[str, Any]:
    if "function" not in call and "name" in call:
        call = {
            **{key: call[key] for key in ("id",) if key in call},
            "type": "function",
            "function": {key: value for key, value in call.items() if key not in ("id", "type")},
        }
    function = call.get("function")
    if isinstance(function, dict) and not isinstance(function.get("arguments", ""), str):
        arguments = json.dumps(function["arguments"], ensure_ascii=False)
        return call | {"function": function | {"arguments": arguments}}
    return call


def _add_plain(found: Turns, turn: Turn, column: str) -> bool:
    """Adds a turn of a role and a text, as most are; whether it is one."""
    role, said = (turn.get("role"), turn.get("content")) if "role" in turn else (turn.get("from"), turn.get("value"))
    speaker = SPEAKERS.get(role) if isinstance(role, str) else None
    if speaker is None or speaker == "call" or not isinstance(said, str):
        return False
    if found.reasoning is not None:
        _left(found, ("reasoning of earlier turns",), column)
        found.reasoning = None
    found.turns.append({"role": speaker, "content": said})
    return True


def _add(found: Turns, turn: Turn, place: str, column: str) -> None:
    """Adds one turn, or the two of an object that names its speakers as keys: {"human": …, "assistant": …}.

    Raises:
        RowError: it is no turn, or further turns hang on it: which of them the dialogue goes on with, nothing says.
    """
    if (tree := next((key for key, cell in turn.items() if _hold_turns(key, cell)), None)) is not None:
        raise RowError(f"{place}.{tree} holds turns that follow this one, as in a tree: write one dialogue a row")
    who = next((key for key in WHO if key in turn), None)
    if who is None:
        named = {key: _NAMED.get(key, _speaker(key)) for key in turn}
        named = {key: role for key, role in named.items() if role in ("user", "assistant", "system")}
        if not named:
            raise RowError(f"{place}: nothing says who speaks (its keys: {', '.join(map(str, turn)) or 'none'})")
        for role in ("system", "user", "assistant"):
            said_by = [key for key, speaks in named.items() if speaks == role]
            found.turns += [{"role": role, "content": _content(turn[key], place)[0]} for key in said_by]
        _left(found, (key for key in turn if key not in named), column)
        return
    name = turn[who]
    speaker = _speaker(name)
    if speaker is None:
        raise RowError(f"{place}: unknown speaker {shown(name)}; known are {', '.join(SPEAKERS)}")
    said = next((key for key in SAID if key in turn), None)
    if speaker == "call":
        calls = calls_of(turn.get(said) if said else None, place)
        if not calls:
            raise RowError(f"{place}: a call of a tool that calls none")
        found.turns.append({"role": "assistant", "content": "", "tool_calls": calls})
        return
    made = _message(turn, speaker, said, place)
    thought = next((text(turn[key], place) for key in THOUGHT if holds(turn.get(key))), None)
    if said is not None:
        made["content"], inner = _content(turn[said], place)
        thought = thought or inner
    if found.reasoning is not None:
        _left(found, ("reasoning of earlier turns",), column)
    found.reasoning = thought if speaker == "assistant" else None
    if (trained := next((turn[key] for key in MASKS if key in turn), None)) is not None:
        made["_trained"] = _trained(trained)
    found.turns.append(made)
    _left(found, (key for key in turn if key not in _KEYS and holds(turn[key])), column)


def _message(turn: Turn, role: str, said: str | None, place: str) -> Turn:
    made: Turn = {"role": role, "content": ""}
    calls = calls_of(turn.get("tool_calls", turn.get("tool_calls_json")), place)
    if holds(turn.get("function_call")):
        calls += calls_of(turn["function_call"], place)
    if calls:
        made["tool_calls"] = calls
    for key in ("name", "tool_call_id"):
        if isinstance(turn.get(key), str):
            made[key] = turn[key]
    if said is None and not calls:
        raise RowError(f"{place}: the turn says nothing: it has none of {', '.join(SAID)}")
    return made


def _content(value: Any, place: str) -> tuple[str, str | None]:
    """The text of a turn, and the reasoning among its parts."""
    if not isinstance(value, list):
        return text(value, place), None
    said: list[str] = []
    thought: list[str] = []
    for part in value:
        if isinstance(part, str):
            said.append(part)
            continue
        sort = part.get("type", "text") if isinstance(part, dict) else None
        if sort in ("text", "input_text", "output_text") and isinstance(part.get("text"), str):
            said.append(part["text"])
        elif isinstance(part, dict) and sort == "text" and not any(map(holds, _without(part, "type"))):
            continue
        elif sort in ("thinking", "reasoning"):
            thought.append(text(part.get(str(sort), part.get("text")), place))
        else:
            raise RowError(f"{place}: holds something else than text ({shown(sort)}): only text is read")
    return "".join(said), "\n".join(thought) or None


def _across(columns: dict[str, Any]) -> list[Turn] | None:
    """The turns where each key of a turn has the list of its values, as `datasets` gives sequences of objects."""
    cells = list(columns.values())
    if not any(key in columns for key in WHO) or not all(isinstance(cell, list) for cell in cells):
        return None
    if len({len(cell) for cell in cells}) != 1:
        return None
    return [dict(zip(columns, turn, strict=True)) for turn in zip(*cells, strict=True)]


def _without(part: dict[str, Any], key: str) -> list[Any]:
    return [value for name, value in part.items() if name != key]


def _hold_turns(key: str, cell: Any) -> bool:
    return key not in SAID and isinstance(cell, list) and any(isinstance(one, dict) and is_message(one) for one in cell)


def _speaker(name: Any) -> str | None:
    if not isinstance(name, str):
        return None
    return SPEAKERS.get(name) or SPEAKERS.get(re.sub(r"[\s]+", "_", name.strip().casefold()))


def _trained(value: Any) -> bool:
    said = yes_or_no(value)
    return said if said is not None else value not in (0, "0")


def _left(found: Turns, keys: Any, column: str) -> None:
    found.aside += [name for key in keys if (name := f"{column}.{key}") not in found.aside]


def _masked(found: Turns, column: str) -> None:
    """Takes the masks off; the last answer must be one that is to be learnt."""
    if not any("_trained" in turn for turn in found.turns):
        return
    masks = [(turn["role"], turn.pop("_trained", True)) for turn in found.turns]
    if masks and masks[-1] == ("assistant", False):
        raise RowError(f"{column}: the last answer is marked as not to be learnt", "not_to_be_learnt")
    if ("assistant", False) in masks:
        _left(found, ("weights of earlier turns",), column)


def same_turns(first: list[Turn], second: list[Turn]) -> bool:
    """Whether two dialogues say the same."""
    return [(t["role"], t["content"]) for t in first] == [(t["role"], t["content"]) for t in second]


def is_message(value: Mapping[str, Any]) -> bool:
    """Whether an object is one turn of a dialogue."""
    return any(key in value for key in WHO) and any(key in value for key in (*SAID, "tool_calls"))
