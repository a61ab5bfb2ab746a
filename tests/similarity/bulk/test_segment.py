from __future__ import annotations

import random
from typing import get_args

import numpy as np
import pytest

from synthgen.similarity.bulk.compare import Bounds, candidate_pairs
from synthgen.similarity.bulk.levels import Segment
from synthgen.similarity.bulk.texts import Texts
from synthgen.similarity.neighbour import Rule


def sets(number: int, seed: int) -> list[set[int]]:
    rng = random.Random(seed)
    made = [set(rng.choices(range(60), k=rng.randint(1, 25))) for _ in range(number)]
    return made + [{*rng.sample(sorted(one), max(1, len(one) * 4 // 5)), rng.randrange(90)} for one in made]


def encoded(made: list[set[int]]) -> Texts:
    return Texts.of(np.array([e for one in made for e in one], np.int32), np.cumsum([0, *map(len, made)]))


@pytest.mark.parametrize("threshold", [0.3, 0.7, 0.9])
@pytest.mark.parametrize("rule", get_args(Rule))
def test_no_pair_that_shares_enough_is_missed_and_few_others_are_found(threshold, rule):
    bounds = Bounds(threshold, rule, "exact")
    kept, new = sets(300, seed=1), sets(100, seed=2) + sets(300, seed=1)[:60]
    matches = {
        (i, j) for i, a in enumerate(new) for j, b in enumerate(kept) if len(a & b) >= bounds.needed(len(a), len(b))
    }
    block, others = encoded(new), encoded(kept)
    for pairs in (Segment(others, bounds).candidates(block), candidate_pairs(block, others, bounds)):
        found = {pair for mine, theirs in pairs for pair in zip(mine.tolist(), theirs.tolist(), strict=True)}
        assert matches <= found
        assert threshold < 0.5 or len(found) < 0.01 * len(new) * len(kept)


def test_within_a_block_a_text_is_paired_with_those_before_it():
    bounds = Bounds(0.7, "gt", "exact")
    block = encoded([{1, 2, 3}] * 5)
    found = [pair for m, t in candidate_pairs(block, block, bounds, earlier=True) for pair in zip(m, t, strict=True)]
    assert found == [(i, j) for i in range(5) for j in range(i)]
