from __future__ import annotations

import pytest

from synthgen.engine.ordering import Pool
from synthgen.records import Record


def record(i: int) -> Record:
    return Record(instruction=f"task {i}")


def test_a_view_is_the_pool_as_it_was_after_so_many_attempts() -> None:
    pool = Pool([record(100)])
    pool.join([record(0), record(1)])
    pool.join([])
    pool.join([record(2)])
    assert [[r.instruction for r in pool.view(n).machine] for n in (-3, 0, 1, 2, 3)] == [
        [],
        [],
        ["task 0", "task 1"],
        ["task 0", "task 1"],
        ["task 0", "task 1", "task 2"],
    ]
    assert [r.instruction for r in pool.view(0).seeds] == ["task 100"]


def test_a_view_does_not_grow_and_behaves_as_a_sequence() -> None:
    pool = Pool([])
    pool.join([record(i) for i in range(5)])
    view = pool.view(1).machine
    pool.join([record(9)])
    assert len(view) == 5
    assert view[-1].instruction == "task 4"
    assert [r.instruction for r in view[1:3]] == ["task 1", "task 2"]
    assert view[::2] == [view[0], view[2], view[4]]
    with pytest.raises(IndexError):
        view[5]
