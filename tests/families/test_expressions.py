from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.families.expressions import Arithmetic, Logic
from synthgen.families.family import Unprovable

SUMS = st.recursive(
    st.integers(0, 99).map(str),
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner, st.booleans()).map(
        lambda t: f"({t[0]} {t[1]} {t[2]})" if t[3] else f"{t[0]} {t[1]} {t[2]}"
    ),
    max_leaves=10,
)
TRUTHS = st.recursive(
    st.sampled_from(["true", "false"]),
    lambda inner: st.one_of(
        inner.map(lambda x: f"not ({x})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
        inner.map(lambda x: f"({x})"),
    ),
    max_leaves=8,
)


@given(SUMS)
def test_arithmetic_is_pythons(text: str) -> None:
    assert Arithmetic(text).value == eval(text)  # the text is ours


@given(TRUTHS)
def test_logic_is_pythons(text: str) -> None:
    ours = text.replace("true", "True").replace("false", "False")
    assert Logic(text).value is eval(ours)


def test_steps_are_in_the_order_of_the_work() -> None:
    assert Arithmetic("2 * (3 + 4) - 8 / 2").steps == ["3 + 4 = 7", "2 * 7 = 14", "8 / 2 = 4", "14 - 4 = 10"]
    assert Logic("not true or (true and false)").steps == [
        "not true = false",
        "true and false = false",
        "false or false = false",
    ]


def test_other_signs_are_read() -> None:
    assert Arithmetic("6 × 8 ÷ 4 − 2").value == Fraction(10)


@pytest.mark.parametrize("text", ["", "1 +", "(1", "1)", "1 2", "a + 1", "1 ** 2", "-", "(" * 40 + "1" + ")" * 40])
def test_what_is_no_calculation_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expression|missing"):
        Arithmetic(text)


@pytest.mark.parametrize("text", ["", "true and", "maybe", "(true", "true false", "not " * 60 + "true"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expression|missing"):
        Logic(text)


@pytest.mark.parametrize("text", ["7 / 2", "1 / (2 - 2)"])
def test_a_remainder_has_no_whole_answer(text: str) -> None:
    with pytest.raises(Unprovable):
        Arithmetic(text)
