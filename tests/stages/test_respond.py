from __future__ import annotations

import random
from pathlib import Path

import pytest
from stage_parts import Scripted, Walk

from synthgen import families
from synthgen.protocols import Stage
from synthgen.records import Message, Record
from synthgen.requests.request import Choice, Request, Sampling
from synthgen.stages.generate import Instances
from synthgen.stages.respond import Candidates, Majority, Respond
from synthgen.teachers.procedural import Procedural

ADD = Record(instruction="Add the numbers.", input="1 2")


def test_the_teacher_is_asked_as_a_user_would_ask(walk: Walk) -> None:
    record = ADD.replace(
        system="Be brief.", history=(Message(role="user", content="Hi"), Message(role="assistant", content="Hello"))
    )
    teacher = Scripted(" 3\n")
    (answered,) = walk(Respond(), teacher, records=[record])
    assert answered.output == "3"
    assert answered.reasoning is None
    assert answered.provenance.requests == (teacher.requests[0].key,)
    assert answered.provenance.model == "scripted-1"
    assert [dict(message) for message in teacher.requests[0].messages] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "Add the numbers.\n\n1 2"},
    ]


def test_a_record_with_an_output_is_not_asked_about(walk: Walk) -> None:
    teacher = Scripted("4")
    (record,) = walk(Respond(), teacher, records=[ADD.replace(output="3")])
    assert (record.output, teacher.requests) == ("3", [])


@pytest.mark.parametrize("choice", [Choice("3", reasoning="1 + 2"), Choice("<think>\n1 + 2\n</think>\n\n3")])
def test_reasoning_is_kept_apart(walk: Walk, choice: Choice) -> None:
    (record,) = walk(Respond(), Scripted(choice), records=[ADD])
    assert (record.output, record.reasoning) == ("3", "1 + 2")


@pytest.mark.parametrize(
    ("choice", "reason", "output", "tries"),
    [
        (Choice("It is thr", "length"), "truncated", "It is thr", 3),
        (Choice("<think>hmm", "length"), "truncated", "", 3),
        (Choice(None, "server_error"), "server_error", "", 1),
        (Choice(None, "timeout"), "timeout", "", 1),
        (Choice(""), "empty_reply", "", 3),
        (Choice("<think>hmm</think>"), "empty_reply", "", 3),
        (Choice(None, refusal="No."), "refused", "", 3),
        (Choice("x", "content_filter"), "refused", "x", 3),
        (Choice(None, "context_length"), "context_length", "", 1),
        (Choice(None, "tool_calls", tool_calls=({"id": "1"},)), "tool_call", "", 3),
    ],
)
def test_an_unusable_answer_drops_the_record(walk: Walk, choice: Choice, reason: str, output: str, tries: int) -> None:
    teacher = Scripted(choice)
    (record,) = walk(Respond(), teacher, records=[ADD])
    assert record.drop is not None
    assert (record.drop.reason, record.output) == (reason, output)
    assert len(teacher.requests) == tries
    assert [request.retry for request in teacher.requests] == list(range(tries))
    assert ("asked 3 times" in (record.drop.detail or "")) == (tries == 3)


def test_a_cut_answer_is_asked_for_again_with_the_same_sampling(walk: Walk) -> None:
    def script(request: Request) -> Choice:
        return Choice("Three.") if request.retry else Choice("Thr", "length")

    teacher = Scripted(script)
    (record,) = walk(Respond(sampling=Sampling(max_tokens=2)), teacher, records=[ADD])
    assert (record.drop, record.output) == (None, "Three.")
    assert [request.sampling.max_tokens for request in teacher.requests] == [2, 2]
    assert record.provenance.requests == (teacher.requests[1].key,)


def test_reasoning_asked_for_comes_as_json_apart_from_the_answer(walk: Walk) -> None:
    teacher = Scripted('{"reasoning": "1 + 2 = 3", "answer": "3"}', structured=True)
    (record,) = walk(Respond(reasoning=True), teacher, records=[ADD.replace(system="Be brief.")])
    assert (record.output, record.reasoning) == ("3", "1 + 2 = 3")
    assert teacher.requests[0].response_format is not None
    assert [message["role"] for message in teacher.requests[0].messages] == ["system", "user"]
    assert teacher.prompts[0].endswith('Task: {"instruction": "Add the numbers.", "input": "1 2"}')


@pytest.mark.parametrize(
    ("choice", "reason"),
    [(Choice('{"reasoning": "1 + ', "length"), "truncated"), (Choice('{"reasoning": "1"}'), "malformed")],
)
def test_reasoning_that_cannot_be_read_drops_the_record(walk: Walk, choice: Choice, reason: str) -> None:
    (record,) = walk(Respond(reasoning=True), Scripted(choice), records=[ADD])
    assert record.drop is not None
    assert record.drop.reason == reason
    assert record.output


def test_a_prompt_takes_the_place_of_the_last_turn(walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthgen.assets.folder", lambda kind: tmp_path)  # where shipped prompts lie
    template = tmp_path / "polite.j2"
    template.write_text("Kindly: {{ instruction }} ({{ input }}){{ reply }}")
    teacher = Scripted("3")
    walk(Respond(prompt=str(template)), teacher, records=[ADD])
    assert teacher.prompts == ["Kindly: Add the numbers. (1 2)"]


def test_tools_are_offered_where_the_record_has_some(walk: Walk) -> None:
    teacher = Scripted("3")
    tool = {"type": "function", "function": {"name": "add", "parameters": {}}}
    walk(Respond(), teacher, records=[ADD.replace(tools=(tool,))])
    assert teacher.requests[0].tools == (tool,)


def test_a_base_model_reads_one_text(walk: Walk) -> None:
    teacher = Scripted("3")
    walk(Respond(api="completions"), teacher, records=[ADD.replace(system="Be brief.")])
    assert teacher.requests[0].api == "completions"
    assert [dict(message) for message in teacher.requests[0].messages] == [
        {"role": "user", "content": "Be brief.\n\nAdd the numbers.\n\n1 2"}
    ]


def test_programs_answer_what_they_know_and_refuse_the_rest(walk: Walk) -> None:
    rng = random.Random(2)
    tasks = [families.sample(rng) for _ in range(20)]
    records = [Record(instruction=task.instruction, input=task.input) for task in tasks]
    *answered, refused = walk(Respond(), Procedural(), records=[*records, Record(instruction="Who are you?")])
    assert [(r.output, r.reasoning) for r in answered] == [(task.output, task.reasoning) for task in tasks]
    assert refused.drop is not None
    assert refused.drop.reason == "refused"


@pytest.mark.parametrize("stage", [Respond(), Candidates(), Majority(), Instances()])
def test_a_call_of_a_tool_is_an_answer(walk: Walk, stage: Stage) -> None:
    call = Message(role="assistant", content="", tool_calls=({"function": {"name": "w", "arguments": "{}"}},))
    record = Record(instruction="Rain?", history=(Message(role="user", content="Rain?"), call))
    teacher = Scripted("4")
    (found,) = walk(stage, teacher, records=[record])
    assert (found.history, found.output, found.drop) == (record.history, None, None)
    assert teacher.requests == []
