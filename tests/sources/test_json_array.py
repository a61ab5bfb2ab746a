from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.sources.json_array import elements

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
    with pytest.raises(ValueError, match=r"breaks off|stands"):
        list(elements(io.StringIO(text)))
