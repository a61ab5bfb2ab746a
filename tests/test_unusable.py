from __future__ import annotations

import pytest

from synthgen.exchange import Choice, Completion
from synthgen.unusable import DETAILS, FINAL, choices_of, detail, is_free_text, why_again, why_unusable

CALL = ({"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}},)


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        (Choice("text"), None),
        (Choice("text", None), None),
        (Choice(None, "tool_calls", tool_calls=CALL), None),
        (Choice(None), "empty_reply"),
        (Choice(" \n"), "empty_reply"),
        (Choice("te", "length"), "truncated"),
        (Choice("", "length"), "truncated"),
        (Choice("text", "content_filter"), "refused"),
        (Choice(None, refusal="No."), "refused"),
        (Choice(None, "context_length"), "context_length"),
        (Choice(None, "server_error"), "server_error"),
        (Choice(None, "timeout"), "timeout"),
    ],
)
def test_each_reason(choice: Choice, reason: str | None) -> None:
    assert why_unusable(choice) == reason
    again = why_again(Completion((choice,)))
    assert again == (None if reason in FINAL else reason)
    assert reason is None or reason in DETAILS


def test_one_usable_choice_of_several_is_enough() -> None:
    assert why_again(Completion((Choice(""), Choice("x", "length"), Choice("x")))) is None
    assert why_again(Completion((Choice("x", "length"), Choice("")))) == "truncated"


def test_a_completion_without_choices_is_empty() -> None:
    assert why_again(Completion(())) == "empty_reply"
    assert choices_of(Completion(())) == (Choice(None, None),)


def test_the_sentence_says_how_often_it_was_asked() -> None:
    assert detail("empty_reply", Completion(())) == "the reply is empty"
    assert detail("empty_reply", Completion((), tries=3)) == "the reply is empty; asked 3 times"
    assert detail("malformed", Completion((), tries=2), "no JSON") == "no JSON; asked 2 times"


@pytest.mark.parametrize(
    ("choice", "free"),
    [
        (Choice('{"a": 1}'), False),
        (Choice(" [1]\n"), False),
        (Choice('{"a": ', "length"), False),
        (Choice('{"a": '), True),
        (Choice("Sure: {}"), True),
        (Choice("Sure", "length"), True),
        (Choice(" \n"), False),
        (Choice(None), False),
    ],
)
def test_free_text_is_what_no_server_writes_that_keeps_to_a_schema(choice: Choice, free: bool) -> None:
    assert is_free_text(choice) == free
