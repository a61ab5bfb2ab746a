from __future__ import annotations

import pytest

from synthgen.filters.poor_answers import placeholders
from synthgen.records import Record

FOUND = [
    ("Translate into German.", "[Insert sentence here]", "Guten Tag."),
    ("Translate into German.", "<your sentence>", "Guten Tag."),
    ("Translate into German.", "Lorem ipsum dolor sit amet", "Guten Tag."),
    ("Sort by length.", "Sentence 1\nSentence 2\nSentence 3", "Sentence 2"),
    ("Name a river.", "", "[Your Answer]"),
    ("Who lives there?", "", "My friend [name] lives in (insert town)."),
    ("Name three rivers.", "", "1. Item 1\n2. Item 2\n3. Item 3"),
    ("Name a river.", "", "..."),
    ("Name a river.", "", "TODO"),
]
KEPT = [
    ("Write a template for a profile.", "", "[Your name] is a [job] from [town]."),
    ("Write a letter of thanks.", "", "Dear [Name], thank you. [Your Name]"),
    ("Make it sound polite.", "I need a day off on [date].", "May I take a day off?"),
    ("Which is right?", "Answer 1: four. Answer 2: five.", "Answer 2"),
    ("Give the list in brackets.", "", "[some, of, the, names]"),
    ("Name the keys.", "", "```python\n[name for name in data]\n```"),
    ("Which chapter is it?", "", "[The answer](https://example.com/a)"),
    ("What did she say?", "", "Well...\nSentence 1 was better."),
    ("Name a river.", "", "The Rhine"),
]


@pytest.mark.parametrize(("instruction", "given", "output"), FOUND)
def test_gaps_in_place_of_content_are_dropped(instruction: str, given: str, output: str) -> None:
    drop = placeholders(Record(instruction=instruction, input=given, output=output))
    assert drop is not None
    assert drop.reason == "placeholder_text"


@pytest.mark.parametrize(("instruction", "given", "output"), KEPT)
def test_gaps_that_belong_there_are_kept(instruction: str, given: str, output: str) -> None:
    assert placeholders(Record(instruction=instruction, input=given, output=output)) is None
