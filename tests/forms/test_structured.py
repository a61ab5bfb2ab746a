from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.forms import ANSWER, INPUT_FIRST, INSTRUCTIONS, LABEL, OUTPUT_FIRST, TASKS, JsonForm
from synthgen.forms.structured import NO_INPUT

FORMS = (TASKS, INSTRUCTIONS, LABEL, INPUT_FIRST, OUTPUT_FIRST, ANSWER)
ONE = {"task_type": "coding", "instruction": "Reverse abc", "input": "", "output": "cba"}
TWO = {"task_type": "", "instruction": "Add", "input": "1 2", "output": "3"}

# what begins like a template's token may be cut off, as one that was not finished
anything = st.text(st.characters(codec=None, exclude_categories=())).filter(lambda text: "<|" not in text)
blankless = anything.filter(str.strip)


def items_of(form: JsonForm) -> st.SearchStrategy[list[dict[str, str]]]:
    if form.words:
        return st.sampled_from([[{"label": "yes"}], [{"label": "no"}]])
    kinds = {name: blankless if name in form.filled else anything for name in form.fields}
    if "task_type" in kinds:
        kinds["task_type"] = st.sampled_from(["", "coding", "tool_use"])
    if "input" in kinds:
        kinds["input"] = anything.filter(lambda text: not NO_INPUT.fullmatch(text.strip()))
    return st.lists(st.fixed_dictionaries(kinds), min_size=1, max_size=4 if form.container else 1)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@given(data=st.data())
def test_what_is_written_is_read_back(form: JsonForm, data: st.DataObject) -> None:
    items = data.draw(items_of(form))
    parsed = form.parse(form.write(items))
    assert list(parsed.items) == items
    assert parsed.broken == ()


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_what_is_written_fits_the_strict_schema(form: JsonForm) -> None:
    item = dict.fromkeys(form.fields, "yes")
    format_ = form.response_format["json_schema"]
    assert format_["strict"] is True  # type: ignore[index]
    schema = format_["schema"]  # type: ignore[index]
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(form.write([item])), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"something": "else"}, schema)


def test_the_schema_keeps_the_order_in_which_fields_are_written() -> None:
    def order(form: JsonForm) -> list[str]:
        return form.response_format["json_schema"]["schema"]["properties"]["instances"]["items"]["required"]  # type: ignore[index,no-any-return]

    assert order(INPUT_FIRST) == ["input", "output"]
    assert order(OUTPUT_FIRST) == ["output", "input"]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@given(text=anything, cut=st.booleans())
def test_any_text_gives_items_or_pieces(form: JsonForm, text: str, cut: bool) -> None:
    parsed = form.parse(text, cut=cut)
    assert parsed.items or parsed.broken
    assert all(type(value) is str for item in parsed.items for value in item.values())
    assert all(set(item) == set(form.fields) for item in parsed.items)
    assert all(piece.reason in ("malformed", "truncated") and piece.detail for piece in parsed.broken)


FRAGMENTS = [
    *('{}[],:\\\n"\x00\ud800 '),
    *('{"tasks": [', '{"instruction": "a", "output": "b"}', '"instruction"', '["a", "b"', '{"instructions": ["x"'),
    *("1.", "2. b", "### ", "Instruction: x", "Input:", "Output: y", "```json", "<think>", "</think>", "\\ud800"),
    *("yes", "no", "null", "NaN", "1e999", "\\u"),
]
fragments = st.sampled_from(FRAGMENTS)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@given(text=st.lists(fragments, max_size=12).map("".join), cut=st.booleans())
def test_texts_that_look_like_replies_never_raise(form: JsonForm, text: str, cut: bool) -> None:
    parsed = form.parse(text, cut=cut)
    assert parsed.items or parsed.broken


@pytest.mark.parametrize("form", [TASKS, INSTRUCTIONS, INPUT_FIRST, OUTPUT_FIRST], ids=lambda form: form.name)
@given(data=st.data())
def test_a_cut_reply_keeps_its_whole_items_and_counts_the_cut_one(form: JsonForm, data: st.DataObject) -> None:
    words = st.text('abc {}[]",:\\\n1.', min_size=1, max_size=12).map(lambda text: "x" + text)
    items = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(form.fields, words)), min_size=1, max_size=4))
    if "task_type" in form.fields:
        items = [{**item, "task_type": "coding"} for item in items]
    text = form.write(items)
    end = data.draw(st.integers(0, len(text)))
    parsed = form.parse(text[:end], cut=True)
    kept = len(parsed.items)
    assert list(parsed.items) == items[:kept]
    assert all(piece.reason == "truncated" for piece in parsed.broken)
    openings = [
        text.index("[") + 1,
        *(len(form.write(items[:i])) - len("]}") + len(", ") for i in range(1, len(items))),
    ]
    begun = sum(end > opening for opening in openings)
    assert kept + len(parsed.broken) == max(1, begun)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"tasks": [ONE, TWO]}),
        json.dumps({"tasks": [ONE, TWO]}, indent=2),
        json.dumps([ONE, TWO]),
        "```json\n" + json.dumps({"tasks": [ONE, TWO]}) + "\n```",
        "Sure! Here they are [as asked]:\n\n" + json.dumps({"tasks": [ONE, TWO]}) + "\n\nI hope {that} helps.",
        json.dumps(ONE) + "\n" + json.dumps(TWO),
        json.dumps({"results": [ONE, TWO]}),
        json.dumps({"reply": {"content": {"tasks": [ONE, TWO]}}}),
        json.dumps({"1": ONE, "2": TWO}),
        json.dumps({"Tasks": [{k.title(): v for k, v in ONE.items()}, TWO]}),
        "<think>\nFirst {idea}\n</think>\n" + json.dumps({"tasks": [ONE, TWO]}),
        '{"tasks": [' + json.dumps(ONE) + ", " + json.dumps(TWO) + ",]}",
        "Task type: coding\nInstruction: Reverse abc\nInput: <noinput>\nOutput: cba\n\nInstruction: Add\nInput: 1 2\n"
        "Output: 3",
        "### 1. **Task type:** coding\n**Instruction:** Reverse abc\n**Output:** cba\n###\n2.\n**Instruction:** Add\n"
        "**Input:** 1 2\n**Output:** 3\n###",
    ],
)
def test_two_tasks_are_read_however_they_are_wrapped(text: str) -> None:
    parsed = TASKS.parse(text)
    assert list(parsed.items) == [ONE, TWO]
    assert parsed.broken == ()


@pytest.mark.parametrize(
    "text",
    [
        '{"instructions": ["Sum it.", "Sort\\nit."]}',
        '["Sum it.", "Sort\\nit."]',
        '{"instructions": [{"instruction": "Sum it."}, {"instruction": "Sort\\nit."}]}',
        "Here you go:\n1. Sum it.\n2. Sort\nit.\n",
        "1) Sum it.\n2) Sort\nit.",
        "- Sum it.\n- Sort\nit.",
        '{"instructions": ["Sum it.", "Sort\\nit.",]}',
    ],
)
def test_two_instructions_are_read_however_they_are_listed(text: str) -> None:
    parsed = INSTRUCTIONS.parse(text)
    assert [item["instruction"] for item in parsed.items] == ["Sum it.", "Sort\nit."]
    assert parsed.broken == ()


def test_a_list_within_an_instruction_does_not_part_it() -> None:
    parsed = INSTRUCTIONS.parse("1. Order these:\n1. b\n7. a\n2. Next")
    assert [item["instruction"] for item in parsed.items] == ["Order these:\n1. b\n7. a", "Next"]


@pytest.mark.parametrize(
    ("middle", "detail"),
    [
        ('{"instruction": "no output"}', "output is missing"),
        ('{"instruction": " ", "output": "x"}', "instruction is blank"),
        ('{"instruction": null, "output": "x"}', "instruction is missing"),
        ("null", "not an object with instruction and output"),
        ('"just words"', "not an object with instruction and output"),
        ('{"instruction": "a "quoted" word", "output": "x"}', "not readable as JSON"),
        ("{'instruction': 'a', 'output': 'x'}", "not readable as JSON"),
        ('{"instruction": "a", output: x}', "not readable as JSON"),
    ],
)
def test_a_malformed_task_among_whole_ones_is_the_only_loss(middle: str, detail: str) -> None:
    parsed = TASKS.parse(f'{{"tasks": [{json.dumps(ONE)}, {middle}, {json.dumps(TWO)}]}}')
    assert list(parsed.items) == [ONE, TWO]
    assert [(piece.reason, piece.detail) for piece in parsed.broken] == [("malformed", detail)]


def test_a_malformed_task_at_the_head_or_the_end_is_counted_too() -> None:
    bad = '{"instruction": "x" "output": 1}'
    for text in (f'{{"tasks": [{bad}, {json.dumps(ONE)}]}}', f'{{"tasks": [{json.dumps(ONE)}, {bad}]}}'):
        parsed = TASKS.parse(text)
        assert list(parsed.items) == [ONE]
        assert len(parsed.broken) == 1
        assert parsed.broken[0].text.startswith('{"instruction": "x"')


def test_a_broken_string_among_whole_ones_is_the_only_loss() -> None:
    parsed = INSTRUCTIONS.parse('{"instructions": [\n"one",\n"say "two" loudly",\n"three"\n]}')
    assert [item["instruction"] for item in parsed.items] == ["one", "three"]
    assert len(parsed.broken) == 1
    assert "two" in parsed.broken[0].text


def test_numbers_and_structures_are_kept_as_they_were_written() -> None:
    huge = "9" * 5000
    text = f'{{"tasks": [{{"instruction": "a", "output": {huge}}}, {{"instruction": "b", "output": NaN}},' + (
        '{"instruction": "c", "output": 3.10}, {"instruction": "d", "output": {"x": [1.50, true, null, "é"]}},'
        '{"instruction": "e", "output": -1e999}, {"instruction": "f", "output": false}]}'
    )
    outputs = [item["output"] for item in TASKS.parse(text).items]
    assert outputs == [huge, "NaN", "3.10", '{"x": [1.50, true, null, "é"]}', "-1e999", "false"]


@pytest.mark.parametrize("depth", [500, 990, 5000, 100_000])
def test_deep_nesting_is_a_piece_not_an_error(depth: int) -> None:
    deep = '{"instruction": "a", "output": ' + "[" * depth + "]" * depth + "}"
    parsed = TASKS.parse(f'{{"tasks": [{json.dumps(ONE)}, {deep}]}}')
    assert len(parsed.items) + len(parsed.broken) == 2
    assert parsed.items[0] == ONE
    for opening in ("[" * depth, "{" * depth, '{"a":' * depth, '["' * depth):
        assert TASKS.parse(opening).broken or INSTRUCTIONS.parse(opening).broken


def test_brackets_without_end_take_bounded_work() -> None:
    for text in ("[" * 200_000, "{" * 200_000, '["a",' * 50_000, "*" * 200_000, "1. " * 50_000, "\n#" * 50_000):
        for form in FORMS:
            assert form.parse(text) is not None


@pytest.mark.parametrize("said", ["<noinput>", "No input", "N/A", "none", "(no input required)", "noinput.", ""])
def test_the_spellings_of_no_input_become_an_empty_one(said: str) -> None:
    text = json.dumps({"tasks": [{"instruction": "a", "input": said, "output": "b"}]})
    assert TASKS.parse(text).items[0]["input"] == ""


def test_an_input_that_only_begins_like_no_input_stays() -> None:
    text = json.dumps({"tasks": [{"instruction": "a", "input": "None of them came.", "output": "b"}]})
    assert TASKS.parse(text).items[0]["input"] == "None of them came."


@pytest.mark.parametrize(
    ("said", "kept"), [("Tool use", "tool_use"), ("CODING", "coding"), ("1 + 1?", ""), ("x" * 99, "")]
)
def test_a_task_type_is_a_short_snake_case_name_or_nothing(said: str, kept: str) -> None:
    text = json.dumps({"tasks": [{"task_type": said, "instruction": "a", "output": "b"}]})
    assert TASKS.parse(text).items[0]["task_type"] == kept


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ('{"label": "yes"}', "yes"),
        ('{"label": "No."}', "no"),
        ('{"Label": true}', "yes"),
        ("Yes", "yes"),
        ("**No**, because yes would mean labels.", "no"),
        ("This one is not about labels, so no.", "no"),
        ('```json\n{"label": "yes"}\n```', "yes"),
    ],
)
def test_a_label_is_read_from_json_or_words(text: str, label: str) -> None:
    assert LABEL.parse(text).items == ({"label": label},)


@pytest.mark.parametrize("text", ["", "maybe", "It could be yes or no", '{"label": "perhaps"}', '{"label": null}'])
def test_an_unclear_label_is_a_piece(text: str) -> None:
    parsed = LABEL.parse(text)
    assert parsed.items == ()
    assert [piece.reason for piece in parsed.broken] == ["malformed"]


def test_labelled_blocks_are_instances_too() -> None:
    parsed = OUTPUT_FIRST.parse("Label: spam\nInput: Buy now\nLabel: ham\nInput: See you\nat six")
    assert list(parsed.items) == [{"output": "spam", "input": "Buy now"}, {"output": "ham", "input": "See you\nat six"}]


def test_an_answer_without_json_is_the_whole_text() -> None:
    assert ANSWER.parse("def f(): return {1: 2}\n").items == ({"reasoning": "", "answer": "def f(): return {1: 2}"},)
    cut = ANSWER.parse("It begins and", cut=True)
    assert (cut.items, cut.broken[0].reason) == ((), "truncated")


def test_the_last_entry_of_a_cut_list_is_truncated() -> None:
    for form, text in ((INSTRUCTIONS, "1. Sum\n2. Sor"), (TASKS, "Instruction: a\nOutput: b\nInstruction: c")):
        parsed = form.parse(text, cut=True)
        assert len(parsed.items) == 1
        assert [piece.reason for piece in parsed.broken] == ["truncated"]


def test_a_piece_is_bounded() -> None:
    assert len(TASKS.parse("x" * 10_000).broken[0].text) == 2000
