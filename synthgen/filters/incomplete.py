"""Filters against records that are empty, cut, unfinished, run on in circles or hold a template's tokens."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from typing import Annotated

from pydantic import Field as Setting

from synthgen.matching.words import Field, text_of
from synthgen.records import Drop, Record, answered_by_call
from synthgen.requests.template_tokens import find_token
from synthgen.text import ngrams, tokenize

NO_ANSWER = frozenset(("n/a", "n.a", "not applicable", "noinput", "no input", "nooutput", "no output"))
"""What stands for no answer in published data, without case, and brackets and punctuation around it. `None`, `null` and
`NA` are not here: they answer `which are prime?`, `what does it print?` and `what is the symbol of sodium?`."""


def empty(record: Record, *, output_required: bool = False) -> Drop | None:
    """`empty_instruction`, `empty_output`, `placeholder_output` (such as `N/A`), or `no_output`.

    White space and invisible characters are nothing. A placeholder that the task itself speaks of is an answer. An
    output that is None has not been written yet, unless a call of tools is the answer: it is dropped, as `no_output`,
    only where `output_required`.
    """
    if not _visible(record.instruction):
        return Drop("empty_instruction")
    if record.output is None:
        return Drop("no_output") if output_required and not answered_by_call(record) else None
    if not _visible(record.output):
        return Drop("empty_output")
    bare = record.output.strip().strip("<>[](){}\"'`*_.").strip().casefold()
    if bare in NO_ANSWER and bare not in f"{record.system}\n{record.instruction}\n{record.input}".casefold():
        return Drop("placeholder_output", detail=f"output: {record.output.strip()!r}")
    return None


def _visible(text: str) -> bool:
    return any(not c.isspace() and unicodedata.category(c) not in ("Cc", "Cf") for c in text)


FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})([^`\n]*)$")
OPEN_END = re.compile(r"(?<![:;=8xX]['-])(?<![:;=8])[(\[{（「『“«„]$")
"""An opening bracket or quotation mark at the very end; `:(` is none."""

COMMA_END = re.compile(r"(?:[,،、，]|\s[-–])$")
MIN_WORDS = 4
"""A line of fewer words may end with a comma (`Kind regards,`), and is too short to tell a sentence by."""

CLOSING = re.compile(r"\n[ \t]*\n[^\n,]{1,50},$")
"""The last line of a letter whose writer is not named (`Looking forward to seeing you,`), after an empty line."""

SENTENCE_BREAK = re.compile(r"(?<=[^\W\d_]{3}[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(]?[A-ZÀ-ÖØ-ÞΑ-ΩА-Я])|[。！？][”」』）]?")
ABBREVIATION = re.compile(
    r"\b(?:Mrs?|Drs?|Prof|Sts?|vs|etc|approx|Inc|Ltd|Corp|Nr|bzw|usw|evtl|Abb|Str|Sra?|Mme|Mlle)\.$"
)
"""Words of three and more letters are cut here by name; shorter ones never end a sentence (`e.g.`, `F.`, `No. 5`)."""

SPACED_END = re.compile(r"[^\W\d_]$")
NOT_PROSE = re.compile(r"[#@|<>{}=\\$]|https?:|www\.|^\s*(?:[-*+•]|\d+[.)-]|\w[.)])\s")


def truncated(record: Record, *, sentences: bool = True) -> Drop | None:
    """`truncated` where the output ends in an open code fence, JSON, list item or table row, after an opening bracket
    or a comma, or, with `sentences`, in a sentence without an end whose line has finished sentences before it.

    The last of these rests on how people write prose, not on what must be: turn it off for notes and posts. A cut that
    the server reports (`finish_reason: length`) never gets here: the stages that ask drop it.
    """
    text = (record.output or "").rstrip()
    if not text:
        return None
    for what, holds in (
        ("a code fence is not closed", _open_fence(text)),
        ("JSON is not closed", _open_json(text)),
        ("it ends with an opening bracket or quotation mark", bool(OPEN_END.search(text))),
        ("it ends with a comma or a dash", _ends_with_comma(text)),
        ("its last list item or table row is open", _open_row(text)),
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
    if CLOSING.search(text):
        return False
    return bool(COMMA_END.search(line)) and (len(line.split()) >= MIN_WORDS or "，" in line[:-1])


BARE_MARKER = re.compile(r"\s*(?:\d{1,3}[.)]|[-*+•])")
ITEM = re.compile(r"\s*(?:\d{1,3}[.)]|[-*+•])\s+\S")


def _open_row(text: str) -> bool:
    before, line_break, line = text.rpartition("\n")
    if not line_break:
        return False
    if BARE_MARKER.fullmatch(line):
        return bool(ITEM.match(before, before.rfind("\n") + 1))
    row = before[before.rfind("\n") + 1 :].strip()
    return (
        line.startswith("|") and not line.endswith("|") and row.startswith("|") and row.endswith("|") and len(row) > 1
    )


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


COLONS = (":", "：", "፥", "︰")
"""Latin, full-width (Chinese, Japanese), Ethiopic, vertical."""


def unfinished(record: Record, *, fields: tuple[Field, ...] = ("input", "output")) -> Drop | None:
    """`unfinished` where one of the texts ends with a colon (Self-Instruct's rule for instances)."""
    for field in fields:
        if (text_of(record, field) or "").rstrip().endswith(COLONS):
            return Drop("unfinished", detail=f"the {field} ends with a colon")
    return None


def repetition(
    record: Record,
    *,
    n: Annotated[int, Setting(ge=1)] = 4,
    max_share: Annotated[float, Setting(ge=0, le=1)] = 0.4,
    min_ngrams: Annotated[int, Setting(ge=1)] = 30,
    field: Field = "output",
) -> Drop | None:
    """`repetitive` where more than `max_share` of the runs of `n` tokens have stood in the text before.

    Texts with fewer than `min_ngrams` such runs are kept: a chorus, a chant and `no, no, no` are short. A loop of k
    equal parts has a share of about (k - 1) / k; of the answers in `seeds/` the most repetitive one has 0.13.
    """
    text = text_of(record, field)
    runs = ngrams(tokenize(text), n) if text else []
    if len(runs) < min_ngrams:
        return None
    share = 1 - len(set(runs)) / len(runs)
    if share <= max_share:
        return None
    return Drop("repetitive", score=round(share, 4), limit=max_share, detail=f"{field}: {len(runs)} runs of {n} tokens")


PIECE_END = re.compile(r"[.!?](?=\s|$)|[\n。！？]")
MARKER = re.compile(r"\A(?:\d{1,3}[.):]|[-*+•])\s*")
SHORT = 60
"""Tokens. Longer loops are `repetition`'s."""

LONGEST_PHRASE = 6
REPEATS_ASKED = re.compile(
    r"\b(?:repeat\w*|times|song|lyrics?|chorus|refrain|chant\w*|poem|poetry|rhym\w*|verse|echo\w*|copies|copy|print\w*"
    r"|pattern|sequence|loop\w*|lullaby|mantra|jingle|rap|lorem|tongue|sonnet|villanelle|anaphora|recite|sing)\b",
    re.IGNORECASE,
)


def loops(record: Record, *, times: Annotated[int, Setting(ge=2)] = 3, field: Field = "output") -> Drop | None:
    """`looping` where a sentence or a line of three words and more stands there `times` times and a third of the text
    is repetition, or a phrase of two words and more stands `times` times in a row and is most of a short text.

    Finds loops that are too short for `repetition`. Songs, poems and tasks that ask for repetition pass, and so do code
    and as many equal lines as the task has lines of its own (labels). Whether words are words it does not know.
    """
    text = text_of(record, field)
    if not text or "```" in text:
        return None
    said = _sentence(text, times) or _phrase(text, times)
    task = f"{record.instruction}\n{record.input}" if field == "output" else ""
    if not said or REPEATS_ASKED.search(task) or task.strip().count("\n") + 1 >= times:
        return None
    return Drop("looping", detail=f"{field}: {said}")


def _sentence(text: str, times: int) -> str:
    pieces = [p for piece in PIECE_END.split(text) if (p := MARKER.sub("", piece.strip()).casefold())]
    counts = Counter(pieces)
    repeated = {piece: n for piece, n in counts.items() if n > 1 and len(tokenize(piece)) > 2}
    if max(repeated.values(), default=0) < times:
        return ""
    if 3 * sum((n - 1) * len(piece) for piece, n in repeated.items()) < len(text):
        return ""
    piece = max(repeated, key=lambda p: repeated[p])
    return f"{repeated[piece]} times {piece[:60]!r}"


def _phrase(text: str, times: int) -> str:
    if len(text) > 8 * SHORT:
        return ""
    words = tokenize(text)
    n = len(words)
    if not 2 * times <= n <= SHORT or 3 * len(set(words)) > 2 * n:
        return ""
    for length in range(2, min(LONGEST_PHRASE, n // times) + 1):
        run = 0
        for i in range(length, n):
            run = run + 1 if words[i] == words[i - length] else 0
            if run + length < times * length or 2 * (run + length) <= n:
                continue
            phrase = words[i - length + 1 : i + 1]
            if len(set(phrase)) > 1 and not any(map(str.isdigit, phrase)):  # numbers may well repeat
                return f"{(run + length) // length} times {' '.join(phrase)!r}"
    return ""


def template_token(record: Record) -> Drop | None:
    """`template_token` where any text of the record, its reasoning and its history too, holds one (`<|im_end|>`,
    `[INST]`, `</s>` …) that is not marked as code, in backticks: trained on, it would be a real turn inside a text.
    """
    texts: dict[str, str | None] = {"system": record.system, "instruction": record.instruction, "input": record.input}
    texts |= {f"history, turn {n}": turn.content for n, turn in enumerate(record.history, 1)}
    texts |= {"output": record.output, "reasoning": record.reasoning}
    for name, text in texts.items():
        token = find_token(text or "")
        if token is not None:
            return Drop("template_token", detail=f"{name}: {token}")
    return None
