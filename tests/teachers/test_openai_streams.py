"""Streams in one piece: all that a reply has, errors in the middle, and ends that are none."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.forms.reply_problems import choices_of, why_unusable
from synthgen.teachers.openai.problems import Again, Problem
from synthgen.teachers.openai.reading import assembled, is_stream, read_reply
from synthgen.teachers.openai.replies import MalformedError


def chunk(index: int = 0, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"id": "x", "model": "m", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def stream(*events: Any, end: str = "data: [DONE]\n\n", line_end: str = "\n") -> bytes:
    text = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + end
    return text.replace("\n", line_end).encode()


def call(index: int, **function: str) -> dict[str, Any]:
    return {"index": index, "function": function}


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_everything_is_put_together(line_end: str) -> None:
    data = stream(
        chunk(role="assistant", content=""),
        chunk(reasoning_content="Let me "),
        chunk(reasoning_content="think."),
        chunk(content="Lima\u2028 is"),
        chunk(1, content="Two"),
        chunk(content=" it"),
        chunk(tool_calls=[{**call(0, name="add", arguments='{"a"'), "id": "c0", "type": "function"}]),
        chunk(tool_calls=[{**call(1, name="sub", arguments="{}"), "id": "c1"}]),
        chunk(tool_calls=[call(0, arguments=": 1}")]),
        chunk(finish="tool_calls"),
        chunk(1, finish="length"),
        {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}},
        line_end=line_end,
    )
    completion = read_reply(200, {}, data, "chat")
    assert not isinstance(completion, Problem)
    first, second = completion.choices
    assert (first.text, first.reasoning, first.finish_reason) == ("Lima\u2028 is it", "Let me think.", "tool_calls")
    assert [c["function"] for c in first.tool_calls] == [
        {"name": "add", "arguments": '{"a": 1}'},
        {"name": "sub", "arguments": "{}"},
    ]
    assert (second.text, second.finish_reason) == ("Two", "length")
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (7, 5)
    assert completion.model == "m"


def test_what_is_a_stream() -> None:
    assert is_stream({}, b"data: {}")
    assert is_stream({}, b"\n\nevent: x\n")
    assert is_stream({}, b": comment\n\ndata: {}")
    assert is_stream({"Content-Type": "text/event-stream; charset=utf-8"}, b"")
    assert not is_stream({"Content-Type": "text/event-stream"}, b'{"choices": []}')
    assert not is_stream({"Content-Type": "application/json"}, b'{"choices": []}')


def test_comments_before_json_in_one_piece() -> None:
    body = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}
    assert assembled(b": PROCESSING\n\n: PROCESSING\n\n" + json.dumps(body).encode(), "chat") == body


@pytest.mark.parametrize(
    "data",
    [
        stream(chunk(content="half"), end=""),
        stream(chunk(content="half"), end='data: {"choices": [{"ind'),
        stream(chunk(0, "stop", content="one"), chunk(1, content="half"), end=""),
        b"data: nonsense\n\ndata: [DONE]\n\n",
        b"event: ping\n\n",
        b"data: " + b'{"choices":[' * 100_000,
    ],
)
def test_what_is_cut_or_no_json_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        assembled(data, "chat")
    with pytest.raises(Again):
        read_reply(200, {}, data, "chat")


def test_an_end_without_a_mark_is_an_end_where_every_choice_has_its_reason() -> None:
    assert assembled(stream(chunk(0, "stop", content="whole"), end=""), "chat")["choices"][0]["text"] == "whole"


def ended(**said: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {}, **said}]}


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([ended(finish_reason="stop")], None),
        ([ended(stop_reason="length")], "truncated"),
        ([ended(finish_reason=None, stop_reason="max_tokens"), ended()], "truncated"),
        ([ended(finish_reason="stop", native_finish_reason="MAX_TOKENS")], "truncated"),
        ([ended(finish_reason="stop", error={"code": 502})], "server_error"),
        ([{**ended(finish_reason="stop"), "error": {"code": 502, "message": "provider"}}], "server_error"),
        ([ended(), {"choices": [], "done_reason": "length"}], "truncated"),
    ],
)
def test_the_end_of_a_stream_is_told_wherever_it_is_in_a_reply_in_one_piece(events: list[Any], reason: str) -> None:
    completion = read_reply(200, {}, stream(chunk(content="A plain answer."), *events), "chat")
    assert not isinstance(completion, Problem)
    assert why_unusable(choices_of(completion)[0]) == reason


@pytest.mark.parametrize(
    "last", [{"content": "A plain answer."}, {"content": "A plain answer.", "role": "assistant"}, {}, {"content": ""}]
)
def test_a_last_event_that_repeats_the_whole_message_doubles_nothing(last: dict[str, Any]) -> None:
    whole = {"choices": [{"index": 0, "message": last, "finish_reason": "stop"}]}
    body = assembled(stream(chunk(content="A plain "), chunk(content="answer."), whole), "chat")
    assert body["choices"][0]["text"] == "A plain answer."


def test_messages_that_grow_and_messages_that_go_on() -> None:
    def said(*texts: str) -> str:
        events = [{"choices": [{"index": 0, "message": {"content": text}}]} for text in texts]
        return str(assembled(stream(*events), "chat")["choices"][0]["text"])

    assert said("A", "A plain", "A plain answer.") == said("A", " plain", " answer.") == "A plain answer."


def test_pieces_that_are_objects() -> None:
    body = assembled(stream(chunk(content={"type": "text", "text": "A plain answer."})), "chat")
    assert body["choices"][0]["text"] == "A plain answer."


@pytest.mark.parametrize(
    "data",
    [
        stream(chunk(content="half"), {"error": {"message": "overloaded", "code": 503}}),
        b'event: error\ndata: {"message": "overloaded", "code": 503}\n\n',
        b"event: error\ndata: overloaded\n\n",
    ],
)
def test_errors_within_a_stream(data: bytes) -> None:
    problem = read_reply(200, {}, data, "chat")
    assert isinstance(problem, Problem)
    assert problem.message == "overloaded"
    assert problem.status in (500, 503)


def test_the_responses_api() -> None:
    whole = {"output": [], "status": "completed"}
    events = [{"type": "response.created", "response": {}}, {"type": "response.completed", "response": whole}]
    assert assembled(stream(*events, end=""), "responses") == whole
    failed = {"type": "response.failed", "response": {"error": {"message": "no"}}}
    assert assembled(stream(failed, end=""), "responses") == {"error": {"message": "no"}}
    with pytest.raises(MalformedError):
        assembled(stream(events[0], end=""), "responses")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "delta", "index", "content", "tool_calls", "function", "error", "usage", "logprobs"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(st.lists(JSON, max_size=4), st.sampled_from(["chat", "completions", "responses"]))
def test_no_stream_raises_anything_else(events: list[Any], api: Any) -> None:
    with suppress(Again):
        assert read_reply(200, {}, b": x\n" + stream(*events), api)
