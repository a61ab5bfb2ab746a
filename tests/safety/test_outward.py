from __future__ import annotations

import base64
import html
import json
import logging
import pickle
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen import errors
from synthgen.errors import ConfigError, SynthgenError
from synthgen.requests.request import Choice, Completion
from synthgen.safety import outward
from synthgen.safety.outward import (
    clear,
    cut,
    learn,
    learn_environment,
    learn_login,
    logger,
    scrub,
    shown,
    told,
    visible,
)

KEY = "zq-Words/of+a key&1"


def test_what_a_terminal_would_obey_is_spelled_out() -> None:
    assert visible("\x1b[31m a\tb\nc \u202e\x85\ufeff 😀 é 中") == "\\u001b[31m a\tb\nc \\u202e\\u0085\\ufeff 😀 é 中"
    assert visible("\U000e0041") == "\\udb40\\udc41"


@given(st.text())
def test_nothing_invisible_is_left(text: str) -> None:
    seen = visible(text)
    assert all(c.isprintable() or c in "\n\t" for c in seen)
    assert visible(seen) == seen
    if "\\" not in text and '"' not in text:
        escaped = seen.replace("\n", "\\n").replace("\t", "\\t").replace('"', '\\"')
        assert json.loads(f'"{escaped}"') == text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        quote(KEY, safe=""),
        quote(KEY),
        quote_plus(KEY),
        quote(KEY, safe="").lower(),
        json.dumps(KEY),
        html.escape(KEY),
        base64.b64encode(KEY.encode()).decode(),
        base64.urlsafe_b64encode(KEY.encode()).decode().rstrip("="),
        f"Bearer {KEY}",
        KEY.upper(),
        KEY.lower(),
    ],
)
def test_a_known_secret_is_taken_out_in_every_form(form: str) -> None:
    learn(KEY)
    for door in (scrub, shown, clear):
        assert door(f"<{form}>").replace("Bearer ", "").replace('"', "").rstrip("=>") in ("<***", "<***")
    assert KEY not in scrub(f"{form} and {form}")


@given(st.text(min_size=4, max_size=20).map(str.strip).filter(lambda s: len(s) >= 4), st.text(), st.text())
def test_no_message_holds_a_secret_whatever_it_is(secret: str, before: str, after: str) -> None:
    learn(secret)
    if secret not in outward.HIDDEN:
        assert secret not in scrub(before + secret + after).replace(outward.HIDDEN, "\ufffe")


@given(st.text(st.characters(codec="utf-8"), max_size=30), st.text(st.characters(codec="utf-8"), max_size=30))
def test_the_base64_of_a_text_with_a_secret_in_it_holds_it_no_more(before: str, after: str) -> None:
    learn(KEY)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        encoded = encode(f"{before}{KEY}{after}".encode()).decode()
        left = scrub(encoded).replace(outward.HIDDEN, "", 1)
        # six bits a character; the first and the last one hold bits of what stands around the secret, too
        assert len(left) <= len(encoded) - (8 * len(KEY) // 6 - 2)


@given(st.integers(0, 60), st.integers(1, 60), st.sampled_from([scrub, clear]))
def test_a_cut_leaves_no_part_of_a_secret(before: int, most: int, door: Callable[[str], str]) -> None:
    learn(KEY)
    begin = cut(" " * before + KEY + " " * 60, most, door)
    assert len(begin) <= most
    assert set(begin) <= {" ", "*"}


def test_a_login_is_known_as_it_is_sent() -> None:
    learn_login("user", "word-1234")
    sent = base64.b64encode(b"user:word-1234").decode()
    assert scrub(f"Basic {sent}: word-1234") == "Basic ***: ***"


def test_a_word_that_stands_for_a_key_stays_in_data() -> None:
    learn("EMPTY", "not-needed", "abc", "123456")
    assert clear("The list is EMPTY, 123456 is not-needed: abc") == "The list is EMPTY, 123456 is not-needed: abc"
    assert shown("The list is EMPTY, abc") == "The list is ***, abc"


def test_data_without_a_secret_is_the_very_same_object() -> None:
    value = {"a": [1, None, "x"]}
    assert clear(value) is value
    learn("word-1234")
    assert clear(value) is value
    assert clear(None) is None
    assert clear({"a": ["word-1234", 1.5, None]}) == {"a": ["***", 1.5, None]}


@pytest.mark.parametrize("number", [123456789012, 12345678901234567890])
def test_a_secret_of_digits_may_stand_among_numbers(number: int) -> None:
    learn(str(number))
    value = {"created": number, "x": [f"a {number}", 5 * number, number / 7, True], str(number): (None,)}
    assert clear(value) == {"created": "***", "x": ["a ***", 5 * number, number / 7, True], "***": [None]}


def test_secrets_of_the_environment_are_known_by_name_or_look() -> None:
    learn_environment(
        {
            "HF_TOKEN": "word-1234",
            "SSH_KEY": "/home/me/.ssh/id_rsa",
            "TOKEN_LIMIT": "40960000",
            "ANY": "hf_0123456789abcdefghij",
            "HTTPS_PROXY": "http://me:word-5678@proxy:3128",
        }
    )
    assert scrub("word-1234 hf_0123456789abcdefghij word-5678") == "*** *** ***"
    assert scrub("/home/me/.ssh/id_rsa 40960000x") == "/home/me/.ssh/id_rsa 40960000x"


def test_messages_hide_what_looks_like_a_key_though_nobody_has_named_it() -> None:
    assert shown("wrong: sk-test-1234567890abcdef") == "wrong: ***"
    assert shown("no http://me:word@host/v1") == "no http://***@host/v1"
    assert shown("write http://user:${NAME}@host/v1") == "write http://user:${NAME}@host/v1"
    assert shown("the model sk-learn-based-classifier-v2") == "the model sk-learn-based-classifier-v2"


@pytest.mark.parametrize("kind", [SynthgenError, *SynthgenError.__subclasses__(), errors.PromptError])
def test_every_error_of_ours_passes_the_door(kind: type[SynthgenError]) -> None:
    early = kind("word-1234 \x1b[2J", hint="word-1234 \u202e")
    learn("word-1234")
    late = kind("word-1234 \x1b[2J", hint="word-1234 \u202e")
    assert str(early) == str(late) == "*** \\u001b[2J\n  → *** \\u202e"
    assert "word-1234" not in f"{late!r} {late.args} {vars(late)} {pickle.dumps(late)!r}"


def test_the_place_of_a_config_error_passes_it_too() -> None:
    assert str(ConfigError("no", file="a\x1b.yaml", key="b\x9b")) == "a\\u001b.yaml: b\\u009b: no"


def test_a_traceback_holds_no_secret_of_any_exception() -> None:
    learn("word-1234")
    try:
        try:
            raise ValueError("word-1234 \x07")
        except ValueError as error:
            raise KeyError("hf_0123456789abcdefghij") from error
    except KeyError as error:
        text = told(error)
    assert "word-1234 \x07" not in text.replace('raise ValueError("word-1234', "")
    assert "\x07" not in text
    assert text.startswith("Traceback")


def test_log_records_are_fit_to_be_seen(caplog: pytest.LogCaptureFixture) -> None:
    learn("word-1234")
    log = logger("synthgen.test")
    assert logger("synthgen.test") is log
    log.warning("%s said %r", "word-1234", "\u202e")
    try:
        raise ValueError("word-1234")
    except ValueError:
        log.exception("failed")
    assert [record.getMessage() for record in caplog.records] == ["*** said '\\u202e'", "failed"]
    assert "ValueError: ***" in logging.Formatter().format(caplog.records[1])


def test_a_completion_that_repeats_a_secret_is_kept_without_it() -> None:
    call = {"id": "word-1234", "function": {"name": "f", "arguments": '{"a": "word-1234"}'}}
    choice = Choice("my key is word-1234", "stop", "word-1234", "word-1234", (call,))
    completion = Completion((choice,), model="word-1234", request_id="x", key="k")
    assert completion.without_secrets() is completion
    learn("word-1234")
    cleared = completion.without_secrets()
    assert "word-1234" not in repr(cleared)
    assert (cleared.text, cleared.key, cleared.request_id) == ("my key is ***", "k", "x")
