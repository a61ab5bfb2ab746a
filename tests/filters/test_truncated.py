from __future__ import annotations

import pytest

from synthgen.filters.incomplete import truncated
from synthgen.records import Record

CUT = [
    "Here it is:\n```python\nprint(1)",
    "````\n```\ninner\n```",
    '{"a": [1, 2',
    '[{"a": "}"}, {"b"',
    "The parts are (",
    "他说：「",
    "First, take the eggs, the flour and the sugar,",
    "首先，把鸡蛋，",
    "Bread rises because of yeast. The yeast eats sugar and gives off",
    "Das Wasser kocht bei hundert Grad. In den Bergen kocht es schon bei weniger",
    "Вода кипит при ста градусах. В горах она кипит раньше и",
    "面包因为酵母而发起来。酵母吃糖并且放出很多",
    "1. Milk\n2. Eggs\n3.",
    "- milk\n- eggs\n-",
    "| a | b |\n|---|---|\n| 1 | tw",
]
WHOLE = [
    "```python\nprint(1)\n```",
    "~~~\n```\n~~~",
    '{"a": [1, 2]}',
    '{"a": "["}',
    "[Verse 1] Oh",
    "{x | x > 0",
    "I am sad :(",
    "Kind regards,",
    "Please come on Friday.\n\nLooking forward to seeing you,",
    "1- It has a strong opening. It is short and uses more of that kind",
    "The answer is\n3.",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "Paris",
    "- milk\n- eggs and flour from the shop",
    "1. Boil the water. Then add salt",
    "It was Dr. Smith who came to the house",
    "Use citrus, e.g. Oranges or lemons from the market",
    "The author is F. Scott Fitzgerald of St. Paul",
    "See it for yourself. It is on https://example.com/a/long/page",
    "Love this place. Best pasta in the whole town #food",
    "Bread rises because of yeast. The yeast eats sugar.",
    "面包因为酵母而发起来。酵母吃糖。",
    "Roses are red,\nViolets are blue",
    "",
]


@pytest.mark.parametrize("output", CUT)
def test_cut_answers_are_dropped(output: str) -> None:
    drop = truncated(Record(instruction="x", output=output))
    assert drop is not None
    assert drop.reason == "truncated"
    assert repr(output[-10:])[1:-1] in (drop.detail or "")


@pytest.mark.parametrize("output", WHOLE)
def test_whole_answers_are_kept(output: str) -> None:
    assert truncated(Record(instruction="x", output=output)) is None


def test_the_rule_about_sentences_can_be_turned_off() -> None:
    record = Record(instruction="x", output=CUT[8])
    assert truncated(record) is not None
    assert truncated(record, sentences=False) is None
    assert truncated(Record(instruction="x", output=CUT[0]), sentences=False) is not None


@pytest.mark.parametrize("output", ["[[" * 50_000, '[{"' * 50_000, "！a" * 20_000, "```\n" * 20_000, "A. " * 20_000])
def test_strange_answers_neither_fail_nor_take_long(output: str) -> None:
    assert truncated(Record(instruction="x", output=output)) is None or output.startswith("[")


def test_no_output_yet() -> None:
    assert truncated(Record(instruction="x")) is None
