from __future__ import annotations

import pytest

from synthgen.forms.reply_problems import (
    DETAILS,
    FINAL,
    Remedy,
    choices_of,
    detail,
    is_free_text,
    read,
    remedy_of,
    sentence,
    why_again,
    why_unusable,
)
from synthgen.requests.request import Choice, Completion

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
        (Choice("te", "MAX_TOKENS"), "truncated"),
        (Choice("text", "error"), "server_error"),
        (Choice("te", "timeout"), "server_error"),
        (Choice("text", "abort"), "server_error"),
        (Choice("A sentence that was", "banana"), "unknown_finish_reason"),
        (Choice("A whole sentence.", "banana"), None),
        (Choice("One.<|eot_id|>user\n\nTwo."), "template_token"),
        (Choice(None, refusal="No."), "refused"),
        (Choice(None, "context_length"), "context_length"),
        (Choice(None, "server_error"), "server_error"),
        (Choice(None, "timeout"), "timeout"),
    ],
)
def test_each_reason(choice: Choice, reason: str | None) -> None:
    assert why_unusable(choice) == reason
    again = why_again(Completion((choice,)))
    assert again == (None if reason in FINAL and not choice.text else reason)
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


@pytest.mark.parametrize(
    ("choice", "remedy"),
    [
        (Choice("te", "length"), Remedy.TOKENS),
        (Choice('{"tasks": [' + "\n" * 600, "length"), Remedy.NO_SCHEMA),
        (Choice(" " * 600, "max_tokens"), Remedy.NO_SCHEMA),
        (Choice("<think>On and on", "length"), Remedy.TOKENS),
        (Choice(""), Remedy.SAMPLE),
        (Choice("One.<|eot_id|>Two."), Remedy.SAMPLE),
        (Choice("te", "error"), Remedy.SAME),
        (Choice(None, "server_error"), Remedy.NONE),
        (Choice(None, "context_length"), Remedy.NONE),
        (Choice(None, "content_filter", refusal="your prompt was flagged"), Remedy.NONE),
        (Choice("I was going to", "content_filter"), Remedy.SAMPLE),
    ],
)
def test_what_could_help(choice: Choice, remedy: Remedy) -> None:
    completion = Completion((choice,))
    assert remedy_of(why_unusable(choices_of(completion)[0]) or "malformed", completion) == remedy


def test_what_a_model_thinks_is_no_answer_and_that_is_said() -> None:
    for choice in (
        Choice(None, reasoning="x" * 1234),
        Choice("<think>" + "x" * 1234),
        Choice("", reasoning="x" * 1234),
    ):
        said = detail("empty_reply", Completion((choice,)))
        assert "1,234 characters of reasoning and no answer" in said
        assert "max_tokens" in said


def test_a_cut_in_white_space_is_told_from_other_cuts() -> None:
    assert "white space" in sentence("truncated", Choice("{" + " " * 500, "length"))
    assert "white space" not in sentence("truncated", Choice("A text of words " * 40, "length"))


@pytest.mark.parametrize("finish", ["context_full", "model_context_window_exceeded", "CONTEXT_LENGTH_EXCEEDED"])
def test_a_reply_that_fills_the_context_is_not_helped_by_more_tokens(finish: str) -> None:
    full, cut = (Completion((Choice("A text of", word),)) for word in (finish, "length"))
    assert (remedy_of("truncated", full), remedy_of("truncated", cut)) == (Remedy.SAMPLE, Remedy.TOKENS)
    assert "context ends" in sentence("truncated", full.choices[0])
    assert "a larger max_tokens" in sentence("truncated", cut.choices[0])


def test_a_servers_word_is_shown_without_what_a_terminal_obeys() -> None:
    said = sentence("server_error", Choice("te", "error\x1b[2J" + "x" * 500))
    assert said.isprintable()
    assert len(said) < 150


def test_a_choice_is_read_without_changing_what_the_journal_holds() -> None:
    choice = Choice("<think>Hm.</think>Lima.<|im_end|>\n")
    assert read(choice) == Choice("Lima.", reasoning="Hm.")
    assert Completion((choice,)).to_dict()["choices"][0]["text"] == choice.text
    assert read(Choice("Lima.")) == Choice("Lima.")


def test_an_unknown_finish_reason_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        assert why_unusable(Choice("A whole sentence.", "papaya")) is None
    assert [r.getMessage().count("papaya") for r in caplog.records] == [1]
