from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from synthgen.protocols import Preparation
from synthgen.records import Record
from synthgen.stages.generate import TaskTypes, nearest_type

KNOWN = ("classification", "coding", "creative_writing", "planning", "rewriting", "summarization")


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("summing_up", "summarization"),
        ("classifying", "classification"),
        ("planing", "planning"),
        ("rewiting", "rewriting"),
        ("code", "coding"),
        ("story_writing", "creative_writing"),
        ("text_classification", "classification"),
        ("writing_code", None),
        ("chemistry", None),
        ("response", None),
    ],
)
def test_names_of_one_off_types(name: str, known: str | None) -> None:
    assert nearest_type(name, KNOWN) == known


def types(stage: TaskTypes, *seeds: str) -> list[str | None]:
    records = [Record(instruction="x", task_type=name) for name in ("planning", "planing", "response", None)]
    made = tuple(Record(instruction=name, task_type=name) for name in seeds)
    stage.prepare(Preparation(render=str, seeds=made, seed=0, base="."))
    return [record.task_type for record in asyncio.run(stage.run(records, cast("Any", None)))]


def test_the_known_ones_are_named_or_those_of_the_seed_tasks() -> None:
    assert types(TaskTypes(known=KNOWN)) == ["planning", "planning", None, None]
    assert types(TaskTypes(), "planning", "coding") == ["planning", "planning", None, None]
    assert types(TaskTypes()) == ["planning", "planing", "response", None]
