"""Drops records whose answer was cut off, as far as the answer itself shows it.

A cut that the server reports (`finish_reason: length`) never gets here: the stages that ask drop it.
"""

from __future__ import annotations

import json
import re

from synthgen.records import Drop, Record

FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})([^`\n]*)$")
OPEN_END = re.compile(r"(?<![:;=8xX]['-])(?<![:;=8])[(\[{（「『“«„]$")
"""An opening bracket or quotation mark at the very end; `:(` is none."""

COMMA_END = re.compile(r"(?:[,،、，]|\s[-–])$")
MIN_WORDS = 4
"""A line of fewer words may end with a comma (`Kind regards,`), and is too short to tell a sentence by."""

SENTENCE_BREAK = re.compile(r"(?<=[^\W\d_]{3}[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(]?[A-ZÀ-ÖØ-ÞΑ-ΩА-Я])|[。！？][”」』）]?")
ABBREVIATION = re.compile(
    r"\b(?:Mrs?|Drs?|Prof|Sts?|vs|etc|approx|Inc|Ltd|Corp|Nr|bzw|usw|evtl|Abb|Str|Sra?|Mme|Mlle)\.$"
)
"""Words of three and more letters are cut here by name; shorter ones never end a sentence (`e.g.`, `F.`, `No. 5`)."""

SPACED_END = re.compile(r"[^\W\d_]$")
NOT_PROSE = re.compile(r"[#@|<>{}=\\$]|https?:|www\.|^\s*(?:[-*+•]|\d+[.)]|\w[.)])\s")


def truncated(record: Record, *, sentences: bool = True) -> Drop | None:
    """`truncated` where the output ends in an open code fence, in open JSON, after an opening bracket or a comma, or,
    with `sentences`, in a sentence without an end whose line has finished sentences before it.

    The last of these rests on how people write prose, not on what must be: turn it off for notes and posts.
    """
    text = (record.output or "").rstrip()
    if not text:
        return None
    for what, holds in (
        ("a code fence is not closed", _open_fence(text)),
        ("JSON is not closed", _open_json(text)),
        ("it ends with an opening bracket or quotation mark", bool(OPEN_END.search(text))),
        ("it ends with a comma or a dash", _ends_with_comma(text)),
        ("its last sentence has no end", sentences and _open_sentence(text)),
    ):
        if holds:
            return Drop("truncated", detail=f"the output ends {text[-40:]!r}: {what}")
    return None


def _open_fence(text: str) -> bool:
    fence = ""
    for line in text.splitlines():
        match = FENCE.match(line)
        if match is None:
            continue
        mark, info = match.group(1), match.group(2).strip()
        if not fence:
            fence = mark
        elif mark.startswith(fence) and not info:
            fence = ""
    return bool(fence)


def _open_json(text: str) -> bool:
    if not re.match(r"\{\s*\"|\[\s*[\[{\"]", text):
        return False
    try:
        json.loads(text)
        return False
    except (ValueError, RecursionError):
        bare = re.sub(r'"(?:[^"\\\n]|\\.)*"', "", text)
        return sum(map(bare.count, "{[")) > sum(map(bare.count, "}]"))


def _ends_with_comma(text: str) -> bool:
    line = text.splitlines()[-1]
    return bool(COMMA_END.search(line)) and (len(line.split()) >= MIN_WORDS or "，" in line[:-1])


def _open_sentence(text: str) -> bool:
    line = text.splitlines()[-1]
    if NOT_PROSE.search(line) or not SPACED_END.search(line):
        return False
    breaks = [
        m for m in SENTENCE_BREAK.finditer(line) if not ABBREVIATION.search(line[max(0, m.start() - 10) : m.start()])
    ]
    if not breaks:
        return False
    before, after = line[: breaks[-1].start()], line[breaks[-1].end() :]
    enough = 2 * MIN_WORDS if breaks[-1].group()[0] in "。！？" else MIN_WORDS
    measure = len if enough > MIN_WORDS else lambda part: len(part.split())
    return measure(before) >= enough and measure(after) >= enough
