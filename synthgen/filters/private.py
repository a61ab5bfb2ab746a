"""Filters against what nobody should find in data: personal details and secrets."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from synthgen.matching.words import Field, text_of
from synthgen.records import Drop, Record

PiiKind = Literal["email", "phone", "card", "iban"]
PII_KINDS: tuple[PiiKind, ...] = ("email", "phone", "card", "iban")

EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@((?:[\w-]+\.)+[^\W\d_]{2,})(?![\w-])")
RESERVED = re.compile(r"(?:^|\.)(?:example(?:\.\w+)?|test|invalid|localhost)$", re.IGNORECASE)
PHONE = re.compile(
    r"(?<![\w+.-])(?:\+[1-9]\d{0,2}(?:[ .()/-]{0,2}\d){7,12}|\(\d{3}\) ?\d{3}[-. ]\d{4}|\d{3}-\d{3}-\d{4})"
    r"(?![\w-]|\.\d)"
)
CARD = re.compile(r"(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w-]|\.\d)")
ISSUERS = re.compile(r"4\d{12}(?:\d{3})?(?:\d{3})?$|(?:5[1-5]|2[2-7])\d{14}$|3[47]\d{13}$|6(?:011|5\d\d)\d{12}$")
"""Numbers of Visa, Mastercard, American Express and Discover by first digits and length (ISO/IEC 7812)."""
IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?!\w)")


def pii(record: Record, *, kinds: tuple[PiiKind, ...] = PII_KINDS, field: Field = "text") -> Drop | None:
    """`email_address`, `phone_number`, `card_number` or `iban`, whichever is found first in the order of `kinds`.

    Made-up ones do not count: addresses at `example.com` and its like (RFC 2606), numbers with the exchange 555. Phone
    numbers must have a country code or the North American form. Names and addresses of people are beyond patterns.
    """
    text = text_of(record, field) or ""
    for kind in kinds:
        pattern, reason, real = _CHECKS[kind]
        for match in pattern.finditer(text):
            if real(match):
                return Drop(reason, detail=f"{field}: {match.group()[:4]}… at character {match.start()}")
    return None


def _real_email(match: re.Match[str]) -> bool:
    return not RESERVED.search(match.group(1))


def _real_phone(match: re.Match[str]) -> bool:
    digits = re.sub(r"\D", "", match.group())
    national = digits[1:] if match.group().startswith("+1") else digits
    return national[3:6] != "555" and len(set(digits)) > 2


def _real_card(match: re.Match[str]) -> bool:
    digits = re.sub(r"\D", "", match.group())
    return bool(ISSUERS.match(digits)) and len(set(digits)) > 2 and _luhn(digits)


def _luhn(digits: str) -> bool:
    doubled = [int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _real_iban(match: re.Match[str]) -> bool:
    code = match.group().replace(" ", "")
    return int("".join(str(int(c, 36)) for c in code[4:] + code[:4])) % 97 == 1


_CHECKS: dict[PiiKind, tuple[re.Pattern[str], str, Callable[[re.Match[str]], bool]]] = {
    "email": (EMAIL, "email_address", _real_email),
    "phone": (PHONE, "phone_number", _real_phone),
    "card": (CARD, "card_number", _real_card),
    "iban": (IBAN, "iban", _real_iban),
}

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
