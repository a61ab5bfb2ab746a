"""Which column is which field: the one table of names, over the datasets and trainers that write them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

NAMES: dict[str, tuple[str, ...]] = {
    "instruction": ("instruction", "question", "query", "problem", "prompt", "user_prompt", "inputs", "user", "human"),
    "input": ("input", "context"),
    "output": ("output", "response", "answer", "completion", "assistant", "gpt", "bot", "reply", "solution", "target",
               "targets"),
    "system": ("system", "system_prompt", "system_message", "system_instruction", "systeminstruction"),
    "messages": ("messages", "conversations", "conversation", "dialogue", "dialog", "chat", "turns", "contents"),
    "history": ("history",),
    "chosen": ("chosen", "preferred_output"),
    "rejected": ("rejected", "non_preferred_output"),
    "label": ("label", "kto_tag"),
    "instances": ("instances",),
    "answers": ("answers",),
    "reasoning": ("reasoning", "reasoning_content", "thinking", "thought"),
    "tools": ("tools", "tools_json", "functions"),
    "scores": ("scores", "scores_json"),
    "score_chosen": ("score_chosen",),
    "score_rejected": ("score_rejected",),
    "task_type": ("task_type",),
    "language": ("language",),
    "is_classification": ("is_classification",),
    "id": ("id",),
}  # fmt: skip
"""The names of each field; of several that hold something, the first is taken."""

TARGETS = (*(name for name in NAMES if name not in ("instances", "answers", "scores", "id")), "conversations", "prompt",
           "completion")  # fmt: skip
"""What `columns` may map a column to."""

_SAME = {"conversations": "messages", "prompt": "instruction", "completion": "output"}

_ROLE_OF = {name: role for role, names in NAMES.items() for name in names}

_LAST_WORDS = {
    **dict.fromkeys(
        ("answer", "answers", "response", "responses", "output", "outputs", "completion", "completions", "reply",
         "replies", "solution", "solutions", "target", "targets", "generation", "generations", "truth", "gold",
         "answerkey"),
        "output",
    ),
    **dict.fromkeys(
        ("context", "contexts", "passage", "passages", "document", "documents", "article", "paragraph", "paragraphs",
         "background", "choices", "choice", "options", "option", "input", "inputs"),
        "input",
    ),
    **dict.fromkeys(("question", "questions", "query", "prompt", "prompts", "instruction", "instructions",
         "definition"), "instruction"),
    **dict.fromkeys(("reasoning", "thinking", "thoughts", "rationale", "cot", "trajectory", "trajectories"),
                    "reasoning"),
    **dict.fromkeys(("messages", "conversation", "conversations", "dialogue", "dialog", "history", "turns"),
                    "messages"),
    **dict.fromkeys(("image", "images", "audio", "video", "instances"), ""),
}  # fmt: skip
"""What a column probably carries, by the last word of a name that is none of `NAMES`; empty: nothing that is read."""

_VAGUE = frozenset(("text", "texts", "string", "str", "content", "key", "body", "raw"))
"""Last words of names that say nothing: what a column carries is in the word before."""

_LETTERS = ("A", "B", "C", "D")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])")

_WEAK = frozenset(
    ("user", "human", "assistant", "gpt", "bot", "target", "targets", "inputs", "turns", "chat", "contents", "thought")
)
"""Names that often are something else: they count where no other column has the field, and are no rivals of one."""

SIDE = ("label", "scores", "score_chosen", "score_rejected", "task_type", "language", "is_classification",
         "id", "tools")  # fmt: skip
"""Fields of which a second column loses no text of a task."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Where each field is (`fields`), columns that carry text for a field that has its column already, or whose names
    look as if they did (`rivals`, with the field), and the columns beside (`aside`). `weak`: the instruction has a name
    that often means something else. `plain`: an instruction with an output, and maybe an input, is all there is.
    """

    fields: Mapping[str, str]
    rivals: tuple[tuple[str, str], ...]
    aside: tuple[str, ...]
    weak: bool = False
    plain: bool = False


def field_named(column: str) -> str | None:
    """The field that the column's name is one of the names of."""
    return _ROLE_OF.get(plain(column))


def field_of(target: str) -> str:
    """The field that a key of `columns` means: `prompt` is the instruction, `conversations` are messages."""
    return _SAME.get(target, target)


def plain(column: str) -> str:
    """The column's name as `NAMES` has it: small letters, words joined by underscores."""
    return re.sub(r"[\s.-]+", "_", column.strip().casefold())


@lru_cache(maxsize=1024)
def plan(columns: tuple[str, ...], mapped: tuple[tuple[str, str], ...] = ()) -> Plan:
    """What the columns that hold something are; `mapped` says so for some (field, column)."""
    fields = {field: column for field, column in mapped if column in columns}
    decided = {field for field, _ in mapped}
    taken = {column for _, column in mapped}
    named: dict[str, list[str]] = {}
    rivals: list[tuple[str, str]] = []
    aside: list[str] = []
    for column in columns:
        if column in taken:
            continue
        role = _ROLE_OF.get(plain(column))
        if role is None:
            looks = looks_like(column, columns)
            rivals += [] if looks is None or mapped else [(column, looks)]
            aside += [column] if looks is None or mapped else []
        elif role in decided:
            aside.append(column)
        else:
            named.setdefault(role, []).append(column)
    for role, found in named.items():
        found.sort(key=lambda column: NAMES[role].index(plain(column)))
        fields[role] = found[0]
        for column in found[1:]:
            if mapped or role in SIDE or plain(column) in _WEAK:
                aside.append(column)
            else:
                rivals.append((column, role))
    weak = "instruction" not in decided and plain(fields.get("instruction", "")) in _WEAK
    only_texts = fields.keys() - {"input"} == {"instruction", "output"} and not rivals
    return Plan(fields, tuple(rivals), tuple(aside), weak, only_texts)


def looks_like(column: str, columns: Collection[str] = ()) -> str | None:
    """The field that a column of another name probably carries: empty for nothing that is read, None for no guess."""
    if column in _LETTERS and sum(letter in columns for letter in _LETTERS) > 1:
        return "input"  # the choices of a question, one a column
    if plain(column) in ("q", "a") and {"q", "a"} <= {plain(other) for other in columns}:
        return "instruction" if plain(column) == "q" else "output"
    words = [word for part in plain(_HUMP.sub("_", column)).split("_") if len(word := part.rstrip("0123456789")) > 1]
    while len(words) > 1 and words[-1] in _VAGUE:
        words.pop()
    return _LAST_WORDS.get(words[-1]) if words else None
