from __future__ import annotations

import pytest

from synthgen.text import nearest, suggestion

NAMES = ["length", "near_duplicate", "non_text", "input_equals_output"]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("lenght", "length"),
        ("Length", "length"),
        ("near-duplicate", "near_duplicate"),
        ("near_dup", "near_duplicate"),
        ("nontext", "non_text"),
        ("zebra", None),
        ("", None),
    ],
)
def test_the_nearest_name(wrong: str, right: str | None) -> None:
    assert nearest(wrong, NAMES) == right


def test_a_hint_is_the_nearest_name_or_all_of_them() -> None:
    assert suggestion("lenght", NAMES) == "did you mean 'length'?"
    assert suggestion("zebra", ["b", "a"], what="keys here") == "keys here: a, b"
    assert suggestion("zebra", []) == "these exist: none"
