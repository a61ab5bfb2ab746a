"""When two answers are the same: only harmless differences are."""

from __future__ import annotations

import re

from synthgen.families.family import Same
from synthgen.families.framing import capital

_THOUSANDS = re.compile(r"(?<![\d.,])(\d{1,3}(?:,\d{3})+)(?![\d,])")
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"]')

_ABOUT = re.compile(r"\b(?:is|are|was|were|answer|result|equals|gives|makes|becomes|total)\b|=", re.IGNORECASE)

VERBOSE = 3
"""An answer with at least this many words more than the expected one may be a sentence about it."""


def agrees(output: str, expected: str, same: Same) -> bool:
    """Whether the output is the expected answer, but for surrounding white space and what `same` calls no difference.

    `caseless` takes the answer as it is, all small, all capitals, or with a capital first.

    A final full stop is no difference either where the answer holds none and is one line.
    """
    output, expected = output.strip(), expected.strip()
    if same == "json":
        return _JSON_TOKEN.findall(output) == _JSON_TOKEN.findall(expected)
    if same == "number":
        output, expected = _plain_number(output), _plain_number(expected)
    right = {expected}
    if same == "caseless":
        right |= {expected.lower(), expected.upper(), capital(expected.lower())}
    if "." not in expected and "\n" not in expected:
        right |= {f"{text}." for text in right}
    return output in right


def mentions(output: str, expected: str) -> bool:
    """Whether the output is a sentence about the expected answer: neither right nor wrong for certain."""
    output, expected = output.strip(), expected.strip()
    if len(output.split()) < len(expected.split()) + VERBOSE or not output[0].isalnum():
        return False
    found = re.search(rf"(?<!\w){re.escape(expected)}(?!\w)", output, re.IGNORECASE)
    return found is not None and _ABOUT.search(output[: found.start()] + " " + output[found.end() :]) is not None


def _plain_number(text: str) -> str:
    return _THOUSANDS.sub(lambda match: match.group().replace(",", ""), text)
