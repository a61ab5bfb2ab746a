from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from synthgen.records import (
    Drop,
    Message,
    Provenance,
    Record,
    content_id,
    from_alpaca,
    from_messages,
    to_alpaca,
    to_messages,
    to_prompt_completion,
)


def test_id_is_of_the_content_and_the_place_of_birth() -> None:
    a = Record(instruction="x", output="y")
    assert a.id == Record(instruction="x", output="y").id == content_id(a)
    assert len(a.id) == 16
    other = [
        Record(instruction="x", output="z"),
        Record(instruction="x", input="y"),
        Record(instruction="x", output="y", system="s"),
        Record(instruction="x", output="y", history=(Message(role="user", content="h"),)),
        Record(instruction="x", output="y", provenance=Provenance(attempt=1, index=0)),
        Record(instruction="x", output="y", provenance=Provenance(attempt=0, index=1)),
    ]
    assert len({r.id for r in [a, *other]}) == len(other) + 1


def test_none_is_not_empty() -> None:
    assert Record(instruction="x", output="").id != Record(instruction="x").id


def test_a_record_keeps_its_id_as_it_changes_and_a_child_has_none_yet() -> None:
    record = Record(instruction="x")
    assert record.replace(output="y").id == record.id
    child = record.child(input="i")
    assert child.id == ""
    assert child.provenance.parents == (record.id,)
    with pytest.raises(TypeError, match="no field"):
        record.replace(ouput="y")


def test_records_are_frozen_and_know_their_fields() -> None:
    record = Record(instruction="x")
    with pytest.raises(ValidationError):
        record.instruction = "y"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Record(instruction="x", prompt="y")  # type: ignore[call-arg]


def test_a_drop_has_a_snake_case_reason() -> None:
    assert Record(instruction="x").dropped("too_short", score=2, limit=3).drop == Drop("too_short", score=2, limit=3)
    for reason in ("Too short", "too-short", "", "1st"):
        with pytest.raises(ValidationError):
            Drop(reason)


@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_any_text_can_be_written_as_utf8(text: str) -> None:
    record = Record(instruction=text).replace(output=text)
    record.instruction.encode()
    assert record.output is not None
    record.output.encode()
    if not any(0xD800 <= ord(c) < 0xE000 for c in text):
        assert record.instruction == record.output == text


def test_lone_surrogates_become_replacement_characters_and_pairs_their_character() -> None:
    assert Record(instruction="a\ud800b\udc00").instruction == "a\ufffdb\ufffd"
    assert Record(instruction="\ud83d\ude00").instruction == "😀"


def test_text_is_all_that_a_reader_sees() -> None:
    record = Record(instruction="i", input="n", output="o", system="s", history=(Message(role="user", content="h"),))
    assert record.text == "s\nh\ni\nn\no"


def test_shapes_for_trainers() -> None:
    record = Record(instruction="i", input="n", output="o", system="s")
    assert to_alpaca(record) == {"instruction": "i", "input": "n", "output": "o"}
    assert to_messages(record) == [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "i\n\nn"},
        {"role": "assistant", "content": "o"},
    ]
    split = to_prompt_completion(record)
    assert split["prompt"] + split["completion"] == to_messages(record)
    assert split["completion"] == [{"role": "assistant", "content": "o"}]


def test_alpaca_and_messages_come_back() -> None:
    record = Record(instruction="i", input="n", output="o")
    assert from_alpaca(to_alpaca(record)).model_dump(exclude={"id"}) == record.model_dump(exclude={"id"})
    dialogue = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "q1"},
        {"role": "assistant", "content": "a1"},
        {"role": "user", "content": "q2"},
        {"role": "assistant", "content": "a2"},
    ]
    record = from_messages(dialogue)
    assert (record.system, record.instruction, record.output) == ("s", "q2", "a2")
    assert to_messages(record) == dialogue
    assert from_messages(dialogue[:-1]).output is None


def test_calls_of_tools_before_the_answer_come_back_in_their_order() -> None:
    asked = {"role": "user", "content": "Weather in Oslo?"}
    call = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "w", "arguments": "{}"}}]}
    result = {"role": "tool", "content": "snow"}
    answer = {"role": "assistant", "content": "It snows."}
    for dialogue in (
        [asked, call, result, answer],
        [asked, call, result, call, result, answer],
        [asked, call],
        [asked, call, result, answer, asked, call, result, answer],
        [asked, call, result, answer, asked, answer],
    ):
        record = from_messages(dialogue)
        assert to_messages(record) == dialogue
        assert record.instruction == "Weather in Oslo?"
        assert record.output == ("It snows." if dialogue[-1] is answer else None)
        split = to_prompt_completion(record)
        assert split["prompt"] + split["completion"] == dialogue
        assert split["completion"] == dialogue[-1:]


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "assistant", "content": "a"}],
        [
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": "a"},
            {"role": "assistant", "content": "b"},
        ],
        [{"role": "user", "content": "q"}, {"role": "tool", "content": "a"}],
    ],
)
def test_messages_that_are_no_record(messages: list[dict[str, str]]) -> None:
    with pytest.raises(ValueError, match="user turn"):
        from_messages(messages)
