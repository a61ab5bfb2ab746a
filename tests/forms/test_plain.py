from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.forms import (
    BLOCKS,
    INSTRUCTIONS,
    NUMBERED,
    PLAIN_INPUT_FIRST,
    PLAIN_OUTPUT_FIRST,
    TASKS,
    YES_NO,
    Form,
)

PLAIN = (NUMBERED, BLOCKS, YES_NO, PLAIN_INPUT_FIRST, PLAIN_OUTPUT_FIRST)
TWO = [
    {"instruction": "Reverse abc", "input": "", "output": "cba"},
    {"instruction": "Add", "input": "1 2", "output": "3"},
]

anything = st.text(st.characters(codec=None, exclude_categories=()))
FRAGMENTS = [
    *"\n .:#\ud800\x00",
    *("###", "4. Instruction:", "4. Input:", "4. Output:", "5. Instruction:", "\n5. ", "Example 1", "9. "),
    *("Input:", "Output:", "Label:", "Label: x\ny", "Output 2 :", "yes"),
]
fragments = st.sampled_from(FRAGMENTS)


@pytest.mark.parametrize("form", PLAIN, ids=lambda form: form.name)
@given(text=anything | st.lists(fragments, max_size=12).map("".join), cut=st.booleans())
def test_any_text_gives_items_or_pieces(form: Form, text: str, cut: bool) -> None:
    parsed = form.parse(text, cut=cut, first=4)
    assert parsed.items or parsed.broken
    assert {piece.reason for piece in parsed.broken} <= {"malformed", *(["truncated"] if cut else [])}


@pytest.mark.parametrize("form", [BLOCKS, PLAIN_INPUT_FIRST, PLAIN_OUTPUT_FIRST], ids=lambda form: form.name)
def test_what_is_written_is_read_back(form: Form) -> None:
    fields = ("instruction", "input", "output") if form is BLOCKS else ("input", "output")
    items = [{name: item[name] for name in fields} for item in TWO]
    assert list(form.parse(form.write(items, first=4), first=4).items) == items


def test_blocks_are_read_whether_or_not_the_model_repeats_the_first_label() -> None:
    text = BLOCKS.write(TWO, first=4)
    assert BLOCKS.parse("4. Instruction:" + text, first=4).items == BLOCKS.parse(text, first=4).items


def test_a_numbered_list_is_read_whether_or_not_the_model_repeats_the_first_number() -> None:
    for text in (" Sum it.\n10. Sort it.", "9. Sum it.\n10. Sort it."):
        assert [item["instruction"] for item in NUMBERED.parse(text, first=9).items] == ["Sum it.", "Sort it."]


def test_faithful_reading_loses_case_and_repaired_reading_keeps_it() -> None:
    said = "Compare McDonald's in the USA with NASA."
    assert NUMBERED.parse(said).items[0]["instruction"] == "Compare mcdonald's in the usa with nasa."
    assert INSTRUCTIONS.parse(INSTRUCTIONS.write([{"instruction": said}])).items[0]["instruction"] == said


def test_faithful_reading_drops_a_cut_list_whole_and_repaired_reading_keeps_what_is_complete() -> None:
    faithful = NUMBERED.parse(" Sum it.\n10. Sort it.\n11. Draw th", cut=True, first=9)
    assert (faithful.items, [piece.reason for piece in faithful.broken]) == ((), ["truncated"])
    repaired = INSTRUCTIONS.parse('{"instructions": ["Sum it.", "Sort it.", "Draw th', cut=True)
    assert len(repaired.items) == 2
    assert [piece.reason for piece in repaired.broken] == ["truncated"]


def test_faithful_reading_loses_an_answer_with_the_separator_and_repaired_reading_keeps_it() -> None:
    task = {"task_type": "", "instruction": "Write a heading", "input": "", "output": "### Tides\nThey rise."}
    faithful = BLOCKS.parse(BLOCKS.write([task], first=4), first=4)
    assert [item["output"] for item in faithful.items] == [""]  # the answer ends where its own "###" stands
    assert [piece.detail for piece in faithful.broken] == ["the block falls into 1 pieces, not 7"]
    assert TASKS.parse(TASKS.write([task])).items == (task,)


def test_faithful_reading_loses_a_block_with_a_wrong_number() -> None:
    text = BLOCKS.write(TWO, first=4).replace("5. Input", "6. Input")
    parsed = BLOCKS.parse(text, first=4)
    assert list(parsed.items) == TWO[:1]
    assert [(piece.reason, piece.detail) for piece in parsed.broken] == [
        ("malformed", "the block falls into 5 pieces, not 7")
    ]


def test_faithful_reading_drops_the_last_block_of_a_cut_reply() -> None:
    parsed = BLOCKS.parse(BLOCKS.write(TWO, first=4), cut=True, first=4)
    assert list(parsed.items) == TWO[:1]
    assert [piece.reason for piece in parsed.broken] == ["truncated"]


def test_faithful_blocks_know_one_spelling_of_no_input() -> None:
    text = BLOCKS.write(TWO, first=4)
    assert BLOCKS.parse(text.replace("<noinput>", "<NoInput>"), first=4).items[0]["input"] == ""
    assert BLOCKS.parse(text.replace("<noinput>", "N/A"), first=4).items[0]["input"] == "N/A"


@pytest.mark.parametrize(
    ("text", "label"), [("Yes", "yes"), (" YES\n", "yes"), ("yes", "yes"), ("Yes.", "no"), ("", "no"), ("No", "no")]
)
def test_a_faithful_label_is_yes_or_else_no(text: str, label: str) -> None:
    assert YES_NO.parse(text).items == ({"label": label},)


@pytest.mark.parametrize(
    ("text", "instances"),
    [
        ("Example 1\nInput: a\nOutput: b\nExample 2\nOutput: c", [("a", "b"), ("", "c")]),
        ("Output: b", [("", "b")]),
        ("Example 1\njust text", [("", "just text")]),
        ("just text", []),
    ],
)
def test_faithful_input_first_instances(text: str, instances: list[tuple[str, str]]) -> None:
    parsed = PLAIN_INPUT_FIRST.parse(text)
    assert [(item["input"], item["output"]) for item in parsed.items] == instances
    assert bool(parsed.broken) == (not instances)


def test_faithful_output_first_instances_and_their_losses() -> None:
    parsed = PLAIN_OUTPUT_FIRST.parse("chatter\nLabel: spam\nBuy now\nLabel: ham\nSee you", cut=True)
    assert list(parsed.items) == [{"input": "Buy now", "output": "spam"}]
    assert [piece.reason for piece in parsed.broken] == ["truncated"]
    assert PLAIN_OUTPUT_FIRST.parse("spam\nBuy now").items == ()
