"""A server's words in all the forms of an error's body, and in bodies that mean harm."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.safety import outward
from synthgen.teachers.openai import words
from synthgen.teachers.openai.problems import Problem


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "m", "type": "t", "code": None}}, "m"),
        ({"error": "m"}, "m"),
        ({"message": "m"}, "m"),
        ({"Message": "m"}, "m"),
        ({"msg": "m", "code": 1301, "success": False}, "m"),
        ({"detail": "m"}, "m"),
        ({"detail": [{"loc": ["body", "messages", 0], "msg": "m", "type": "x"}]}, "body.messages.0: m"),
        ({"errors": ["a", {"message": "b"}]}, "a; b"),
        ({"title": "Bad", "errors": {"Model": ["is required"]}}, "Bad: Model: is required"),
        ({"error": "Bad Request", "message": "m", "status": 400}, "Bad Request: m"),
        ({"error": True, "message": "m"}, "m"),
        ({"object": "error", "message": "m"}, "m"),
        ([{"error": {"message": "m", "status": "RESOURCE_EXHAUSTED"}}], "m"),
        ("m", "m"),
        ({"error": {"message": '{"error": {"message": "the inner one"}}'}}, "the inner one"),
        (
            {"error": {"message": "Provider returned error", "metadata": {"raw": '{"error": {"message": "why"}}'}}},
            "Provider returned error (why)",
        ),
        ({"weird": {"a": 1}}, '{"weird": {"a": 1}}'),
        ({}, ""),
        (None, ""),
    ],
)
def test_json_in_any_form(body: Any, message: str) -> None:
    assert words.read(json.dumps(body).encode()).text == message
    if isinstance(body, dict):
        assert words.of(body).text == message


def test_codes_and_parameters_are_found() -> None:
    said = words.read(b'[{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "m", "param": "n"}}]')
    assert said.code == "429 RESOURCE_EXHAUSTED"
    assert said.names == ("n",)
    assert "seed" in words.read(b'{"detail": [{"loc": ["body", "seed"], "msg": "extra"}]}').names


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<html><head><title>502</title><style>p {a: b}</style></head><h1>Bad</h1> Gateway</html>", "502 Bad Gateway"),
        (b"<script>if (a < b) {}", ""),
        (b"upstream connect error", "upstream connect error"),
        (b"two\nlines  and \t tabs", "two lines and tabs"),
        (b"\xef\xbb\xbf" + b'{"error": "m"}', "m"),
        (b"\x00\x01\x02\xff" * 9, "(36 bytes that are no text)"),
        (b"", ""),
    ],
)
def test_what_is_no_json(data: bytes, message: str) -> None:
    assert words.read(data).text == message


def test_a_message_is_bounded() -> None:
    problem = Problem.read(400, json.dumps({"error": {"message": "x" * 10**6}}).encode())
    assert len(problem.message) == words.SHOWN
    assert problem.message.endswith("…")


@pytest.mark.parametrize("deep", ['{"error":', "[", '{"detail":[', '{"error":{"message":'])
def test_deep_bodies_are_no_trouble(deep: str) -> None:
    for data in (deep * 100_000, deep * 100_000 + "1", "[" * 500 + "]" * 500, '{"error":' * 400 + "1" + "}" * 400):
        problem = Problem.read(400, data.encode())
        assert len(problem.message) <= words.SHOWN
        problem.as_openai_error("http://h/v1")
    nested: Any = "end"
    for _ in range(900):
        nested = {"error": {"details": [nested]}}
    assert len(words.of(nested).text) <= words.KEPT


@pytest.mark.parametrize(
    "piece", ["<", "<script", "<script>", "<style ", "<a>", "&", "\n", " ", "{", "try again in 1", "n't support "]
)
def test_reading_takes_time_in_proportion_to_the_length(piece: str) -> None:
    def seconds(length: int) -> float:
        data = (piece * (length // len(piece) + 1))[:length].encode()
        took = []
        for _ in range(3):
            start = time.process_time()
            problem = Problem.read(500, b"<p>" + data)
            assert not any((problem.wants_stream, problem.unknown_system, problem.unknown_n))
            assert problem.wait_asked_s({}) is None
            took.append(time.process_time() - start)
        return min(took)

    assert seconds(160_000) < 40 * seconds(20_000) + 0.05


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["error", "message", "detail", "errors", "loc", "code", "param", "metadata", "raw"]), inner
        )
    ),
    max_leaves=30,
)


@given(JSON, st.integers(300, 599))
def test_no_body_raises_anything(body: Any, status: int) -> None:
    problem = Problem.read(status, json.dumps(body).encode())
    assert "\n" not in problem.message
    assert len(problem.message) <= words.SHOWN
    if isinstance(body, dict):
        assert Problem.within(body).status >= 400


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything(data: bytes) -> None:
    assert "\n" not in Problem.read(500, data).message


@pytest.mark.parametrize("most", [200, words.SHOWN, words.KEPT, 4 * words.KEPT])
@pytest.mark.parametrize("form", ["text", "json", "list", "page", "code"])
def test_half_a_key_at_the_place_where_a_body_is_cut_is_not_left(most: int, form: str) -> None:
    key = "zq-Words0123456789abcdef"
    outward.learn(key)
    for before in range(most - len(key) - 2, most + 2):
        text = "x" * before + key + " more"
        bodies: dict[str, Any] = {
            "json": {"error": {"message": text}},
            "list": [text],
            "code": {"error": {"code": text, "message": ""}},
        }
        body = json.dumps(bodies[form]) if form in bodies else f"<p>{text}</p>" if form == "page" else text
        found = words.read(body.encode())
        said = f"{found.text} {found.code} {words.bounded(text, most)} {words.bounded(found.text)}"
        assert key[:5] not in said
        assert key[-9:] not in said
