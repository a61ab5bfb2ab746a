from __future__ import annotations

from stage_parts import Scripted, Walk

from synthgen.records import Record
from synthgen.requests.request import Choice, Completion, Request
from synthgen.stages.respond import Solve

TASK = Record(instruction="What is 3 + 4?", output="7", reasoning="as given", task_type="numbers")


def several(*texts: str) -> Completion:
    return Completion(tuple(Choice(text) for text in texts))


def reasons(records: list[Record]) -> list[str]:
    return [record.drop.reason if record.drop else "kept" for record in records]


def test_right_solutions_take_the_place_of_the_task_and_each_counts_once(walk: Walk) -> None:
    teacher = Scripted(lambda request: several("7", "8", " 7 ", "", "<think>4 and 3</think>7"))
    found = walk(Solve(samples=5), teacher, [TASK])
    assert reasons(found) == ["kept", "kept", "wrong_answer", "duplicate_answer", "empty_reply"]
    assert [(r.output, r.reasoning, r.task_type) for r in found[:2]] == [
        ("7", None, "numbers"),
        ("7", "4 and 3", "numbers"),
    ]
    assert found[2].drop is not None
    assert found[2].drop.detail == "expected 7"
    assert {len(r.provenance.requests) for r in found} == {1}
    request = teacher.requests[0]
    assert request.sampling.n == 5
    assert [m["content"] for m in request.messages] == ["What is 3 + 4?"]  # the answer is not shown


def test_equal_solutions_are_kept_where_they_need_not_be_distinct(walk: Walk) -> None:
    found = walk(Solve(samples=2, distinct=False), Scripted(lambda request: several("7", "7")), [TASK])
    assert reasons(found) == ["kept", "kept"]


def test_a_program_proves_answers_that_are_said_otherwise(walk: Walk) -> None:
    found = walk(Solve(samples=2, right="program"), Scripted(lambda request: several("7.", "8")), [TASK])
    assert reasons(found) == ["kept", "wrong_answer"]
    assert reasons(walk(Solve(samples=2), Scripted(lambda request: several("7.", "8")), [TASK])) == ["wrong_answer"] * 2


def hinting(request: Request) -> str:
    shown = str(request.messages[-1]["content"])
    if "Right answer" in shown:
        return '{"reasoning": "3 and 4 more is 7", "answer": "7"}'
    return '{"reasoning": "a guess", "answer": "9"}'


def test_what_was_not_solved_is_rationalised_and_kept_without_the_hint(walk: Walk) -> None:
    teacher = Scripted(hinting)
    found = walk(Solve(reasoning=True, rationalise=True), teacher, [TASK])
    assert reasons(found) == ["kept", "wrong_answer"]
    assert (found[0].instruction, found[0].input, found[0].output) == (TASK.instruction, "", "7")
    assert (found[0].reasoning, found[0].scores) == ("3 and 4 more is 7", {"rationalised": 1.0})
    assert 'Right answer: "7"' in teacher.prompts[1]
    assert reasons(walk(Solve(reasoning=True), Scripted(hinting), [TASK])) == ["wrong_answer"]


def test_a_task_that_was_solved_gets_no_hint(walk: Walk) -> None:
    teacher = Scripted("7")
    walk(Solve(rationalise=True), teacher, [TASK])
    assert len(teacher.requests) == 1


def test_a_hint_that_is_only_copied_teaches_nothing(walk: Walk) -> None:
    teacher = Scripted(lambda request: "7" if "Right answer" in str(request.messages[-1]["content"]) else "9")
    assert reasons(walk(Solve(rationalise=True), teacher, [TASK])) == ["wrong_answer", "no_reasoning"]


def test_a_task_without_an_answer_cannot_be_checked(walk: Walk) -> None:
    teacher = Scripted("7")
    assert reasons(walk(Solve(), teacher, [TASK.replace(output=None)])) == ["no_reference"]
    assert teacher.requests == []
