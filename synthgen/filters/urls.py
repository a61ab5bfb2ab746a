"""Drops records with links: a model that cannot open them has to make up what they hold."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field as Setting

from synthgen.filters.fields import Field, text_of
from synthgen.records import Drop, Record

URL = re.compile(r"(?:https?://|(?<![\w.@])www\.)([\w-]+(?:\.[\w-]+)*)[^\s<>\"'）。，」]*", re.IGNORECASE)
RESERVED = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|org|net|edu))?|test|invalid|localhost)$", re.IGNORECASE)
"""Names that lead nowhere and stand for any other (RFC 2606)."""


def urls(
    record: Record,
    *,
    limit: Annotated[int, Setting(ge=0)] = 0,
    fields: tuple[Field, ...] = ("instruction", "input"),
) -> Drop | None:
    """`too_many_urls` where the texts hold more than `limit` links; `example.com` and its like are not counted."""
    found = [
        match.group()
        for field in fields
        for match in URL.finditer(text_of(record, field) or "")
        if not RESERVED.search(match.group(1))
    ]
    if len(found) <= limit:
        return None
    return Drop("too_many_urls", score=len(found), limit=limit, detail=found[limit])
