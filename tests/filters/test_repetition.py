from __future__ import annotations

from synthgen.filters.incomplete import repetition
from synthgen.records import Record

LOOP = "The answer is that it depends. " * 20
PROSE = (
    "Cold slows yeast much more than it slows the other processes in dough. Over a long night small amounts of acid"
    " build up, and enzymes break starch into sugars, which deepen the flavour and help the crust to brown well."
)


def test_a_loop_is_dropped_with_its_share() -> None:
    drop = repetition(Record(instruction="x", output=LOOP))
    assert drop is not None
    assert drop.reason == "repetitive"
    assert drop.score is not None
    assert 0.9 < drop.score < 1
    assert drop.limit == 0.4


def test_loops_in_scripts_without_spaces() -> None:
    assert repetition(Record(instruction="x", output="这取决于具体情况。" * 10)) is not None


def test_prose_and_short_texts_pass() -> None:
    assert repetition(Record(instruction="x", output=PROSE)) is None
    assert repetition(Record(instruction="x", output="no, " * 20)) is None
    assert repetition(Record(instruction="x")) is None


def test_the_limits_are_settings() -> None:
    twice = Record(instruction="x", output=f"{PROSE} {PROSE}")
    assert repetition(twice, max_share=0.6) is None
    assert repetition(twice, max_share=0.4) is not None
    assert repetition(Record(instruction="x", output="no, " * 20), min_ngrams=5) is not None
    assert repetition(Record(instruction=LOOP), field="instruction") is not None
