"""The built-in exports: rows for trainers, and the files that LLaMA-Factory and axolotl read beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from synthgen.formats.exporting import Files, Row, compact, openai_messages, plain_turn, unanswered
from synthgen.records import Record, to_alpaca


class Alpaca:
    """A JSON array of `instruction`, `input` and `output`: single turns without a system prompt or tools."""

    def files(self) -> Files:
        """One file."""
        return {"train.json": alpaca}


def alpaca(record: Record) -> Row | str:
    """`instruction`, `input`, `output`: single turns without a system prompt or tools."""
    if unanswered(record):
        return "no_output"
    if record.history:
        return "has_history"
    if record.system:
        return "has_system"
    return "has_tools" if record.tools else to_alpaca(record)


def messages(record: Record) -> Row | str:
    """An OpenAI chat line: `messages`, and `tools` where there are some; no other key."""
    if unanswered(record):
        return "no_output"
    row: Row = {"messages": openai_messages(record)}
    if record.tools:
        row["tools"] = list(record.tools)
    return row


def sharegpt(record: Record) -> Row | str:
    """`conversations` of `from` (system, human, gpt, function_call, observation) and `value`, and `tools`."""
    names = {"user": "human", "assistant": "gpt"}
    row = llamafactory(record)
    if isinstance(row, str):
        return row
    turns = [{"from": names.get(t["role"], t["role"]), "value": t["content"]} for t in row.pop("messages")]
    return {"conversations": turns} | row


def prompt_completion(record: Record) -> Row | str:
    """A conversational `prompt` and `completion` as TRL takes them: the loss is on the completion alone."""
    if unanswered(record):
        return "no_output"
    turns = openai_messages(record)
    row: Row = {"prompt": turns[:-1], "completion": turns[-1:]}
    if record.tools:
        row["tools"] = compact(record.tools)
    return row


class Dpo:
    """Preference pairs from scored answers, for TRL and for LLaMA-Factory."""

    def files(self) -> Files:
        """The pairs in two forms, and the description of the second."""
        columns = {name: name for name in ("messages", "chosen", "rejected", "tools")}
        return {
            "train.jsonl": preference,
            "llamafactory.jsonl": llamafactory_preference,
            "dataset_info.json": dataset_info("llamafactory.jsonl", columns, ranking=True),
        }


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


_ROLE_TAGS = {
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
    entry = {"file_name": file, "formatting": "sharegpt", **more, "columns": dict(columns), "tags": _ROLE_TAGS}
    return json.dumps({"synthgen": entry}, indent=2) + "\n"


def llamafactory(record: Record) -> Row | str:
    """`messages` for LLaMA-Factory's `sharegpt` formatting with role tags, and `tools`, which its reader wants always.

    It takes strictly alternating turns only.
    """
    if unanswered(record):
        return "no_output"
    if any(turn.tool_calls and turn.content.strip() for turn in record.history):
        return "call_with_text"
    turns = [plain_turn(turn) for turn in record.history]
    own = openai_messages(record)[bool(record.system) + len(record.history) :]
    turns += [{"role": m["role"], "content": m["content"]} for m in own]
    asking = {"user", "observation"}
    if len(turns) % 2 or any((turn["role"] in asking) != (i % 2 == 0) for i, turn in enumerate(turns)):
        return "turns_do_not_alternate"
    if record.system:
        turns.insert(0, {"role": "system", "content": record.system})
    functions = [tool.get("function", tool) for tool in record.tools]
    return {"messages": turns, "tools": compact(functions) if functions else ""}


_AXOLOTL_CONFIG = """\
# for an axolotl config; `path` is seen from where axolotl is started
datasets:
  - path: train.jsonl
    ds_type: json
    type: chat_template
    field_messages: messages
    roles_to_train: [assistant]
    train_on_eos: turn
"""


class Axolotl:
    """Chat lines for axolotl, and the `datasets:` part of its config."""

    def files(self) -> Files:
        """The lines and their config."""
        return {"train.jsonl": axolotl, "datasets.yml": _AXOLOTL_CONFIG}


def axolotl(record: Record) -> Row | str:
    """A chat line whose tools carry their `parameters` as JSON text, so that all rows have columns of one type."""
    row = messages(record)
    if isinstance(row, str) or not record.tools:
        return row
    tools = []
    for tool in record.tools:
        function = dict(tool.get("function", tool))
        tools.append(
            {"type": "function", "function": function | {"parameters": compact(function.get("parameters", {}))}}
        )
    return row | {"tools": tools}
