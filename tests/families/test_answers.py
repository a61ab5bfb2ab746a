"""The families against tasks that were written and answered by hand."""

from __future__ import annotations

import pytest
from golden_answers import GOLDEN

from synthgen import families
from synthgen.families import FAMILIES
from synthgen.families.closings import CLOSINGS


@pytest.mark.parametrize(("family", "op", "instruction", "given", "answer"), GOLDEN)
def test_solves(family: str, op: str, instruction: str, given: str, answer: str) -> None:
    solution = families.solve(instruction, given)
    assert solution is not None
    assert (solution.family, solution.output) == (family, answer)
    readings = list(families.recogniser().readings(instruction, given))
    assert op in {reading.values["op"] for reading in readings}
    assert families.check(instruction, given, answer).status == "proved"


def test_covers_every_kind_of_task() -> None:
    kinds = {(name, op) for name, family in FAMILIES.items() for op in family.phrasings}
    assert {(family, op) for family, op, *_ in GOLDEN} == kinds


SUM = "What is 12 + 5 * 3?"


@pytest.mark.parametrize(
    ("closing", "answer"),
    [
        ("Answer with the result only.", "27"),
        ("No explanation, please.", "27"),
        ("Put the answer in square brackets.", "[27]"),
        ("Write your answer between parentheses.", "(27)"),
        ("Put the result in double quotes.", '"27"'),
        ("Surround the result with double asterisks.", "**27**"),
        ('Write "Sum:" in front of the answer.', "Sum: 27"),
        ("Repeat the answer once after a semicolon.", "27; 27"),
        ('Finish with "END" on a line of its own.', "27\nEND"),
    ],
)
def test_applies_the_form_asked_for(closing: str, answer: str) -> None:
    assert families.check(f"{SUM} {closing}", "", answer).status == "proved"
    if answer != "27":
        assert families.check(f"{SUM} {closing}", "", "27").status == "refuted"


def test_writes_capitals_where_asked() -> None:
    instruction = "Sort these names alphabetically: mia, ben. Use capital letters only for the answer."
    assert families.check(instruction, "", "BEN, MIA").status == "proved"
    assert families.check(instruction, "", "ben, mia").status == "refuted"
    assert {name for name, closing in CLOSINGS.items() if closing.letters} == {"capitals"}


@pytest.mark.parametrize(
    ("instruction", "given"),
    [
        ("Write a story. Sort these numbers from smallest to largest: 3, 1, 2.", ""),
        ("Sort these numbers from smallest to largest: 3, 1, 2. Then write a poem about them.", ""),
        ("Sort these numbers from smallest to largest and explain why.", "3, 1, 2"),
        ("Sort these numbers from smallest to largest.", ""),
        ("Sort these numbers from smallest to largest.", "Mia, Ben"),
        ("Sort these numbers from smallest to largest: 3, 1, 2.", "9, 8, 7"),
        ("Do not sort these numbers from smallest to largest: 3, 1, 2.", ""),
        ("Count the words in this sentence. Then multiply the count by three.", ""),
        ("What is the tenth word in this sentence?", "Only five words are here"),
        ("What is the fifth word in this sentence?", "Only four are here"),
        ("Write this date as YYYY-MM-DD.", "31 February 2020"),
        ("Write this date as YYYY-MM-DD.", "3 March 1066"),
        ("What is 7 / 2?", ""),
        ("Round this number to the nearest ten.", "45"),
        ("Find the median of these numbers.", "1, 2, 3, 4"),
        ("Find the longest word in this sentence.", "two hen ran"),
        ("Find the next term of this arithmetic sequence.", "1, 2, 4, 8"),
        ("Convert 3 kilometres to hours.", ""),
        ("Ann is taller than Bob. Ann is taller than Cy. Ann is taller than Di. Who is the second tallest?", ""),
        ("Ann is taller than Bob. Bob is taller than Ann. Cy is taller than Di. Who is the tallest?", ""),
        ("Extract the e-mail address from this message.", "a@b.example or c@d.example"),
        ('What is the value of "x" in this JSON?', '{"x": 1.0}'),
        ('What is the value of "x" in this JSON?', '{"x": 1, "x": 2}'),
        ("What does this Python code print?", "import os\nprint(1)"),
        ("What is the Roman numeral of happiness?", ""),
        ("", ""),
    ],
)
def test_does_not_claim_to_know(instruction: str, given: str) -> None:
    assert families.solve(instruction, given) is None
    assert families.check(instruction, given, "2").status == "unknown"


def test_a_sentence_about_the_answer_is_neither_proved_nor_refuted() -> None:
    assert families.check(SUM, "", "The result of this sum is 27.").status == "unknown"
    assert families.check(SUM, "", "The result of this sum is 28.").status == "refuted"
    assert families.check(f"{SUM} Just the answer.", "", "The result of this sum is 27.").status == "refuted"


def test_the_words_of_the_answer_in_another_layout_are_neither_proved_nor_refuted() -> None:
    instruction = "Sort these names alphabetically: Mia, Ben."
    assert families.check(instruction, "", "1. Ben\n2. Mia").status == "unknown"
    assert families.check(instruction, "", "1. Mia\n2. Ben").status == "refuted"
    assert families.check(f"{instruction} Give only the result.", "", "1. Ben\n2. Mia").status == "refuted"


def test_the_layout_counts_where_the_task_is_about_it() -> None:
    assert (
        families.check("Split these items into one per line, nothing else.", "tea, milk", "tea, milk").status
        == "refuted"
    )
    assert families.check("Write this date as DD/MM/YYYY.", "3 May 2001", "3 5 2001").status == "refuted"


@pytest.mark.parametrize("answer", ["3500", "3,500", "3500 m", "3500m", "3500 metres", "3500 meters."])
def test_a_unit_that_fits_is_forgiven(answer: str) -> None:
    assert families.check("Convert 3.5 km to metres.", "", answer).status == "proved"


@pytest.mark.parametrize("answer", ["3500 km", "3500 cm", "3.500", "35,00"])
def test_a_unit_that_does_not_fit_is_wrong(answer: str) -> None:
    assert families.check("Convert 3.5 km to metres.", "", answer).status == "refuted"
