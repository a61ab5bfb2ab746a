"""Drops records with links: a model that cannot open them has to make up what they hold."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field as Setting

from synthgen.matching.words import Field, text_of
from synthgen.records import Drop, Record

URL = re.compile(
    r"(?P<named>\[(?![^\]\n]{0,100}\b(?:this|here|links?|article|page|site|post|video)\b)[^\]\n]{1,100}\]\()?"
    r"(?:https?://|(?<![\w.@])www\.)(?P<host>[\w-]+(?:\.[\w-]+)*)(?::\d+)?(?P<place>/?[^\s<>\"'）。，」]*)",
    re.IGNORECASE,
)
RESERVED = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|org|net|edu))?|test|invalid|localhost)$", re.IGNORECASE)
"""Names that lead nowhere and stand for any other (RFC 2606)."""


def urls(
    record: Record,
    *,
    limit: Annotated[int, Setting(ge=0)] = 0,
    fields: tuple[Field, ...] = ("instruction", "input"),
) -> Drop | None:
    """`too_many_urls` where the texts hold more than `limit` links to something that one would have to read.

    Not counted: hosts without a path (`https://abc.com` is a name), Markdown links whose text names what they point at
    (`[ISO 8601](…)`, not `[this article](…)`), and hosts that lead nowhere, such as `example.com`.
    """
    found = [
        match.group()
        for field in fields
        for match in URL.finditer(text_of(record, field) or "")
        if not match["named"] and match["place"].strip("/.,;:!?)") and not RESERVED.search(match["host"])
    ]
    if len(found) <= limit:
        return None
    return Drop("too_many_urls", score=len(found), limit=limit, detail=found[limit])
