"""The export `llamafactory`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from synthgen.formats.exporting import Files, Row, compact, openai_messages, plain, unanswered
from synthgen.records import Record

_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "observation",
    "function_tag": "function_call",
    "system_tag": "system",
}


class LlamaFactory:
    """Chat lines for LLaMA-Factory, and the `dataset_info.json` that its reader needs."""

    def files(self) -> Files:
        """The lines and their description."""
        info = dataset_info("train.jsonl", {"messages": "messages", "tools": "tools"})
        return {"train.jsonl": llamafactory, "dataset_info.json": info}


def dataset_info(file: str, columns: Mapping[str, str], **more: Any) -> str:
    """The text of `dataset_info.json`: the file as the dataset `synthgen`, with its columns by their meaning."""
    # not `formatting: openai`: that reader adds a system prompt of its own to every row without tools
    entry = {"file_name": file, "formatting": "sharegpt", **more, "columns": dict(columns), "tags": _TAGS}
    return json.dumps({"synthgen": entry}, indent=2) + "\n"


def llamafactory(record: Record) -> Row | str:
    """`messages` for LLaMA-Factory's `sharegpt` formatting with role tags, and `tools`, which its reader wants always.

    It takes strictly alternating turns only.
    """
    if unanswered(record):
        return "no_output"
    if any(turn.tool_calls and turn.content.strip() for turn in record.history):
        return "call_with_text"
    turns = [plain(turn) for turn in record.history]
    own = openai_messages(record)[bool(record.system) + len(record.history) :]
    turns += [{"role": m["role"], "content": m["content"]} for m in own]
    asking = {"user", "observation"}
    if len(turns) % 2 or any((turn["role"] in asking) != (i % 2 == 0) for i, turn in enumerate(turns)):
        return "turns_do_not_alternate"
    if record.system:
        turns.insert(0, {"role": "system", "content": record.system})
    functions = [tool.get("function", tool) for tool in record.tools]
    return {"messages": turns, "tools": compact(functions) if functions else ""}
