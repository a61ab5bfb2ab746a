"""The families against tasks that were written and answered by hand."""

from __future__ import annotations

import pytest
from golden_answers import GOLDEN

from synthgen import families
from synthgen.families import FAMILIES
from synthgen.families.closings import CLOSINGS
from synthgen.families.template import plain


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


@pytest.mark.parametrize(
    ("instruction", "given"),
    [
        ('What is the value of "y" after this Python code has run?', "x = 1"),
        ("Evaluate the Python expression `range(3)`.", ""),
        ("Evaluate the Python expression `spam`.", ""),
        ("Which date is 99999 days after 9990-01-01? Write it as YYYY-MM-DD.", ""),
        ("Is this year a leap year? Answer yes or no.", "1200"),
        ("How many days does February 1400 have?", ""),
        ("Leave out the first 3 items of this list and give the rest, separated by commas.", "tea, milk, jam"),
        ('What is the value of "x" in this JSON?', '{"x": "' + "a" * 5000 + '"}'),
        ('What is the value of "x" in this JSON?', '{"a": ' * 600 + "1" + "}" * 600),
        ('What is the value of "x" in this JSON?', "{x: 1}"),
        ('What is the value of "x" in this JSON?', '{"x": null}'),
        ('What is the value of "x" in this JSON?', '{"y": 1}'),
        ('What is the "zip" of the "home" in this JSON?', '{"zip": 1, "home": 2}'),
        ('Count the elements of "tags" in this JSON.', '{"tags": "abc"}'),
        ('Count the letter "m" in this phrase.', "Mum"),
        ("Remove all vowels (a, e, i, o, u) from this word.", "naïve"),
        ('Remove every "m" from this word.', "Mum"),
        ('Remove every "z" from this word.', "mum"),
        ("Is this word a palindrome? Answer yes or no.", "Anna"),
        ("Is this word a palindrome? Answer yes or no.", "never odd or even"),
        ('Which letter comes 4 places after "y" in the alphabet?', ""),
        ("Find the intersection of the sets A and B, in alphabetical order.", "A: tea, milk\nB: jam, oil"),
        ("Find the union of the sets A and B, in alphabetical order.", "A: tea, milk\nB: Tea, oil"),
        ("Sort these words alphabetically.", "öl, zoo, o'clock"),
        ("Sort these words by length, shortest first.", "tea, oil, milk"),
        ("Remove the duplicates from this list and keep the first of each.", "Tea, tea, milk"),
        ('At which position of this list, counted from 1, is "tea"?', "milk, tea, tea"),
        ("Which item is fifth in this list?", "milk, tea, oil"),
        ("Is this expression true or false?", "(true)"),
        ("Every cat is a cat. Tom is a cat. Is Tom a cat? Answer yes, no or unknown.", ""),
        ("Convert the binary number 1021 to decimal.", ""),
        ("Find the second largest of these numbers.", "3, 9, 9"),
        ("Keep only the numbers divisible by 0 from this list.", "3, 9"),
        ("What is 2024?", ""),
        ("What percentage of 0 is 4?", ""),
        ("What percentage of 3 is 1?", ""),
        ("What is the greatest common divisor of 0 and 4?", ""),
        ("Find the next term of this arithmetic sequence.", "1, 2"),
        ("Find the next term of this geometric sequence.", "0, 0, 0"),
        ("Find the next term of this geometric sequence.", "4, 6, 9"),
        ("Convert the number 4000 to Roman numerals.", ""),
        ("Is this number a prime? Answer yes or no.", "99999989"),
        ("Is this number divisible by 0? Answer yes or no.", "8"),
        ("Does this word begin with a vowel or a consonant?", "yacht"),
        ("Label this day as workday (Monday to Friday) or weekend.", "July"),
        ("Assign the month below to Q1, Q2, Q3 or Q4 of the calendar year.", "Monday"),
        ("Ann is taller than Bob. Bob is taller than Cy. Cy is taller than Ann. Who is the tallest?", ""),
        ("Classify this age: child below 13, teen from 13 to below 9, adult from 9 on.", "18"),
        (
            'Label this message as billing when it mentions "refund", as travel when it mentions "flight", and '
            "otherwise as other.",
            "I want a refund for my flight.",
        ),
        ("Reverse the order of the words in this sentence.", "Wait, who is it?"),
        ("Make an acronym from the first letters of all words in this phrase.", "2 fast cars"),
        ("Each of the kites at the toy shop costs 0 pounds. How many of them can Ben buy with 40 pounds?", ""),
        ("For 9 mugs at 7 dollars each, Omar pays with 50 dollars. How much change, in dollars, is due?", ""),
        ("Mia packs 50 eggs into boxes of 0. How many boxes are full?", ""),
        ("Mia and Ben own 31 pens together, and Ben owns 4 more than Mia. How many does Mia own?", ""),
        ("Mia has 20 pens, gives away 28 and gets 13 new ones. How many does Mia have now?", ""),
        ("A bus covers the 100 kilometres to Oslo in 3 hours. What is its average speed in kilometres per hour?", ""),
        ('Add up the column "points" of this table.', "name,points\nBen,4\nEva"),
        ('Add up the column "points" of this table.', "points,points\n1,4\n2,5"),
        ('Add up the column "goals" of this table.', "name,points\nBen,4"),
        ('Add up the column "points" of this table.', "name,points\nBen,four"),
        ('Look up the "points" of "Ida" in this table.', "name,points\nBen,4"),
        ('Who has the highest "points" in this table?', "name,points\nBen,4\nEva,4"),
        ("What is the area of a rectangle of 0 by 6 metres?", ""),
        ("What is the volume of a box of 2 by 3 by -4 cm?", ""),
    ],
)
def test_an_open_question_stays_open(instruction: str, given: str) -> None:
    assert families.recogniser().candidates(plain(instruction)), "the phrasing is one of ours"
    assert families.solve(instruction, given) is None
    assert families.check(instruction, given, "4").status == "unknown"
