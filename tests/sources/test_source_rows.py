from __future__ import annotations

from typing import Any

import pytest

from synthgen.records import Message, Provenance, Record
from synthgen.sources.rows import layout_of, renamed, to_record
from synthgen.store.table import to_row


def read(row: dict[str, Any]) -> Record:
    return to_record(row, "f:1")[0]


def test_alpaca_columns() -> None:
    record, ignored = to_record({"instruction": "Add.", "input": "1 1", "output": "2", "text": "…", "score": 3}, "f:1")
    assert (record.instruction, record.input, record.output) == ("Add.", "1 1", "2")
    assert record.provenance.source == "f:1"
    assert ignored == ["text", "score"]


def test_missing_and_empty_parts_stay_apart() -> None:
    assert read({"instruction": "Add."}).output is None
    assert read({"instruction": "Add.", "output": None, "input": None}).output is None
    assert read({"instruction": "Add.", "output": ""}).output == ""
    assert read({"instruction": "Add.", "output": "2", "system": None}).system == ""


@pytest.mark.parametrize("given", ["<noinput>", "No input.", "N/A", "None"])
def test_an_input_that_says_there_is_none_is_empty(given: str) -> None:
    assert read({"instruction": "Add.", "input": given, "output": "x"}).input == ""


def test_optional_fields_of_every_layout() -> None:
    row = {
        "instruction": "x",
        "output": "y",
        "task_type": "qa",
        "language": "de",
        "is_classification": True,
        "tools": '[{"a": 1}]',
    }
    record, ignored = to_record(row, "f:1")
    assert (record.task_type, record.language, record.is_classification, record.tools) == (
        "qa",
        "de",
        True,
        ({"a": 1},),
    )
    assert ignored == []


def test_messages_become_history_and_the_last_turn() -> None:
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "tool", "content": "ok"},
        {"role": "user", "content": [{"type": "text", "text": "Go "}, {"type": "text", "text": "on"}]},
        {"role": "assistant", "content": "Yes"},
    ]
    record, ignored = to_record({"messages": turns, "prompt": "Hi", "prompt_id": 7}, "f:1")
    assert (record.system, record.instruction, record.output) == ("Be brief.", "Go on", "Yes")
    assert record.history[0] == Message(role="user", content="Hi")
    assert record.history[1].tool_calls == ({"id": "1"},)
    assert ignored == ["prompt", "prompt_id"]


def test_sharegpt_turns() -> None:
    turns = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]
    record = read({"conversations": turns, "instruction": "Hi", "response": "Ho"})
    assert (record.instruction, record.output) == ("Hi", "Ho")


def test_prompt_and_completion_as_text_and_as_messages() -> None:
    assert read({"prompt": "Hi", "completion": "Ho"}).output == "Ho"
    assert read({"prompt": "Hi"}).output is None
    prompt = [{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}]
    record = read({"prompt": prompt, "completion": [{"role": "assistant", "content": "Ho"}]})
    assert (record.system, record.instruction, record.output) == ("S", "Hi", "Ho")


def test_a_record_that_a_run_wrote_comes_back_with_its_old_id_as_parent() -> None:
    old = Record(
        instruction="x",
        output="y",
        history=(Message(role="user", content="Hi"),),
        tools=({"a": 1},),
        scores={"judge": 4.0},
        provenance=Provenance(attempt=3, index=1, model="m"),
    )
    new, ignored = to_record(to_row(old, rejected=False), "f:1")
    assert new.provenance == Provenance(source="f:1", parents=(old.id,))
    assert new.replace(id=old.id, provenance=old.provenance) == old
    assert ignored == []


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"question": "x"}, r"its columns \(question\) fit no known layout"),
        ({}, "none"),
        ({"instruction": 7, "output": "x"}, "instruction: Input should be a valid string, found int 7"),
        ({"instruction": None, "output": "x"}, "instruction: .* found NoneType None"),
        ({"instruction": "x", "output": ["y"]}, "output: .* found list"),
        ({"messages": "hi"}, "messages: expected a list of messages, found str 'hi'"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "no user turn"),
        ({"messages": [{"role": "friend", "content": "x"}]}, "role: .* found str 'friend'"),
        ({"messages": [{"content": "x"}]}, "it lacks 'role'"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages.0: holds something else than text",
        ),
        ({"conversations": [{"from": "alien", "value": "x"}]}, "unknown speaker 'alien'"),
        ({"prompt": ["x"]}, "prompt: expected a list of messages"),
        ({"instruction": "x", "output": "y", "tools": "{"}, "Expecting"),
        ({"instruction": "x", "output": "y", "tools_json": None, "index_in_attempt": 1}, "it lacks|wrong type"),
        ({"instruction": "x", "output": "y", "is_classification": "perhaps"}, "is_classification"),
    ],
)
def test_rows_that_cannot_be_used_say_why(row: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read(row)


def test_columns_can_be_named() -> None:
    row = {"question": "Hi", "answer": "Ho", "output": "old", "id": 1}
    assert renamed(row, {"instruction": "question", "output": "answer"}) == {
        "id": 1,
        "instruction": "Hi",
        "output": "Ho",
    }
    assert renamed(row, {}) == row
    assert layout_of(renamed(row, {"messages": "question"})) == "messages"
    with pytest.raises(ValueError, match="no column 'query' to take instruction from"):
        renamed(row, {"instruction": "query"})
