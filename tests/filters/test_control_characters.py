from __future__ import annotations

import pytest

from synthgen.filters.characters import control_characters
from synthgen.records import Record


@pytest.mark.parametrize(
    "text", ["\x1b[31mred", "a\x00b", "\x7f", "caf\ufffd", "\udc80", "a\u202eb", "\ue000", "\U0001fffe", "\ufeffx"]
)
def test_unwanted_characters_are_dropped_wherever_they_stand(text: str) -> None:
    for record in (
        Record(instruction=text),
        Record(instruction="x", output=text),
        Record(instruction="x", reasoning=text),
    ):
        drop = control_characters(record)
        assert drop is not None
        assert drop.reason == "control_character"
        assert (drop.detail or "").startswith("U+")


@pytest.mark.parametrize(
    "text", ["a\n\tb\r\n", "नमस्ते क्\u200dष", "👩\u200d👩\u200d👧", "می\u200cخواهم", "שלום\u200f", "é", "﷽", "𝒳"]
)
def test_what_scripts_need_is_kept(text: str) -> None:
    assert control_characters(Record(instruction="x", input=text)) is None
