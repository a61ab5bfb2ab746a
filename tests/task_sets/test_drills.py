from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from synthgen.errors import ConfigError
from synthgen.protocols import Context
from synthgen.records import Record
from synthgen.task_sets.drills import FAMILIES, FORMATS, Drills, Prove, solve, tasks, write


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("rev abcd", "dcba"),
        ("up abc", "ABC"),
        ("sort cab", "abc"),
        ("last abc", "c"),
        ("swap abcd", "dbca"),
        ("twice abc", "abcabc"),
        ("skip abcde", "ace"),
        ("cnt a banana", "3"),
        ("del a banana", "bnn"),
        ("del a aaa", "none"),
        ("json k abc", '{"k":"abc"}'),
        ("add 7 12", "19"),
        ("sub 7 12", "-5"),
        ("max 3 17 9", "17"),
        ("min 3 17 9 !q", '"3"'),
        ("rev abc !p", "is cba"),
        ("up abc !r", "ABC ABC"),
    ],
)
def test_answers_worked_out_by_hand(text: str, answer: str) -> None:
    assert solve(text) == (text.split()[0], answer)


@pytest.mark.parametrize(
    "text", ["", "rev", "rev ABC", "rev a b", "dance abc", "add 1", "max 3", "up abc !z", "up abc !"]
)
def test_what_is_no_drill_is_not_solved(text: str) -> None:
    assert solve(text) is None


def test_splits_do_not_overlap_and_are_what_they_say() -> None:
    seen, longer, unseen = (tasks(seed=1, per_family=30, split=s) for s in ("seen", "longer", "unseen_formats"))
    assert len({r.instruction for r in (*seen, *longer, *unseen)}) == 3 * 30 * len(FAMILIES)
    pairs = {(r.task_type, r.instruction[-1]) for r in seen if "!" in r.instruction}
    others = {(r.task_type, r.instruction[-1]) for r in unseen}
    assert not pairs & others
    assert len(pairs | others) == len(FAMILIES) * len(FORMATS)
    assert min(len(r.instruction.split()[1]) for r in longer if r.task_type == "rev") > 5


def test_the_same_seed_gives_the_same_tasks_and_another_one_others() -> None:
    assert tasks(seed=1, per_family=3) == tasks(seed=1, per_family=3)
    assert tasks(seed=1, per_family=3) != tasks(seed=2, per_family=3)


def test_too_many_tasks_or_unknown_families_are_refused() -> None:
    with pytest.raises(ConfigError, match="has no 5000 drills"):
        tasks(seed=0, per_family=5000, families=["add"])
    with pytest.raises(ConfigError, match="no family 'dance'"):
        tasks(seed=0, families=["dance"])


def judged(prove: Prove, *records: Record) -> list[Record]:
    ctx = cast(Context, SimpleNamespace(rng=random.Random(0)))
    return asyncio.run(prove.run(list(records), ctx))


def test_each_reason_of_the_verifier() -> None:
    right, wrong, none, open_ = judged(
        Prove(),
        Record(instruction="rev abc", output="cba"),
        Record(instruction="rev abc", output="abc"),
        Record(instruction="sing", output="la"),
        Record(instruction="rev abc"),
    )
    assert (right.drop, right.task_type) == (None, "rev")
    assert [r.drop.reason for r in (wrong, none, open_) if r.drop] == ["wrong_answer", "no_drill", "unanswered"]


def test_without_verification_only_the_type_is_filled_in() -> None:
    found = judged(Prove(verify=False), Record(instruction="rev abc", output="x"), Record(instruction="sing"))
    assert [(r.task_type, r.drop) for r in found] == [("rev", None), ("none", None)]


def test_the_right_answer_can_take_the_place_of_the_written_one() -> None:
    found = judged(Prove(truth=True), Record(instruction="rev abc", output="x"), Record(instruction="sing", output="x"))
    assert [(r.output, r.drop is None) for r in found] == [("cba", True), ("x", False)]


def test_an_imperfect_verifier_errs_as_often_as_it_is_told() -> None:
    prove = Prove(accept_right=0.9, accept_wrong=0.2)
    right = judged(prove, *[Record(instruction="rev abc", output="cba")] * 1000)
    wrong = judged(prove, *[Record(instruction="rev abc", output="x")] * 1000)
    assert 870 < sum(r.drop is None for r in right) < 930
    assert 170 < sum(r.drop is None for r in wrong) < 230


def test_the_source_draws_true_drills() -> None:
    drawn = Drills(chunk=50).draw(0, cast(Any, None), random.Random(0)).records
    assert len(drawn) == 50
    assert all(solve(r.instruction) == (r.task_type, r.output) for r in drawn)
    assert write(random.Random(0), "rev") == write(random.Random(0), "rev")
