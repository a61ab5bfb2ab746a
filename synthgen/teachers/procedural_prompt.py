"""What the procedural teacher reads out of a prompt: the task in question, the demonstrations, the number to go on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from synthgen import families
from synthgen.families import Solution, Task
from synthgen.forms import BLOCKS, NUMBERED, Asked, Form, Item
from synthgen.forms.plain import BLOCK_NUMBER, LIST_NUMBER

_TASK = re.compile(r"^Task: (.+)$", re.MULTILINE)
_ENTRIES: dict[Form, re.Pattern[str]] = {
    NUMBERED: re.compile(r"^\d{1,3}\. (.+)$", re.MULTILINE),
    BLOCKS: re.compile(r"^\d{1,3}\. Instruction: (.+)$", re.MULTILINE),
}

MOST_SPLITS = 8
"""How many blank lines of a message are tried as the border between instruction and input."""


def last_message(messages: Sequence[Mapping[str, Any]]) -> str:
    """The text of the last user message; of a message in parts, its texts."""
    content = next((m.get("content") for m in reversed(messages) if m.get("role") == "user"), None)
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return str(content or "")


def question(asked: Asked) -> tuple[str, str]:
    """The instruction and the input that a prompt asks about: its last line `Task: …`, else its last paragraph."""
    text = f"{asked.before}{asked.after}"
    lines = _TASK.findall(text)
    if not lines:
        return text.strip().rpartition("\n\n")[2], ""
    try:
        value = json.loads(lines[-1])
    except ValueError:
        return lines[-1], ""
    if isinstance(value, dict):
        return str(value.get("instruction", "")), str(value.get("input", ""))
    return str(value), ""


def solved(text: str) -> Solution | None:
    """The answer to a user's message, which holds an instruction and maybe, after a blank line, an input."""
    at = -1
    for _ in range(MOST_SPLITS):
        at = text.find("\n\n", at + 1)
        if at < 0:
            break
        if solution := families.solve(text[:at].strip(), text[at:].strip()):
            return solution
    return families.solve(text.strip(), "")


def demonstrations(asked: Asked) -> list[Task]:
    """The tasks that a prompt shows as demonstrations, in order."""
    entries = _ENTRIES.get(asked.form)
    if entries is not None:
        return [_as_task({"instruction": entry}) for entry in entries.findall(asked.after)]
    return [_as_task(item) for item in asked.form.parse(asked.after).items]


def first_number(asked: Asked) -> int:
    """The number that a list or a row of blocks is to go on with; 1 where the prompt ends in none."""
    found = BLOCK_NUMBER.search(asked.after) or LIST_NUMBER.search(asked.after)
    return int(found[1]) if found else 1


def _as_task(item: Item) -> Task:
    return Task(
        instruction=item["instruction"],
        input=item.get("input", ""),
        output=item.get("output", ""),
        reasoning=None,
        family="",
        task_type=item.get("task_type", ""),
    )
