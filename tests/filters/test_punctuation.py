from __future__ import annotations

import pytest

from synthgen.filters.characters import punctuation
from synthgen.records import Record


@pytest.mark.parametrize(
    "instruction", [". Name a planet", "- Name", "：列出", "。列出", "*Name*", "# Name", ") Name", "、", "؟ ما"]
)
def test_what_a_list_leaves_behind_is_dropped(instruction: str) -> None:
    drop = punctuation(Record(instruction=instruction))
    assert drop is not None
    assert drop.reason == "starts_with_punctuation"


@pytest.mark.parametrize(
    "instruction",
    [
        "Name",
        "¿Cuál es?",
        "¡Hola!",
        "«Bonjour»",
        "„Ja“",
        "“Yes”",
        '"Yes" means?',
        "「はい」",
        "《老虎》",
        "(a+b)",
        "[x]",
        "$5",
        "»Ja«",
        "5",
        "",
    ],
)
def test_what_may_begin_a_sentence_is_kept(instruction: str) -> None:
    assert punctuation(Record(instruction=instruction)) is None


@pytest.mark.parametrize(
    ("instruction", "kept"), [('"Yes" means?', False), ("¿Cuál?", True), ("。列出", True), ("$5", False)]
)
def test_faithful_looks_for_ascii_punctuation(instruction: str, kept: bool) -> None:
    assert (punctuation(Record(instruction=instruction), faithful=True) is None) == kept


def test_another_field() -> None:
    assert punctuation(Record(instruction="x", output=", and"), field="output") is not None
    assert punctuation(Record(instruction="x"), field="output") is None
