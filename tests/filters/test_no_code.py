from __future__ import annotations

import pytest

from synthgen.filters.poor_answers import no_code
from synthgen.records import Record

ASKS = [
    "Write a Python function that reverses a string.",
    "Create a program to calculate the sum of the numbers from 1 to 100.",
    "Given two lists, write a function to find what they share.",
    "Write an SQL query for all customers of last year.",
    "Please generate a regular expression for phone numbers.",
    "Create an HTML page with a table.",
    "You need to write a script in bash that counts files.",
]
OTHERS = [
    "Write a script for a play about bees.",
    "Design a program to reduce waste in the office.",
    "Describe how to write a Python function.",
    "List tools that can be used to write Python code.",
    "Write pseudocode for a program that sorts a list.",
    "What does this function return?",
    "Please give the output of this Python program.",
    "Write a class schedule for a Monday.",
    "Explain the function of the heart.",
]
CODE = [
    "```python\nx\n```",
    "def f(x): return x[::-1]",
    "SELECT name FROM customers",
    r"^\d{3}-\d+$",
    "<p>Hi</p>",
    "print('hello')",
    "ls *.txt | wc -l",
    "x = 5050",
]


@pytest.mark.parametrize("instruction", ASKS)
def test_prose_where_code_was_asked_for_is_dropped(instruction: str) -> None:
    for output in ("5050", "The string is reversed by going through it from behind."):
        drop = no_code(Record(instruction=instruction, output=output))
        assert drop is not None
        assert drop.reason == "no_code"
    for output in CODE:
        assert no_code(Record(instruction=instruction, output=output)) is None
    assert no_code(Record(instruction=instruction)) is None


@pytest.mark.parametrize("instruction", OTHERS)
def test_tasks_that_ask_for_no_code_pass(instruction: str) -> None:
    assert no_code(Record(instruction=instruction, output="Once upon a time.")) is None
