from __future__ import annotations

from synthgen.filters.incomplete import unfinished
from synthgen.records import Record


def test_a_colon_at_the_end() -> None:
    assert unfinished(Record(instruction="x", input="Text: \n")).reason == "unfinished"  # type: ignore[union-attr]
    assert unfinished(Record(instruction="x", output="答案如下：")).detail == "the output ends with a colon"  # type: ignore[union-attr]


def test_whole_texts_and_instructions_pass() -> None:
    assert unfinished(Record(instruction="Translate:", input="a: b", output="c: d")) is None
    assert unfinished(Record(instruction="Translate:"), fields=("instruction",)) is not None
