"""Drops records with personal data that a pattern and its check digits can tell for certain."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from synthgen.matching.words import Field, text_of
from synthgen.records import Drop, Record

Kind = Literal["email", "phone", "card", "iban"]
ALL: tuple[Kind, ...] = ("email", "phone", "card", "iban")

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


def pii(record: Record, *, kinds: tuple[Kind, ...] = ALL, field: Field = "text") -> Drop | None:
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


_CHECKS: dict[Kind, tuple[re.Pattern[str], str, Callable[[re.Match[str]], bool]]] = {
    "email": (EMAIL, "email_address", _real_email),
    "phone": (PHONE, "phone_number", _real_phone),
    "card": (CARD, "card_number", _real_card),
    "iban": (IBAN, "iban", _real_iban),
}
