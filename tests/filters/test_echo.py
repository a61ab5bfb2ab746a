from __future__ import annotations

import pytest

from synthgen.filters.poor_answers import echo
from synthgen.records import Record

ORDER = "Make a questionnaire to help hotel guests write hotel reviews."
SCOOP = "Anodised commercial ice cream scoop with a liquid filled handle, easy release, made in two sizes"


def reason(instruction: str, given: str, output: str | None) -> str | None:
    drop = echo(Record(instruction=instruction, input=given, output=output))
    return drop.reason if drop else None


@pytest.mark.parametrize(
    ("instruction", "given", "output", "found"),
    [
        (ORDER, "", "A questionnaire to help hotel guests write hotel reviews.", "instruction_echo"),
        (ORDER, "", f"{ORDER} It is short.", "instruction_echo"),
        (ORDER, ORDER.lower(), "How was it?", "input_is_instruction"),
        ("Suggest other products for its buyers.", SCOOP, SCOOP + ", red", "input_echo"),
        ("Proofread the description.", SCOOP, SCOOP + ", red", None),
        ('How does it read if "ice" becomes "soup"?', SCOOP, SCOOP.replace("ice", "soup"), None),
        ("Vorschläge für andere Käufer.", SCOOP, SCOOP + ", red", None),
        ("Invent a word for it.", "The wish to be somewhere else", 'The wish to be elsewhere is called "afar".', None),
        ("What is the capital city of the Republic of Italy?", "", "The capital of Italy is Rome.", None),
        ("Is seven prime?", "", "Seven is prime", None),
        (ORDER, "", None, None),
        (ORDER, "", "1. Would you come again?\n2. What did you miss?", None),
    ],
)
def test_near_repetitions(instruction: str, given: str, output: str | None, found: str | None) -> None:
    assert reason(instruction, given, output) == found


def test_the_share_is_said_and_a_setting() -> None:
    record = Record(instruction="Suggest other products for its buyers.", input=SCOOP, output=SCOOP + ", red")
    drop = echo(record)
    assert drop is not None
    assert drop.score is not None
    assert drop.score >= (drop.limit or 1) == 0.9
    assert echo(record, share=0.99) is None
