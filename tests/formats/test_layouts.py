from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.formats.cells import LostText
from synthgen.formats.layouts import read_row
from synthgen.formats.names import looks_like
from synthgen.formats.row import RowError
from synthgen.records import Answer, Message, Provenance, Record, answered_by_call, to_messages
from synthgen.store.table import to_row

CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
USER, ANSWER = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}


def read(row: dict[str, Any], **columns: str) -> Record:
    (record,) = read_row(row, "f:1", columns=tuple(columns.items())).records
    return record


def aside(row: dict[str, Any], **columns: str) -> tuple[str, ...]:
    return read_row(row, "f:1", columns=tuple(columns.items())).aside


SAME: list[dict[str, Any]] = [
    {"instruction": "Hi", "input": "", "output": "Ho"},
    {"instruction": "Hi", "input": "<noinput>", "output": "Ho"},
    {"Instruction": "Hi", "Response": "Ho", "context": None},
    {"instruction": "Hi", "context": "", "response": "Ho", "category": "qa"},
    {"prompt": "Hi", "response": "Ho"},
    {"prompt": "Hi", "completion": "Ho"},
    {"question": "Hi", "answer": "Ho", "id": 7},
    {"query": "Hi", "response": "Ho"},
    {"problem": "Hi", "solution": "It is Ho", "answer": "Ho"} | {"solution": "Ho"},
    {"input": "Hi", "output": "Ho"},
    {"inputs": "Hi", "targets": "Ho"},
    {"human": "Hi", "assistant": "Ho"},
    {"system_prompt": "", "question": "Hi", "response": "Ho"},
    {"instruction": "Hi", "output": ["Ho"]},
    {"instruction": "Hi", "instances": [{"input": "", "output": "Ho"}], "name": "greet", "is_classification": False},
    {"instruction": "Hi", "output": "Ho", "history": []},
    {"instruction": "Hi", "output": "Ho", "messages": None},
    {"instruction": None, "input": float("nan"), "output": "", "messages": [USER, ANSWER]},
    {"messages": [USER, ANSWER]},
    {"messages": json.dumps([USER, ANSWER])},
    {"messages": [USER, ANSWER], "prompt": "Hi", "prompt_id": "x"},
    {"messages": [{"role": "human", "text": "Hi"}, {"role": "bot", "text": "Ho"}]},
    {"messages": [{"role": "USER", "content": [{"type": "text", "text": "Hi"}]}, ANSWER]},
    {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]},
    {"conversations": [{"from": "human", "text": "Hi"}, {"from": "gpt", "text": "Ho"}]},
    {"conversations": [USER, ANSWER]},
    {"conversation": [{"human": "Hi", "assistant": "Ho"}]},
    {"dialogue": [{"speaker": "user", "text": "Hi"}, {"speaker": "chatbot", "text": "Ho"}]},
    {"prompt": [USER], "completion": [ANSWER]},
    {"prompt": [USER], "completion": "Ho"},
    {"messages": [USER], "output": "Ho"},
    {"prompt": "Hi", "chosen": "Ho", "rejected": "No"},
    {"prompt": [USER], "chosen": [ANSWER], "rejected": [{"role": "assistant", "content": "No"}]},
    {"prompt": "Hi", "chosen": [USER, ANSWER], "rejected": [USER, {"role": "assistant", "content": "No"}]},
    {"chosen": [USER, ANSWER], "rejected": [USER, {"role": "assistant", "content": "No"}]},
    {"chosen": "\n\nHuman: Hi\n\nAssistant: Ho", "rejected": "\n\nHuman: Hi\n\nAssistant: No"},
    {"messages": [USER], "chosen": ANSWER, "rejected": {"role": "assistant", "content": "No"}, "tools": ""},
    {
        "input": {"messages": [USER]},
        "preferred_output": [ANSWER],
        "non_preferred_output": [{**ANSWER, "content": "No"}],
    },
    {"prompt": "Hi", "completion": "Ho", "label": True},
    {"instruction": "Hi", "output": "Ho", "kto_tag": True},
    {"instruction": "Hi", "output": "Ho", "text": "### Instruction:\nHi\n\n### Response:\nHo"},
]
"""Rows that all say the same."""


@pytest.mark.parametrize("row", SAME)
def test_each_layout_gives_the_same_task(row: dict[str, Any]) -> None:
    record = read(row)
    assert (record.instruction, record.input, record.output, record.history) == ("Hi", "", "Ho", ())
    assert record.provenance.source == "f:1"
    if "rejected" in row or "non_preferred_output" in row:
        assert [(a.text, a.score) for a in record.answers] == [("Ho", 1.0), ("No", 0.0)]


def test_an_input_is_told_by_its_names() -> None:
    for row in (
        {"instruction": "Add.", "input": "1 1", "output": "2"},
        {"instruction": "Add.", "context": "1 1", "response": "2", "category": "x"},
        {"question": "Add.", "context": "1 1", "answer": 2},
    ):
        record = read(row)
        assert (record.instruction, record.input, record.output) == ("Add.", "1 1", "2")
    assert aside({"instruction": "Add.", "output": "2", "url": "…", "score": 3, "id": 1}) == ("url", "score", "id")


def test_missing_and_empty_parts_stay_apart() -> None:
    assert read({"instruction": "Add."}).output is None
    assert read({"instruction": "Add.", "output": None, "input": None}).output is None
    assert read({"instruction": "Add.", "output": float("nan")}).output is None
    assert read({"instruction": "Add.", "output": ""}).output == ""
    assert read({"instruction": "Add.", "response": ""}).output == ""
    assert read({"instruction": "Add.", "output": "2", "system": None}).system == ""


@pytest.mark.parametrize("given", ["<noinput>", "No input.", "N/A", "None", "not applicable", "no input needed"])
def test_an_input_that_says_there_is_none_is_empty(given: str) -> None:
    assert read({"instruction": "Add.", "input": given, "output": "x"}).input == ""


@pytest.mark.parametrize(
    ("cell", "text"),
    [(7, "7"), (2.5, "2.5"), (True, "true"), (["a", 1], '["a", 1]'), ({"a": "é"}, '{"a": "é"}'), (["a"], "a")],
)
def test_what_is_no_text_is_read_as_its_json(cell: object, text: str) -> None:
    record = read({"instruction": cell, "input": cell, "output": cell})
    assert (record.instruction, record.input, record.output) == (text, text, text)


def test_fields_that_say_something_of_a_task() -> None:
    row = {"instruction": "x", "output": "y", "task_type": "qa", "language": "de", "is_classification": "true"}
    record = read(row)
    assert (record.task_type, record.language, record.is_classification) == ("qa", "de", True)
    wrong = {"task_type": {"a": ["qa"]}, "language": ["qa", "x"], "is_classification": "perhaps", "scores": "5"}
    record = read({"instruction": "x", "output": "y", **wrong})
    assert (record.task_type, record.language, record.is_classification, record.scores) == (None, None, None, {})
    assert sorted(aside({"instruction": "x", "output": "y", **wrong})) == sorted(wrong)
    assert read({"instruction": "x", "output": "y", "scores": {"a": 1, "b": None, "c": "x"}}).scores == {"a": 1.0}


@pytest.mark.parametrize("none", ["", " ", "null", "[]", [], None, "{}", float("nan")])
def test_no_tools(none: object) -> None:
    for row in ({"instruction": "x", "output": "y"}, {"messages": [USER, ANSWER]}, {"conversations": [USER, ANSWER]}):
        assert read({**row, "tools": none}).tools == ()


def test_tools_in_every_form() -> None:
    bare = {"name": "weather", "parameters": {"type": "object"}}
    packed = {"type": "function", "function": {**bare, "parameters": json.dumps(bare["parameters"])}}
    flat = {"type": "function", **bare}
    for tools in ([TOOL], json.dumps([TOOL]), [bare], json.dumps(bare), [packed], [flat]):
        assert read({"messages": [USER, ANSWER], "tools": tools}).tools == (TOOL,)
    assert read({"messages": [USER, ANSWER], "functions": [bare]}).tools == (TOOL,)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_does_not_know_is_refused_in_tools_and_calls(number: float) -> None:
    tool = {"name": "weather", "parameters": {"properties": {"days": {"default": number}}}}
    for tools in ([tool], json.dumps([tool])):
        with pytest.raises(RowError, match="no number of JSON"):
            read({"messages": [USER, ANSWER], "tools": tools})
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "weather", "arguments": {"days": [number]}}}]}
    with pytest.raises(RowError, match="no number of JSON"):
        read({"messages": [USER, call, {"role": "tool", "content": "sun"}, ANSWER]})


def test_the_system_prompt_beside_a_dialogue() -> None:
    for column in ("messages", "conversations"):
        assert read({column: [USER, ANSWER], "system": "Be brief."}).system == "Be brief."
        turn = {"role": "developer", "content": "Be brief."}
        assert read({column: [turn, USER, ANSWER], "system": "Be brief."}).system == "Be brief."
        with pytest.raises(LostText, match="'system' would be dropped"):
            read({column: [turn, USER, ANSWER], "system": "Be long."})


TOOLS_DIALOGUES: list[list[dict[str, Any]]] = [
    [USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}, {"role": "tool", "content": "sun"}, ANSWER],
    [USER, {"role": "assistant", "function_call": CALL["function"]}, {"role": "function", "content": "sun"}, ANSWER],
    [
        {"from": "human", "value": "Hi"},
        {"from": "function_call", "value": '{"name": "weather", "arguments": {"city": "Rome"}}'},
        {"from": "observation", "value": "sun"},
        {"from": "gpt", "value": "Ho"},
    ],
]


@pytest.mark.parametrize("turns", TOOLS_DIALOGUES)
def test_an_answer_after_a_call_of_a_tool(turns: list[dict[str, Any]]) -> None:
    record = read({"messages": turns, "tools": [TOOL]})
    assert (record.instruction, record.output, record.tools) == ("Hi", "Ho", (TOOL,))
    assert [m.role for m in record.history] == ["user", "assistant", "tool"]
    assert record.history[1].tool_calls[0]["function"] == CALL["function"]
    assert [m["role"] for m in to_messages(record)] == ["user", "assistant", "tool", "assistant"]
    again = read({"messages": [*turns, USER, ANSWER]})
    assert [m["role"] for m in to_messages(again)] == ["user", "assistant", "tool", "assistant", "user", "assistant"]
    open_end = read({"messages": turns[:-1]})
    assert [m["role"] for m in to_messages(open_end)] == ["user", "assistant", "tool"]
    call_alone = read({"messages": turns[:2], "tools": [TOOL]})
    assert call_alone.output is None
    assert answered_by_call(call_alone)
    assert to_messages(call_alone)[-1]["tool_calls"] == [dict(call_alone.history[-1].tool_calls[0])]
    assert not answered_by_call(open_end)


def test_messages_become_history_and_the_last_turn() -> None:
    turns = [
        {"role": "system", "content": "Be brief."},
        USER,
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "tool", "content": "ok"},
        {"role": "user", "content": [{"type": "text", "text": "Go "}, "on"]},
        {"role": "assistant", "content": "Yes"},
    ]
    record = read({"messages": turns})
    assert (record.system, record.instruction, record.output) == ("Be brief.", "Go on", "Yes")
    assert record.history[0] == Message(role="user", content="Hi")
    assert record.history[1].tool_calls == ({"id": "1"},)


@pytest.mark.parametrize(
    "history",
    [[["Hi", "Ho"]], [USER, ANSWER], json.dumps([["Hi", "Ho"]]), [{"human": "Hi", "assistant": "Ho"}]],
)
def test_earlier_turns(history: object) -> None:
    record = read({"instruction": "Go on", "output": "Yes", "history": history})
    assert [(m.role, m.content) for m in record.history] == [("user", "Hi"), ("assistant", "Ho")]


def test_what_a_model_thought_is_kept_apart() -> None:
    for row in (
        {"messages": [USER, {**ANSWER, "reasoning_content": "hm"}]},
        {"messages": [USER, {**ANSWER, "reasoning": "hm"}]},
        {"messages": [USER, {**ANSWER, "content": "<think>hm</think>\n\nHo"}]},
        {
            "messages": [
                USER,
                {**ANSWER, "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Ho"}]},
            ]
        },
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "<think>\nhm\n</think>\nHo"}]},
        {"instruction": "Hi", "output": "<think>hm</think>Ho"},
        {"instruction": "Hi", "output": "Ho", "reasoning": "hm"},
        {"question": "Hi", "answer": "Ho", "reasoning_content": "hm"},
        {"prompt": "Hi", "completion": [{**ANSWER, "reasoning_content": "hm"}]},
    ):
        assert (read(row).reasoning, read(row).output) == ("hm", "Ho"), row
    earlier = [USER, {**ANSWER, "reasoning": "hm"}, USER, ANSWER]
    assert read({"messages": earlier}).reasoning is None
    assert aside({"messages": earlier}) == ("messages.reasoning of earlier turns",)


def test_what_a_turn_has_beside_is_told() -> None:
    turns = [{**USER, "weight": 0}, {**ANSWER, "weight": 0, "id": 3}, USER, {**ANSWER, "weight": 1}]
    assert aside({"messages": turns}) == ("messages.id", "messages.weights of earlier turns")
    for mask in ({"weight": 0}, {"train": False}, {"loss": "false"}):
        with pytest.raises(RowError, match="not to be learnt") as error:
            read({"messages": [USER, {**ANSWER, **mask}]})
        assert error.value.reason == "not_to_be_learnt"


def test_a_bad_answer_is_no_output() -> None:
    record = read({"prompt": "Hi", "completion": "Ho", "label": False})
    assert (record.output, record.answers) == (None, (Answer(text="Ho", score=0.0),))
    assert aside({"prompt": "Hi", "completion": "Ho", "label": 3}) == ("label",)
    record = read({"prompt": "Hi", "chosen": "Ho", "rejected": "No", "score_chosen": 9, "score_rejected": 2.5})
    assert [a.score for a in record.answers] == [9.0, 2.5]


def test_one_record_for_each_instance() -> None:
    row = {"id": "t", "instruction": "Sort.", "instances": [{"input": "b a", "output": "a b"}, {"output": "x"}]}
    records = read_row(row, "f:1", keep_ids=True).records
    assert [(r.id, r.instruction, r.input, r.output) for r in records] == [
        ("t", "Sort.", "b a", "a b"),
        ("t_2", "Sort.", "", "x"),
    ]


def test_a_record_that_a_run_wrote_comes_back() -> None:
    old = Record(
        instruction="x",
        input="none",
        output="<think>a</think>y",
        history=(Message(role="user", content="Hi", name="n"), Message(role="tool", content="", tool_call_id="1")),
        tools=({"a": 1},),
        scores={"judge": 4.0, "high": float("inf")},
        answers=(Answer(text="z", score=0.5, model="m"), Answer(text="")),
        provenance=Provenance(attempt=3, index=1, model="m"),
    )
    found = read_row(to_row(old, rejected=False), "f:1")
    assert found.aside == ()
    assert found.records[0].provenance == Provenance(source="f:1", parents=(old.id,))
    assert found.records[0].replace(id=old.id, provenance=old.provenance) == old
    (kept,) = read_row(to_row(old, rejected=False), keep_ids=True).records
    assert kept.replace(provenance=old.provenance) == old
    dumped = old.model_dump(exclude_defaults=True, exclude={"provenance"})
    (kept,) = read_row(dumped, keep_ids=True).records
    assert kept.replace(provenance=old.provenance) == old


LOST: list[tuple[dict[str, Any], str, dict[str, str]]] = [
    (
        {"instruction": "Hi", "output": "Ho", "response": "Other"},
        "'response'",
        {"instruction": "instruction", "output": "response"},
    ),
    (
        {"instruction": "Hi", "output": "Ho", "response": "Other"},
        "'response'",
        {"instruction": "instruction", "output": "output"},
    ),
    (
        {"prompt": "Hi", "generation": "Ho"},
        "'generation'",
        {"instruction": "prompt", "output": "generation"},
    ),
    (
        {"question": "Hi", "best_answer": "Ho"},
        "'best_answer'",
        {"instruction": "question", "output": "best_answer"},
    ),
    (
        {"question": "Hi", "ground_truth": "Ho"},
        "'ground_truth'",
        {"instruction": "question", "output": "ground_truth"},
    ),
    (
        {"instruction": "Answer.", "question": "Hi", "output": "Ho"},
        "'question'",
        {"instruction": "instruction", "input": "question", "output": "output"},
    ),
    (
        {"question": "Hi", "passage": "Long.", "answer": "Ho"},
        "'passage'",
        {"instruction": "question", "input": "passage", "output": "answer"},
    ),
    (
        {"question": "Hi", "choices": ["a", "b"], "answer": 1},
        "'choices'",
        {"instruction": "question", "input": "choices", "output": "answer"},
    ),
    (
        {"question": "Hi", "answer": "Ho", "rationale": "hm"},
        "'rationale'",
        {"instruction": "question", "output": "answer", "reasoning": "rationale"},
    ),
    (
        {"messages": [USER, ANSWER], "response": "Other"},
        "'response'",
        {"messages": "messages"},
    ),
    (
        {"instruction": "Hi", "text": "Unlike."},
        "'text'",
        {"instruction": "instruction", "output": "text"},
    ),
    (
        {"question": "Hi", "context": "c", "answers": {"text": ["Ho"], "answer_start": [1]}},
        "'answers'",
        {"instruction": "question", "input": "context"},
    ),
    (
        {"messages": [USER, ANSWER], "images": ["a.png"]},
        "'images'",
        {"messages": "messages"},
    ),
    (
        {"prompt": "Hi", "chosen": "Ho"},
        "'chosen'",
        {"instruction": "prompt", "output": "chosen"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("row", "named", "columns"), LOST)
def test_text_that_would_be_dropped_is_an_error_with_what_reads_it(
    row: dict[str, Any], named: str, columns: dict[str, str]
) -> None:
    with pytest.raises(LostText, match="would be dropped") as error:
        read(row)
    assert named in str(error.value)
    assert "columns: {" + ", ".join(f"{field}: {column}" for field, column in columns.items()) + "}" in error.value.fix
    read(row, **columns)  # what is said does read it


def test_text_that_the_record_has_is_not_lost() -> None:
    row = {"messages": [USER, ANSWER], "prompt": "Hi", "response": "Ho", "history": "", "turns": 2, "user": "bob"}
    assert set(aside(row)) == {"prompt", "response", "turns", "user"}
    row = {"problem": "Hi", "solution": "It is so. Ho", "answer": "Ho", "language_of_output": True, "n_answers": 3}
    with pytest.raises(LostText, match="'solution'"):
        read(row)
    assert read(row, output="solution").output == "It is so. Ho"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"title": "x"}, r"its columns \(title\) fit no known layout"),
        ({}, "none"),
        ({"instruction": None, "output": ""}, "all its columns are empty"),
        ({"text": "A long text."}, "holds text alone"),
        ({"user": "bob", "date": "1"}, "fit no known layout"),
        ({"instruction": b"\x00", "output": "x"}, "instruction holds binary data"),
        ({"messages": "hi"}, "messages holds a text, not a list of messages"),
        ({"messages": "[hi"}, "messages is a text that is no JSON"),
        ({"turns": ["Hi", "More?"]}, "turns.0: expected a turn with role and content, found a text"),
        ({"messages": ["Hi", 7]}, "messages.0: expected a turn with role and content, found a text"),
        ({"id": 1, "conversations": []}, "conversations is empty"),
        ({"question": {"a": "b"}}, "question: expected a text, found"),
        ({"prompt": {"role": "prompter", "text": "Hi", "replies": [{"role": "assistant", "text": "Ho"}]}},
         "prompt.0.replies holds turns that follow this one"),
        ({"messages": [USER, {**ANSWER, "content": [{"functionCall": {"name": "f"}}]}]}, "holds something else than"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "no user turn"),
        ({"messages": [{"role": "friend", "content": "x"}]}, "messages.0: unknown speaker \"friend\"; known are"),
        ({"messages": [{"role": 7, "content": "x"}]}, "unknown speaker 7"),
        ({"messages": [{"content": "x"}]}, r"nothing says who speaks \(its keys: content\)"),
        ({"messages": [{"role": "user"}]}, "the turn says nothing"),
        ({"messages": [USER, {**USER, "content": [{"type": "image_url"}]}]}, "messages.1: holds something else"),
        ({"messages": [USER, ANSWER, ANSWER]}, "after the last user turn comes one assistant turn"),
        ({"conversations": [{"from": "alien", "value": "x"}]}, "unknown speaker \"alien\""),
        ({"instruction": "x", "output": "y", "tools": "{"}, "tools is a text that is no JSON"),
        ({"instruction": "x", "output": "y", "tools": 3}, "tools: expected a list of tools, found 3"),
        ({"instruction": "x", "output": "y", "tools": ["f"]}, "tools: expected a list of tools"),
        ({"instruction": "x", "output": "y", "history": "no"}, "history is a text that is no JSON"),
        ({"instruction": "x", "output": "y", "history": [["a", "b", "c"]]}, "history.0: expected a question with its"),
        ({"instruction": "x", "instances": ["y"]}, "instances: expected a list of instances"),
        ({"chosen": "a", "rejected": "b"}, "answers to no question"),
        ({"instruction": "x", "output": "y", "tools_json": "3", "index_in_attempt": 1}, "tools_json: expected a list"),
        ({"instruction": "x", "output": "y", "tools_json": "[]", "scores_json": "3", "index_in_attempt": 1},
         "scores"),
        ({"instruction": "x", "output": "y", "tools_json": "[]", "language": 3, "index_in_attempt": 1},
         "language: expected a text, found 3"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_used_say_why(row: dict[str, Any], problem: str) -> None:
    with pytest.raises(RowError, match=problem) as error:
        read(row)
    assert "pydantic" not in str(error.value)


def test_columns_can_be_named() -> None:
    row = {"q": "Hi", "a": "Ho", "output": "old", "ctx": "c"}
    record = read(row, instruction="q", input="ctx", output="a")
    assert (record.instruction, record.input, record.output) == ("Hi", "c", "Ho")
    assert aside(row, instruction="q", input="ctx", output="a") == ("output",)
    assert read({"q": "Hi", "a": "Ho"}, instruction="q", input="ctx", output="a").input == ""
    assert read({"talk": [USER, ANSWER]}, messages="talk").output == "Ho"
    with pytest.raises(RowError, match="no column 'query' to take instruction from"):
        read(row, instruction="query")


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "from", "value", "text", "function", "name"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
COLUMNS = st.sampled_from(
    ["instruction", "input", "output", "system", "messages", "conversations", "history", "tools", "chosen", "rejected",
     "label", "instances", "answers", "reasoning", "scores", "scores_json", "id", "text", "response", "tools_json",
     "index_in_attempt", "is_classification", "prompt", "completion", "x_answer"]
)  # fmt: skip


@given(st.dictionaries(COLUMNS, NESTED, max_size=6), st.booleans(), st.booleans())
def test_any_row_is_read_or_refused_in_words(row: dict[str, Any], keep_ids: bool, losing: bool) -> None:
    try:
        found = read_row(row, "f:1", keep_ids=keep_ids, losing=losing)
    except RowError as error:
        refused = str(error)
        assert refused
        assert "pydantic" not in refused
        return
    for record in found.records:
        to_row(record, rejected=False)
        json.dumps(to_messages(record))


def test_values_nested_without_end_are_refused() -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]
    for column in ("tools", "output", "answers"):
        with pytest.raises(RowError, match=r"nested|expected"):
            read({"instruction": "x", "output": "y"} | {column: deep})
    for turn in ({"role": "assistant", "content": deep}, {"role": "assistant", "tool_calls": [{"function": deep}]}):
        with pytest.raises(RowError, match=r"nested|holds something else"):
            read({"messages": [USER, turn]})


@pytest.mark.parametrize(
    ("row", "turns"),
    [
        ({"conversations": ["Q", "A"]}, ["Q", "A"]),
        ({"dialog": ["Q", "A", "R", "B"]}, ["Q", "A", "R", "B"]),
        ({"conversation": [{"input": "Q", "output": "A"}, {"input": "R", "output": "B"}]}, ["Q", "A", "R", "B"]),
        ({"contents": [{"role": "user", "parts": [{"text": "Q"}]}, {"role": "model", "parts": [{"text": "A"}]}]},
         ["Q", "A"]),
    ],
)  # fmt: skip
def test_dialogues_without_roles_or_with_other_keys(row: dict[str, Any], turns: list[str]) -> None:
    found = to_messages(read(row))
    assert [m["content"] for m in found] == turns
    assert [m["role"] for m in found] == ["user", "assistant"] * (len(turns) // 2)


def test_a_system_prompt_that_is_a_message() -> None:
    row = {"systemInstruction": {"role": "system", "parts": [{"text": "Be brief."}]}, "messages": [USER, ANSWER]}
    assert read(row).system == "Be brief."


def test_a_call_that_is_written_as_text_before_a_result() -> None:
    turns = [USER, {"role": "assistant", "content": "<tool_call>{}</tool_call>"}, {"role": "tool", "content": "4"}]
    assert to_messages(read({"messages": [*turns, ANSWER]})) == [*turns, ANSWER]


def test_an_answer_column_that_holds_a_call() -> None:
    turn = {"role": "assistant", "content": "", "tool_calls": [CALL]}
    record = read({"prompt": "Hi", "completion": [turn]})
    assert answered_by_call(record)
    assert [m["role"] for m in to_messages(record)] == ["user", "assistant"]


def test_earlier_turns_in_a_column_stand_once_before_an_answer_that_calls_a_tool() -> None:
    turn = {"role": "assistant", "content": "", "tool_calls": [CALL]}
    record = read({"prompt": "Hi", "completion": [turn], "history": [["Q", "A"]], "system": "Be brief."})
    assert [m["content"] for m in to_messages(record)] == ["Be brief.", "Q", "A", "Hi", ""]


def test_turns_in_an_answer_that_ends_with_a_question_stand_once() -> None:
    record = read({"prompt": "Hi", "completion": [ANSWER, {"role": "user", "content": "And now?"}]})
    assert [m["content"] for m in to_messages(record)] == ["Hi", "Ho", "And now?"]


def test_what_earlier_turns_in_a_column_have_beside_is_told() -> None:
    history = [{**USER, "rating": 5}, {**ANSWER, "reasoning": "hm"}]
    for row in ({"messages": [USER, ANSWER]}, {"instruction": "Hi", "output": "Ho"}):
        assert aside({**row, "history": history}) == ("history.rating", "history.reasoning of earlier turns")


def test_keys_beside_the_input_and_output_of_an_instance_are_left_aside() -> None:
    row = {"instruction": "Add.", "instances": [{"input": "1", "output": "2", "constraints": "One word."}]}
    assert read_row(row).aside == ("instances.constraints",)


@pytest.mark.parametrize(
    ("column", "field"),
    [("answerKey", "output"), ("Complex_CoT", "reasoning"), ("input_text", "input"), ("response_0", "output"),
     ("choice1", "input"), ("definition", "instruction"), ("prompt_id", None), ("source_text", None)],
)  # fmt: skip
def test_what_a_column_looks_like(column: str, field: str | None) -> None:
    assert looks_like(column) == field


def test_the_choices_of_a_question_are_not_lost() -> None:
    row = {"question": "2+2?", "A": "3", "B": "4", "answer": "B"}
    with pytest.raises(LostText, match="'A' and 'B' would be dropped") as error:
        read(row)
    assert "columns: {instruction: question, output: answer} leaves them aside" in error.value.fix
    assert read(row, instruction="question", output="answer").output == "B"


@pytest.mark.parametrize(
    ("output", "reasoning", "shown"),
    [
        ("<think>\n\n</think>\n\nYes", None, "Yes"),
        ("hm</think>Yes", "hm", "Yes"),
        ("[THINK]hm[/THINK]Yes", "hm", "Yes"),
        ("Drop it: re.sub('<think>.*?</think>', '', t)", None, "Drop it: re.sub('<think>.*?</think>', '', t)"),
        ("a < b [1]", None, "a < b [1]"),
    ],
)
def test_reasoning_is_at_the_head_of_an_answer(output: str, reasoning: str | None, shown: str) -> None:
    for row in ({"instruction": "Hi", "output": output}, {"messages": [USER, {**ANSWER, "content": output}]}):
        record = read(row)
        assert (record.reasoning, record.output) == (reasoning, shown)


@pytest.mark.parametrize("label", [0, False, "false", 0.0])
def test_a_completion_that_is_labelled_bad_is_no_output(label: object) -> None:
    record = read({"prompt": "Hi", "completion": "Bad.", "label": label})
    assert (record.output, record.answers) == (None, (Answer(text="Bad.", score=0.0),))
    assert read({"instruction": "Hi", "output": "Ho", "label": 0}).output == "Ho"  # a class of the task, it may be


def test_turns_that_stand_in_columns() -> None:
    row = {"messages": {"role": ["user", "assistant"], "content": ["Hi", "Ho"]}}
    assert to_messages(read(row)) == [USER, ANSWER]


def test_a_prompt_that_is_a_dialogue_in_a_text() -> None:
    prompt = "\n\nHuman: Q\n\nAssistant: A\n\nHuman: Hi\n\nAssistant:"
    record = read({"prompt": prompt, "chosen": " Ho", "rejected": " No"})
    assert [m["content"] for m in to_messages(record)] == ["Q", "A", "Hi", " Ho"]
    assert [a.text for a in record.answers] == [" Ho", " No"]
