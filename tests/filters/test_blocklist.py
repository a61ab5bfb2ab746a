from __future__ import annotations

from synthgen.filters.wording import blocklist
from synthgen.records import Record


def test_a_blocked_word_is_named_as_it_stands_in_the_text() -> None:
    drop = blocklist(Record(instruction="Praise BRANDX cars"), words=("brandx",))
    assert drop is not None
    assert drop.reason == "blocked_word"
    assert "BRANDX" in (drop.detail or "")


def test_parts_of_words_and_other_fields_pass() -> None:
    record = Record(instruction="Praise brandxs", input="brandx", output="brandx")
    assert blocklist(record, words=("brandx",)) is None
    assert blocklist(record, words=("brandx",), field="input") is not None
    assert blocklist(record, words=("brandx",), field="text") is not None


def test_an_output_that_is_not_there_yet_passes() -> None:
    assert blocklist(Record(instruction="x"), words=("x",), field="output") is None


def test_phrases_and_scripts_without_spaces() -> None:
    assert blocklist(Record(instruction="请赌博一次"), words=("赌博",)) is not None
    assert blocklist(Record(instruction="Click  here now"), words=["click here"]) is not None  # type: ignore[arg-type]
