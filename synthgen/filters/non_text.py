"""Drops tasks that ask for pictures, sound, files or the web: what a language model cannot give or see."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from synthgen.filters.fields import Field, text_of
from synthgen.filters.non_text_requests import find_request
from synthgen.records import Drop, Record

SELF_INSTRUCT = (
    *("image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps"),
    *("draw", "plot", "go to"),
)
ALPACA = (*SELF_INSTRUCT, "video", "audio", "music", "flowchart", "diagram")
"""The words of Self-Instruct (arXiv 2212.10560) and of Stanford Alpaca, as their code lists them."""


def non_text(
    record: Record, *, field: Field = "instruction", faithful: Literal[False, "self_instruct", "alpaca"] = False
) -> Drop | None:
    """`non_text_request` where the text asks for, or points at, what is not text; `detail` quotes it.

    Made for requests in English, German, French, Spanish, Portuguese, Italian, Russian, Chinese, Japanese and Korean.
    `faithful` takes one of the published English word lists instead, wherever the word stands (`a film's plot` too).
    """
    text = text_of(record, field)
    if not text:
        return None
    if faithful:
        match = _published(faithful).search(text)
        found = match.group() if match else None
    else:
        found = find_request(text)
    return Drop("non_text_request", detail=f"{field}: {found!r}") if found else None


@cache
def _published(method: Literal["self_instruct", "alpaca"]) -> re.Pattern[str]:
    words = ALPACA if method == "alpaca" else SELF_INSTRUCT
    return re.compile(rf"\b(?:{'|'.join(words)})\b", re.IGNORECASE)
