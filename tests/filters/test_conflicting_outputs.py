from __future__ import annotations

import asyncio
from typing import Any, cast

from synthgen.filters.wrong_answers import ConflictingOutputs
from synthgen.protocols import Context, Preparation, Stage
from synthgen.records import Message, Record


def record(id: str, output: str | None, given: str = "2+2", instruction: str = "Add.", **fields: Any) -> Record:
    return Record(id=id, instruction=instruction, input=given, output=output, **fields)


def run(stage: ConflictingOutputs, *records: Record) -> dict[str, tuple[str, str | None] | None]:
    out = asyncio.run(stage.run(list(records), cast(Context, None)))
    assert [r.id for r in out] == [r.id for r in records]
    return {r.id: (r.drop.reason, r.drop.nearest) if r.drop else None for r in out}


def test_the_first_answer_stays_over_attempts() -> None:
    stage = ConflictingOutputs()
    assert isinstance(stage, Stage)
    assert stage.ordered
    assert run(stage, record("a", "4"), record("b", "5")) == {"a": None, "b": ("conflicting_output", "a")}
    assert run(stage, record("c", "5"), record("d", " 4 "), record("e", "4", given="2 +  2")) == {
        "c": ("conflicting_output", "a"),
        "d": ("duplicate_instance", "a"),
        "e": None,
    }


def test_without_an_input_only_repetitions_are_dropped() -> None:
    poems = [record("a", "Rose", given=""), record("b", "Tulip", given=" "), record("c", "Rose\n", given="")]
    assert run(ConflictingOutputs(), *poems) == {"a": None, "b": None, "c": ("duplicate_instance", "a")}


def test_system_and_history_are_part_of_the_task_and_missing_outputs_pass() -> None:
    history = (Message(role="user", content="Count in base 3."), Message(role="assistant", content="Yes."))
    records = [
        record("a", "4"),
        record("b", "11", history=history),
        record("c", "five", system="Lie."),
        record("d", None),
    ]
    assert set(run(ConflictingOutputs(), *records).values()) == {None}


def test_faithful_drops_all_instances_of_the_instruction_within_the_attempt() -> None:
    stage = ConflictingOutputs(faithful=True)
    assert not stage.ordered
    records = [
        record("a", "4"),
        record("b", "5"),
        record("c", "6", given="3+3"),
        record("d", "blue", given="sky", instruction="Colour?"),
        record("e", "blue", given="sky", instruction="Colour?"),
    ]
    assert run(stage, *records) == {
        "a": ("conflicting_output", None),
        "b": ("conflicting_output", None),
        "c": ("conflicting_output", None),
        "d": None,
        "e": ("duplicate_instance", "d"),
    }
    assert run(stage, record("f", "7")) == {"f": None}


def test_prepare_forgets() -> None:
    stage = ConflictingOutputs()
    run(stage, record("a", "4"))
    stage.prepare(Preparation(render=str, seeds=(), seed=0, base="."))
    assert run(stage, record("b", "5")) == {"b": None}
