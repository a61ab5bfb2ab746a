"""When two answers are the same: only harmless differences are."""

from __future__ import annotations

import re

from synthgen.families.family import Same
from synthgen.families.framing import capital

_THOUSANDS = re.compile(r"(?<![\d.,])(\d{1,3}(?:,\d{3})+)(?![\d,])")
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[^\s"]')
"""A string, or any other character; a string that never ends is one token with all that follows it."""

_ABOUT = re.compile(r"\b(?:is|are|was|were|answer|result|equals|gives|makes|becomes|total)\b|=", re.IGNORECASE)

_MARKER = re.compile(r"^[^\S\n]*+(?:\d{1,2}[.)]|[-*•])\s+", re.MULTILINE)
_AROUND = "\"'`*_()[]{}<>.:$“”‘’"

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


def mentions(output: str, expected: str, same: Same) -> bool:
    """Whether the output is a sentence about the expected answer: neither right nor wrong for certain."""
    output, expected = output.strip(), expected.strip()
    flags = re.IGNORECASE if same == "caseless" else re.NOFLAG
    whole = rf"(?<!\w){re.escape(expected)}(?!\w)"
    if re.search(rf"[=:]\s*{whole}\.?$", output, flags):
        return True
    if len(output.split()) < len(expected.split()) + VERBOSE or not output[0].isalnum():
        return False
    found = re.search(whole, output, flags)
    return found is not None and _ABOUT.search(output[: found.start()] + " " + output[found.end() :]) is not None


def rearranged(output: str, expected: str, same: Same) -> bool:
    """Whether the output holds the same words in another layout: a list with bullets, quotation marks, asterisks."""
    one, other = _chunks(output), _chunks(expected)
    if same == "caseless":
        one, other = [word.casefold() for word in one], [word.casefold() for word in other]
    return one == other


def _chunks(text: str) -> list[str]:
    parts = (part.strip(_AROUND) for part in re.split(r"[\s,;]+", _MARKER.sub("", text)))
    return [part for part in parts if any(map(str.isalnum, part))]


def _plain_number(text: str) -> str:
    return _THOUSANDS.sub(lambda match: match.group().replace(",", ""), text)
