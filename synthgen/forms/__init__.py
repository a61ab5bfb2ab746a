"""The forms that replies have: asked for in prompts, enforced by schemas, written by programs, read by parsers.

Stages and the procedural teacher share them. Every parser takes any text: it returns the items, and the pieces that it
could not read with a reason each, so that nothing disappears.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from synthgen.forms.labelled import labelled, numbered, whole, yes_or_no
from synthgen.forms.parsed import Broken, Form, Item, Parsed
from synthgen.forms.plain import Blocks, InputFirst, Numbered, OutputFirst, YesNo
from synthgen.forms.reasoning import split_reasoning
from synthgen.forms.structured import JsonForm

TASKS = JsonForm(
    name="tasks",
    sentence="Reply with one JSON object and nothing else, of this shape: "
    '{"tasks": [{"task_type": "...", "instruction": "...", "input": "...", "output": "..."}]}. '
    'The list holds {count} tasks. "input" is an empty string where a task needs none.',
    fields=("task_type", "instruction", "input", "output"),
    required=("instruction", "output"),
    filled=("instruction",),
    container="tasks",
    fallback=labelled,
)
INSTRUCTIONS = JsonForm(
    name="instructions",
    sentence='Reply with one JSON object and nothing else, of this shape: {"instructions": ["...", "..."]}. The list'
    " holds {count} instructions.",
    fields=("instruction",),
    required=("instruction",),
    filled=("instruction",),
    container="instructions",
    strings=True,
    fallback=numbered,
)
LABEL = JsonForm(
    name="label",
    sentence='Reply with one JSON object and nothing else: {"label": "yes"} or {"label": "no"}.',
    fields=("label",),
    required=("label",),
    words={"yes": "yes", "true": "yes", "no": "no", "false": "no"},
    fallback=yes_or_no,
)
INPUT_FIRST = JsonForm(
    name="instances",
    sentence='Reply with one JSON object and nothing else, of this shape: {"instances": [{"input": "...", "output":'
    ' "..."}]}. The list holds up to {count} instances.',
    fields=("input", "output"),
    required=("output",),
    container="instances",
    fallback=labelled,
)
OUTPUT_FIRST = JsonForm(
    name="labelled_instances",
    sentence='Reply with one JSON object and nothing else, of this shape: {"instances": [{"output": "...", "input":'
    ' "..."}]}. The list holds up to {count} instances.',
    fields=("output", "input"),
    required=("output",),
    container="instances",
    fallback=labelled,
)
ANSWER = JsonForm(
    name="answer",
    sentence='Reply with one JSON object and nothing else, of this shape: {"reasoning": "...", "answer": "..."}.',
    fields=("reasoning", "answer"),
    required=("answer",),
    filled=("answer",),
    fallback=whole,
)
NUMBERED = Numbered()
BLOCKS = Blocks()
YES_NO = YesNo()
PLAIN_INPUT_FIRST = InputFirst()
PLAIN_OUTPUT_FIRST = OutputFirst()

FORMS: tuple[Form, ...] = (
    TASKS,
    INSTRUCTIONS,
    LABEL,
    INPUT_FIRST,
    OUTPUT_FIRST,
    ANSWER,
    NUMBERED,
    BLOCKS,
    YES_NO,
    PLAIN_INPUT_FIRST,
    PLAIN_OUTPUT_FIRST,
)


def asking(form: Form, count: int = 1) -> str:
    """The sentence that asks for `count` items in this form."""
    return form.sentence.replace("{count}", str(count))


@dataclass(frozen=True, slots=True)
class Asked:
    """The form that a prompt asks for, how many items, and the prompt before and after the sentence that says so."""

    form: Form
    count: int
    before: str
    after: str


def recognise(prompt: str, response_format: Mapping[str, Any] | None = None) -> Asked | None:
    """What a prompt asks for, by its last form sentence, else by its schema; None for a prompt that asks for text."""
    found: tuple[int, Form, re.Match[str]] | None = None
    for form, pattern in _patterns():
        for match in pattern.finditer(prompt):
            if found is None or match.start() > found[0]:
                found = match.start(), form, match
    if found is not None:
        _, form, match = found
        return Asked(form, int(match[1]) if match.lastindex else 1, prompt[: match.start()], prompt[match.end() :])
    name = ((response_format or {}).get("json_schema") or {}).get("name")
    for form in FORMS:
        if name == form.name:
            return Asked(form, 1, "", prompt)
    return None


@cache
def _patterns() -> tuple[tuple[Form, re.Pattern[str]], ...]:
    return tuple((form, re.compile(re.escape(form.sentence).replace(r"\{count\}", r"(\d{1,6})"))) for form in FORMS)


__all__ = [
    "ANSWER",
    "BLOCKS",
    "FORMS",
    "INPUT_FIRST",
    "INSTRUCTIONS",
    "LABEL",
    "NUMBERED",
    "OUTPUT_FIRST",
    "PLAIN_INPUT_FIRST",
    "PLAIN_OUTPUT_FIRST",
    "TASKS",
    "YES_NO",
    "Asked",
    "Broken",
    "Form",
    "Item",
    "JsonForm",
    "Parsed",
    "asking",
    "recognise",
    "split_reasoning",
]
