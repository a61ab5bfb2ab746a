"""Items in replies that hold no JSON although it was asked for: numbered lists and labelled blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from synthgen.forms.parsed import Broken, Item, Parsed, broken

# Repetitions are bounded, so that a long run of one character costs no more than its length.
_NUMBER = re.compile(r"^[ \t]{0,8}\*{0,2}(\d{1,3})[.)]\*{0,2}[ \t]{1,8}", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]{0,8}[-*•][ \t]{1,8}", re.MULTILINE)

_CUT = "the reply was cut in this item"

LABELS = {
    "task type": "task_type",
    "type": "task_type",
    "instruction": "instruction",
    "task": "instruction",
    "input": "input",
    "output": "output",
    "label": "output",
    "answer": "output",
    "response": "output",
}
"""What the fields are called in replies that label them."""

_LABEL = re.compile(
    r"^[#>*_\- \t]{0,12}(?:\d{1,3}[.)][ \t]{0,8})?[*_]{0,3}"
    rf"({'|'.join(LABELS)})"
    r"[ \t]{0,8}\d{0,3}[*_]{0,3}[ \t]{0,8}:[*_]{0,3}[ \t]{0,8}",
    re.MULTILINE | re.IGNORECASE,
)
_RULE = re.compile(r"\s*|\s{0,8}(?:[#*=_\-]{3,80}|\d{1,3}[.)])\s{0,8}")


def numbered(text: str, cut: bool) -> Parsed:
    """The entries of a numbered list as instructions, or of a bulleted one; what stands before it is chatter.

    A number counts only where it goes on from the one before, so that a list within an entry stays there.
    """
    marks: list[re.Match[str]] = []
    following = None
    for match in _NUMBER.finditer(text):
        number = int(match[1])
        if following is None or number == following:
            marks.append(match)
            following = number + 1
    if not marks:
        marks = list(_BULLET.finditer(text))
    if not marks:
        return Parsed()
    entries = [text[mark.end() : end].strip() for mark, end in _stretches(marks, text)]
    last = [broken(entries.pop(), _CUT, cut=True)] if cut else []
    return Parsed(tuple({"instruction": entry} for entry in entries), tuple(last))


def labelled(text: str, cut: bool) -> Parsed:
    """The items of blocks like `Instruction: … Output: …`; a label that an item has already begins the next one."""
    items: list[Item] = []
    last: list[Broken] = []
    for mark, end in _stretches(list(_LABEL.finditer(text)), text):
        name = LABELS[mark[1].lower()]
        if not items or name in items[-1]:
            items.append({})
        items[-1][name] = _without_rule(text[mark.end() : end])
    if items and cut:
        last = [broken("\n".join(items.pop().values()), _CUT, cut=True)]
    return Parsed(tuple(items), tuple(last))


def _stretches(marks: list[re.Match[str]], text: str) -> Iterator[tuple[re.Match[str], int]]:
    """Each mark with the place where what it marks ends: at the next mark, or with the text."""
    for i, mark in enumerate(marks):
        yield mark, marks[i + 1].start() if i + 1 < len(marks) else len(text)


def _without_rule(value: str) -> str:
    """The value without the rules (`###`) and bare numbers at its end, which part it from the next block."""
    lines = value.split("\n")
    while len(lines) > 1 and _RULE.fullmatch(lines[-1]):
        lines.pop()
    return "\n".join(lines).strip()


def yes_or_no(text: str, cut: bool) -> Parsed:
    """The label where the text opens with yes or no, or holds only one of the two words."""
    said = [word.lower() for word in re.findall(r"\b(?:yes|no)\b", text, re.IGNORECASE)]
    opens = re.match(r"\W{0,20}(?:yes|no)\b", text, re.IGNORECASE)
    if said and (opens or len(set(said)) == 1):
        return Parsed(({"label": said[0]},))
    return Parsed()


def whole(text: str, cut: bool) -> Parsed:
    """The text as an answer without reasoning."""
    text = text.strip()
    if not text:
        return Parsed()
    return Parsed((), (broken(text, _CUT, cut=True),)) if cut else Parsed(({"reasoning": "", "answer": text},))
