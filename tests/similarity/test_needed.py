from __future__ import annotations

from fractions import Fraction
from typing import get_args

import numpy as np
import pytest

from synthgen.similarity.neighbour import Needed, Rule, score

LENGTHS = range(1, 61)
THRESHOLDS = [0.1, 0.5, 2 / 3, 0.7, 0.75, 0.8, 0.9, 1.0]


def rouge_score_f(common: int, m: int, n: int) -> float:
    precision, recall = common / n, common / m
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("rule", get_args(Rule))
@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("arithmetic", ["exact", "compat"])
def test_needed_is_the_first_number_of_common_tokens_that_drops(threshold, rule, arithmetic):
    needed = Needed(threshold, rule, arithmetic)
    limit = Fraction(str(threshold)) if arithmetic == "exact" else threshold
    for n in LENGTHS:
        for m in LENGTHS:
            values = [
                Fraction(2 * c, m + n) if arithmetic == "exact" else rouge_score_f(c, m, n)
                for c in range(1, min(m, n) + 1)
            ]
            drops = [v == 1 or (v >= limit if rule == "ge" else v > limit) for v in values]
            if any(drops):
                assert needed(m, n) == drops.index(True) + 1
            else:
                assert needed(m, n) > min(m, n)


def test_ties_at_seven_tenths_differ_between_the_arithmetics_as_often_as_known():
    pairs = [(m, n) for n in range(1, 151) for m in range(1, 151)]
    ties = [(m, n) for m, n in pairs if 7 * (m + n) % 20 == 0 and 7 * (m + n) // 20 <= min(m, n)]
    assert len(ties) == 531
    for rule, differ in (("gt", 272), ("ge", 18)):
        exact, compat = (Needed(0.7, rule, arithmetic) for arithmetic in ("exact", "compat"))
        assert sum(exact(m, n) != compat(m, n) for m, n in ties) == differ


@pytest.mark.parametrize("rule", get_args(Rule))
@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("arithmetic", ["exact", "compat"])
def test_one_pair_and_many_need_the_same(threshold, rule, arithmetic):
    needed = Needed(threshold, rule, arithmetic)
    lengths = np.arange(1, 151)
    for n in (1, 2, 7, 13, 64, 150):
        possible = [
            (int(many), needed(m, n), min(m, n)) for m, many in zip(range(1, 151), needed.over(lengths, n), strict=True)
        ]
        assert all(many == one or min(many, one) > most for many, one, most in possible)


@pytest.mark.parametrize("rule", get_args(Rule))
@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("arithmetic", ["exact", "compat"])
def test_shortest_and_prefix_are_those_of_a_search_through_all_lengths(threshold, rule, arithmetic):
    needed = Needed(threshold, rule, arithmetic)
    for n in LENGTHS:
        partners = [m for m in range(1, 20 * n) if needed(m, n) <= min(m, n)]
        assert needed.shortest(n) == min(partners)
        assert needed.prefix(n) == max(n - needed(m, n) + 1 for m in partners)


def test_seven_of_ten_is_a_tie():
    assert Needed(0.7, "gt")(10, 10) == 8
    assert Needed(0.7, "ge")(10, 10) == 7


def test_score_of_nothing_in_common_is_0():
    assert score(0, 3, 4) == 0.0
    assert score(7, 7, 13) == 0.7000000000000001
