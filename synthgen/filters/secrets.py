"""Drops records with keys and tokens that open something."""

from __future__ import annotations

import re

from synthgen.records import Drop, Record

TOKENS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?P<aws>(?:AKIA|ASIA)[A-Z0-9]{16})"
    r"|(?P<github>gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})"
    r"|(?P<api_key>sk-[A-Za-z0-9_-]{24,})"
    r"|(?P<stripe>[rs]k_live_[A-Za-z0-9]{20,})"
    r"|(?P<slack>xox[abeprs]-[A-Za-z0-9-]{20,})"
    r"|(?P<google>AIza[A-Za-z0-9_-]{35})"
    r"|(?P<hugging_face>hf_[A-Za-z0-9]{30,})"
    r"|(?P<json_web_token>(?<![_-])eyJ[A-Za-z0-9_-]{10,}+\.eyJ[A-Za-z0-9_-]{10,}+\.[A-Za-z0-9_-]{20,})"
    r")(?![A-Za-z0-9])"
)
"""The published forms of these services' tokens."""

PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----\s*(?:[\w-]+: [^\n]*\n)*[A-Za-z0-9+/=\s]{64,}"
)
MIN_DISTINCT = 10
"""Different characters in a real token; `sk-xxxxxxxxxxxxxxxxxxxxxxxx` stands for one."""


def secrets(record: Record) -> Drop | None:
    """`secret` where any text of the record, its reasoning too, holds a token or a private key.

    `detail` names the kind and the place, never the token. Placeholders (`xxxx`, `EXAMPLE`) are kept.
    """
    text = f"{record.text}\n{record.reasoning or ''}"
    for match in TOKENS.finditer(text):
        token = match.group()
        if len(set(token)) >= MIN_DISTINCT and "EXAMPLE" not in token.upper():
            return Drop("secret", detail=f"{match.lastgroup} token at character {match.start()}")
    key = PRIVATE_KEY.search(text)
    return Drop("secret", detail=f"private key at character {key.start()}") if key else None
