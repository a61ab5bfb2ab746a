from __future__ import annotations

import json

import pytest
from store_parts import CALL, TOOL, accepted, with_answers, with_tools

from synthgen.exports.rows import (
    alpaca,
    axolotl,
    llamafactory,
    llamafactory_preference,
    messages,
    preference,
    prompt_completion,
    sharegpt,
)
from synthgen.records import Answer, Message

CHAT = (Message(role="user", content="Hi"), Message(role="assistant", content="Hello"))


def test_alpaca_has_three_columns_and_single_turns_only() -> None:
    assert alpaca(accepted(3)) == {
        "instruction": "Write the number 3 in words.",
        "input": "in English",
        "output": "It is number 3.",
    }
    assert alpaca(accepted(1, output=None)) == "no_output"
    assert alpaca(accepted(1, history=CHAT)) == "has_history"
    assert alpaca(accepted(1, system="Be short.")) == "has_system"
    assert alpaca(accepted(1, tools=(TOOL,))) == "has_tools"


def test_messages_are_openai_lines_with_no_other_key() -> None:
    assert messages(accepted(3, system="Be short.", reasoning="hidden")) == {
        "messages": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "Write the number 3 in words.\n\nin English"},
            {"role": "assistant", "content": "It is number 3."},
        ]
    }
    assert messages(accepted(1, output=None)) == "no_output"


def test_messages_tie_a_tools_turn_to_its_call() -> None:
    row = messages(with_tools(1))
    assert isinstance(row, dict)
    assert row["tools"] == [TOOL]
    turns = row["messages"]
    assert [t["role"] for t in turns] == ["system", "user", "assistant", "tool", "assistant", "user", "assistant"]
    assert turns[2]["tool_calls"] == [CALL]
    assert turns[3] == {"role": "tool", "content": "4 degrees", "tool_call_id": "a1"}
    allowed = {"role", "content", "name", "tool_calls", "tool_call_id"}
    assert all(turn.keys() <= allowed for turn in turns)


def test_arguments_with_a_number_that_json_does_not_know_are_exported_as_the_text_that_they_are() -> None:
    call = {"function": {"name": "weather", "arguments": '{"days": NaN}'}}
    history = (
        Message(role="user", content="?"),
        Message(role="assistant", content="", tool_calls=(call,)),
        Message(role="tool", content="sun"),
        Message(role="assistant", content="!"),
    )
    row = sharegpt(accepted(1, history=history))
    assert isinstance(row, dict)
    [made] = [turn for turn in row["conversations"] if "weather" in json.dumps(turn)]
    json.loads(json.dumps(row), parse_constant=pytest.fail)
    assert "NaN" in json.loads(made["value"], parse_constant=pytest.fail)["arguments"]["text"]


def test_calls_without_ids_get_some() -> None:
    bare = {"function": CALL["function"]}
    history = (
        Message(role="user", content="?"),
        Message(role="assistant", content="", tool_calls=(bare, bare)),
        Message(role="tool", content="one"),
        Message(role="tool", content="two"),
        Message(role="assistant", content="!"),
    )
    row = messages(accepted(1, history=history))
    assert isinstance(row, dict)
    assert [call["id"] for call in row["messages"][1]["tool_calls"]] == ["call_0", "call_1"]
    assert [turn["tool_call_id"] for turn in row["messages"][2:4]] == ["call_0", "call_1"]
    assert all(call["type"] == "function" for call in row["messages"][1]["tool_calls"])


def test_prompt_completion_parts_the_answer_from_the_rest() -> None:
    row = prompt_completion(accepted(1, history=CHAT))
    assert isinstance(row, dict)
    assert row.keys() == {"prompt", "completion"}
    assert [turn["role"] for turn in row["prompt"]] == ["user", "assistant", "user"]
    assert row["completion"] == [{"role": "assistant", "content": "It is number 1."}]
    tools = prompt_completion(with_tools(1))
    assert isinstance(tools, dict)
    assert json.loads(tools["tools"]) == [TOOL]


def test_axolotl_gets_parameters_as_text() -> None:
    row = axolotl(with_tools(1))
    assert isinstance(row, dict)
    (tool,) = row["tools"]
    assert json.loads(tool["function"]["parameters"]) == TOOL["function"]["parameters"]
    assert "tools" not in axolotl(accepted(1))


def test_llamafactory_turns_alternate() -> None:
    row = llamafactory(with_tools(1))
    assert isinstance(row, dict)
    roles = [turn["role"] for turn in row["messages"]]
    assert roles == ["system", "user", "function_call", "observation", "assistant", "user", "assistant"]
    assert json.loads(row["messages"][2]["content"]) == {"name": "weather", "arguments": {"city": "Oslo"}}
    assert json.loads(row["tools"]) == [TOOL["function"]]
    plain = llamafactory(accepted(3))
    assert plain == {
        "messages": [
            {"role": "user", "content": "Write the number 3 in words.\n\nin English"},
            {"role": "assistant", "content": "It is number 3."},
        ],
        "tools": "",
    }
    two_in_a_row = (Message(role="user", content="Hi"),)
    assert llamafactory(accepted(1, history=two_in_a_row)) == "turns_do_not_alternate"
    assert llamafactory(accepted(1, output=None)) == "no_output"


@pytest.mark.parametrize("arguments", ["not json", {"city": "Oslo"}])
def test_calls_with_odd_arguments_stay_readable(arguments: object) -> None:
    call = {"function": {"name": "weather", "arguments": arguments}}
    history = (
        Message(role="user", content="?"),
        Message(role="assistant", content="", tool_calls=(call, call)),
        Message(role="tool", content="1"),
        Message(role="assistant", content="!"),
    )
    row = llamafactory(accepted(1, history=history))
    assert isinstance(row, dict)
    calls = json.loads(row["messages"][1]["content"])
    assert [c["arguments"] for c in calls] == [{"text": arguments} if isinstance(arguments, str) else arguments] * 2


def test_sharegpt_has_its_own_names() -> None:
    row = sharegpt(accepted(1, system="Be short.", history=CHAT))
    assert isinstance(row, dict)
    assert [turn["from"] for turn in row["conversations"]] == ["system", "human", "gpt", "human", "gpt"]
    assert all(turn.keys() == {"from", "value"} for turn in row["conversations"])


def test_preference_takes_the_best_and_the_worst() -> None:
    row = preference(with_answers(1, 0.5, None, 0.9, 0.1))
    assert row == {
        "prompt": [{"role": "user", "content": "Write the number 1 in words."}],
        "chosen": [{"role": "assistant", "content": "answer 2"}],
        "rejected": [{"role": "assistant", "content": "answer 3"}],
        "score_chosen": 0.9,
        "score_rejected": 0.1,
    }
    single = llamafactory_preference(with_answers(1, 0.0, 1.0))
    assert single == {
        "messages": [{"role": "user", "content": "Write the number 1 in words."}],
        "tools": "",
        "chosen": {"role": "assistant", "content": "answer 1"},
        "rejected": {"role": "assistant", "content": "answer 0"},
    }


def test_preference_needs_two_answers_that_differ() -> None:
    assert preference(with_answers(1, 0.5, None)) == "fewer_than_two_scored_answers"
    assert preference(with_answers(1, 0.5, 0.5)) == "answers_are_equally_good"
    same = (Answer(text="a", score=1), Answer(text="a", score=0))
    assert llamafactory_preference(accepted(1, answers=same)) == "answers_are_equally_good"
