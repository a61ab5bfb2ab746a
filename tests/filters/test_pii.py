from __future__ import annotations

import pytest

from synthgen.filters.private import pii
from synthgen.records import Record


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Write to ana.k+1@mail.uni-x.de now", "email_address"),
        ("Ring +49 30 901820 1234", "phone_number"),
        ("Ring (212) 736-5000", "phone_number"),
        ("card 4539 1488 0343 6467.", "card_number"),
        ("IBAN: DE89 3704 0044 0532 0130 00", "iban"),
    ],
)
def test_personal_data_is_dropped_and_not_repeated(text: str, reason: str) -> None:
    drop = pii(Record(instruction="x", output=text))
    assert drop is not None
    assert drop.reason == reason
    assert text[-8:] not in (drop.detail or "")


@pytest.mark.parametrize(
    "text",
    [
        "bob@example.com",
        "x@y",
        "git@host:repo",
        "+1 (212) 555-0123",
        "(415) 555-0199",
        "2024-10-15 12:30",
        "4539 1488 0343 6468",
        "1234567890123456",
        "0000 0000 0000 0000",
        "DE88 3704 0044 0532 0130 00",
        "3.14159265358979323846",
        "+1000000",
        "123-456-78901",
    ],
)
def test_made_up_and_other_numbers_are_kept(text: str) -> None:
    assert pii(Record(instruction=text)) is None


def test_kinds_and_field_are_settings() -> None:
    record = Record(instruction="a@b.org", output="x")
    assert pii(record, kinds=("phone", "card")) is None
    assert pii(record, field="output") is None
    assert pii(record, kinds=("email",)) is not None
