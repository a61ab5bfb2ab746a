from __future__ import annotations

import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.formats.json_stream import Broken, NotJson, documents, elements, members

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(JSON, max_size=6), st.integers(1, 40), st.sampled_from([None, 0, 2]), st.booleans())
def test_agrees_with_reading_it_whole(values: list[object], block: int, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=ascii_only)
    assert list(elements(io.StringIO(f"\ufeff {text}\n"), block)) == values


@given(st.lists(JSON, min_size=1, max_size=4), st.integers(1, 40), st.data())
def test_a_part_of_it_is_an_error_after_whole_elements(values: list[object], block: int, data: st.DataObject) -> None:
    text = json.dumps(values)
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    read: list[object] = []
    with pytest.raises(ValueError, match=r"breaks off|stands"):
        read.extend(elements(io.StringIO(cut), block))
    assert read == values[: len(read)]


def test_numbers_are_not_cut_where_a_block_ends() -> None:
    for block in range(1, 12):
        assert list(elements(io.StringIO("[1e+16,-0.5, 123]"), block)) == [1e16, -0.5, 123]


@pytest.mark.parametrize(
    "text",
    ["[1x]", "[1e", "", "{}", "[1,]", "[,1]", "[1 2]", "[1,,2]", "nonsense", '[{"a": 1} {"a": 2}]', "[" * 100_000],
)
def test_what_is_no_array_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"breaks off|stands|missing"):
        list(elements(io.StringIO(text)))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[{"a": 1},\n]', "after 1 elements a comma stands before ]"),
        ('[{"a": 1} {"a": 2}]', "after 1 elements a comma is missing"),
        ('[\n// rows\n{"a": 1}]', "after 0 elements there is a comment"),
        ('[{"a": 1}, /* more */ {"a": 2}]', "after 1 elements there is a comment"),
        ("[{'a': 1}]", "a text stands in single quotes"),
    ],
)
def test_what_would_be_no_json_if_it_were_whole_says_what_is_wrong(text: str, problem: str) -> None:
    for block in (3, 1 << 16):
        with pytest.raises(NotJson, match=re.escape(problem)):
            list(elements(io.StringIO(text), block))


def test_a_broken_element_is_passed_over_and_told() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    text = '[{"a": 1}, {"b": }, {"c": "]}"}, {"d": ' + deep + '}, {"e": 2}]'
    for block in (7, 1 << 16):
        first, broken, third, nested, last = elements(io.StringIO(text), block)
        assert (first, third, last) == ({"a": 1}, {"c": "]}"}, {"e": 2})
        assert isinstance(broken, Broken)
        assert (broken.problem, broken.text) == ("not JSON: Expecting value (character 7)", '{"b": }')
        assert isinstance(nested, Broken)
        assert nested.problem == "not JSON: it is nested too deeply"


def test_the_members_of_objects() -> None:
    text = '{"v": 1, "data": [{"a": 1}, 2], "none": [], "o": {"x": [1]}}\n{"w": "z"}'
    for block in (1, 3, 1 << 16):
        assert list(members(io.StringIO(text), block)) == [
            (1, "v", 1, False),
            (1, "data", {"a": 1}, True),
            (1, "data", 2, True),
            (1, "none", [], False),
            (1, "o", {"x": [1]}, False),
            (2, "w", "z", False),
        ]
    with pytest.raises(ValueError, match="breaks off"):
        list(members(io.StringIO('{"a": 1')))


@given(st.lists(JSON, max_size=5), st.integers(1, 40))
def test_documents_one_after_the_other(values: list[object], block: int) -> None:
    text = "\n".join(json.dumps(value, indent=1) for value in values) + "\n"
    assert list(documents(io.StringIO(text), block)) == values
