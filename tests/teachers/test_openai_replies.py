"""Replies of every shape: what can be read is read, and nothing is raised but the reader's own error."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.forms import FORMS
from synthgen.forms.reply_problems import Remedy, choices_of, detail, remedy_of, sentence, why_again, why_unusable
from synthgen.journal.journal import Journal
from synthgen.prompting.stage import read_choice
from synthgen.records import Record
from synthgen.requests.request import DEPTH, Api, Choice, Completion, Request
from synthgen.teachers.openai.replies import MalformedError, completion_of, decode


def read(body: Any, api: Api = "chat") -> Completion:
    return completion_of(decode(json.dumps(body).encode()), api)


def chat(message: Any, **choice: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": "stop", **choice}]}


TEXT = "A plain answer."
PARTS = [{"type": "text", "text": TEXT}]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (TEXT, TEXT),
        (None, None),
        (PARTS, TEXT),
        ([{"type": "text", "text": "A plain "}, {"type": "text", "text": "answer."}], TEXT),
        ([TEXT], TEXT),
        (PARTS[0], TEXT),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, *PARTS], TEXT),
        ([{"type": "output_text", "text": TEXT, "annotations": []}], TEXT),
        ([None, *PARTS, None], TEXT),
        ([None], ""),
        (42, "42"),
        (True, "true"),
        ({"tasks": []}, '{"tasks": []}'),
        ("a\ud83d\ude00b\ud83dc", "a😀b\ufffdc"),
    ],
)
def test_content_of_every_type(content: Any, text: str | None) -> None:
    assert read(chat({"content": content})).choices[0].text == text


@pytest.mark.parametrize(
    "message",
    [
        {"reasoning_content": "Hm."},
        {"reasoning": "Hm."},
        {"reasoning": [{"type": "text", "text": "Hm."}]},
        {"reasoning": {"text": "Hm."}},
        {"reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
        {"thinking": "Hm."},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, *PARTS]},
        {"reasoning_content": None, "reasoning": "Hm."},
    ],
)
def test_reasoning_wherever_it_stands(message: dict[str, Any]) -> None:
    choice = read(chat({"content": TEXT, **message})).choices[0]
    assert (choice.text, choice.reasoning) == (TEXT, "Hm.")


@pytest.mark.parametrize(
    ("choice", "body", "reason"),
    [
        ({"finish_reason": "stop"}, {}, None),
        ({"finish_reason": {"type": "stop"}}, {}, None),
        ({"finish_reason": ["stop"]}, {}, None),
        ({"finish_reason": None, "stop_reason": "max_tokens"}, {}, "truncated"),
        ({"finish_reason": {"type": "max_tokens"}}, {}, "truncated"),
        ({"finish_reason": "stop", "native_finish_reason": "MAX_TOKENS"}, {}, "truncated"),
        ({"finish_reason": "stop", "stop_reason": 128009}, {}, None),
        ({"finish_reason": "length", "native_finish_reason": "stop"}, {}, "truncated"),
        ({"finish_reason": "", "done_reason": "length"}, {}, "truncated"),
        ({"finish_reason": None, "details": {"finish_reason": "length"}}, {}, "truncated"),
        ({"finish_reason": None}, {"done_reason": "length"}, "truncated"),
        ({"finish_reason": None}, {"stop_reason": "refusal"}, "refused"),
        ({"finish_reason": "stop", "error": {"code": 502, "message": "provider"}}, {}, "server_error"),
        ({"finish_reason": "stop"}, {"error": {"code": 502, "message": "provider"}}, "server_error"),
        ({"finish_reason": "stop"}, {"error": "upstream failed"}, "server_error"),
        ({"finish_reason": "stop"}, {"error": {"code": 0, "message": ""}}, None),
        ({"finish_reason": "stop"}, {"error": ""}, None),
        ({"finish_reason": 7}, {}, None),
    ],
)
def test_the_finish_reason_wherever_it_stands(choice: dict[str, Any], body: dict[str, Any], reason: str | None) -> None:
    completion = read({**chat({"content": TEXT}, **choice), **body})
    assert why_unusable(choices_of(completion)[0]) == reason


@pytest.mark.parametrize(
    ("status", "more", "reason"),
    [
        ("completed", {}, None),
        ("failed", {}, "server_error"),
        ("cancelled", {}, "server_error"),
        ("in_progress", {}, "server_error"),
        ("incomplete", {"incomplete_details": {"reason": "max_output_tokens"}}, "truncated"),
        ("incomplete", {"incomplete_details": {"reason": "content_filter"}}, "refused"),
        ("incomplete", {"incomplete_details": {"reason": "max_tool_calls_error"}}, "server_error"),
        ("incomplete", {"incomplete_details": None}, "truncated"),
        (None, {}, None),
    ],
)
def test_each_status_of_the_responses_api(status: Any, more: dict[str, Any], reason: str | None) -> None:
    output = [{"type": "message", "content": [{"type": "output_text", "text": TEXT}]}]
    completion = read({"status": status, "output": output, **more}, "responses")
    assert why_unusable(choices_of(completion)[0]) == reason


@pytest.mark.parametrize(
    "body",
    [
        {**chat({"content": TEXT}), "choices": {"0": chat({"content": TEXT})["choices"][0]}},
        {"choices": chat({"content": TEXT})["choices"][0]},
        chat(TEXT),
        {"choices": [{"text": TEXT}]},
        {"choices": ["x", None, *chat({"content": TEXT})["choices"]]},
        chat({"content": TEXT, "tool_calls": "none", "refusal": {"reason": "none"}}),
        chat({"content": TEXT, "tool_calls": ["none"]}, logprobs="none"),
    ],
)
def test_what_can_be_read_is_read(body: dict[str, Any]) -> None:
    assert [choice.text for choice in read(body).choices] == [TEXT]
    assert why_again(read(body)) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"7",
        b"{",
        b"\xff\xfe",
        b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 100_000,
        b'{"choices": ' + b"9" * 5_000 + b"}",
    ],
)
def test_what_is_no_reply_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        completion_of(decode(data), "chat")


def test_numbers_that_nobody_can_hold() -> None:
    body = decode(
        b'{"a": 1e999, "b": NaN, "c": -Infinity, "d": 36893488147419103232, "e": ' + b"9" * 5000 + b', "f": 7}'
    )
    assert body == {"a": None, "b": None, "c": None, "d": 36893488147419103232.0, "e": None, "f": 7}


KEYS = [
    *("choices", "message", "content", "text", "finish_reason", "stop_reason", "native_finish_reason", "reasoning"),
    *("reasoning_content", "refusal", "tool_calls", "function_call", "function", "arguments", "name", "logprobs"),
    *("usage", "prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "cached_tokens"),
    *("output", "status", "incomplete_details", "reason", "type", "error", "model", "id", "summary", "delta"),
    *("details", "tasks", "instruction", "input", "thinking"),
]
WORDS = st.sampled_from(["message", "text", "reasoning", "function_call", "stop", "length", "error", "<think>", "</s>"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(2**62, 2**70),
    st.floats(),
    st.text(st.characters(codec=None, exclude_categories=()), max_size=20),
    WORDS,
    st.just('{"tasks": [{"instruction": "a\\u0000", "output": "\\ud800 \\frac"}]}'),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
        st.builds(lambda value: _nested(value, DEPTH * 2), inner),
    ),
    max_leaves=12,
)
MESSAGES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5)
BODIES = st.one_of(
    st.builds(
        lambda message, choice, body: {**body, "choices": [{**choice, "message": message}]},
        MESSAGES,
        MESSAGES,
        MESSAGES,
    ),
    st.builds(lambda items, body: {**body, "output": items}, st.lists(MESSAGES, max_size=3), MESSAGES),
    MESSAGES,
)


def _nested(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = [value]
    return value


@settings(max_examples=150, deadline=None)
@given(BODIES, st.sampled_from(["chat", "completions", "responses"]))
def test_a_reply_of_any_shape_is_a_clean_completion_or_malformed(body: dict[str, Any], api: Api) -> None:
    try:
        completion = completion_of(decode(json.dumps(body).encode()), api)
    except MalformedError:
        return
    again = Completion.from_dict(json.loads(json.dumps(completion.to_dict(), allow_nan=False)))
    assert again.choices == completion.choices
    for choice in completion.choices:
        _is_clean(choice)
    reason = why_again(completion) or "malformed"
    assert isinstance(remedy_of(reason, completion), Remedy)
    assert detail(reason, completion)
    for choice in choices_of(completion):
        assert sentence(reason, choice)
        for form in FORMS:
            parsed = read_choice(form, choice)
            assert parsed.items or parsed.broken
            for item in parsed.items:
                Record(
                    instruction=item.get("instruction", "x"),
                    input=item.get("input", ""),
                    output=item.get("output"),
                    reasoning=choice.reasoning,
                ).model_dump_json().encode()


def _is_clean(choice: Choice) -> None:
    for text in (choice.text, choice.finish_reason, choice.reasoning, choice.refusal):
        assert text is None or isinstance(text, str)
        (text or "").encode()
    assert isinstance(choice.tool_calls, tuple)
    for call in choice.tool_calls:
        assert isinstance(call, Mapping)
        _is_plain(call)
    _is_plain(choice.logprobs)


def _is_plain(value: Any, depth: int = 0) -> None:
    assert depth <= DEPTH + 2
    if isinstance(value, Mapping):
        for key, inner in value.items():
            key.encode()
            _is_plain(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _is_plain(inner, depth + 1)
    elif isinstance(value, str):
        value.encode()
    else:
        assert value is None or isinstance(value, int) or math.isfinite(value)


def test_a_completion_of_strange_values_can_be_kept_and_read_again(tmp_path: Path) -> None:
    body = chat({"content": "a\x00\ud800", "reasoning": [1, {"text": "Hm."}], "tool_calls": [{"f": _nested(1, 500)}]})
    completion = read({**body, "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
    request = Request("m", ({"role": "user", "content": "x"},))

    async def keep() -> None:
        with Journal(tmp_path / "journal.sqlite") as journal:
            await journal.put(request.key, request, completion)

    asyncio.run(keep())
    with Journal(tmp_path / "journal.sqlite", readonly=True) as journal:
        found = journal.get(request.key)
    assert found is not None
    assert found.choices == completion.choices
    assert found.text == "a\x00\ufffd"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"text": 42, "finish_reason": {"type": "stop"}}, Choice("42", '{"type":"stop"}')),
        (
            {"text": "x", "finish_reason": "stop", "reasoning": [{"text": "Hm."}], "tool_calls": "none"},
            Choice("x", reasoning='[{"text":"Hm."}]'),
        ),
    ],
)
def test_what_an_older_version_has_kept_as_it_came_is_read(old: dict[str, Any], new: Choice) -> None:
    assert Completion.from_dict({"choices": [old], "usage": [1, 2, 0]}).choices == (new,)
