from __future__ import annotations

import json

import pytest
from stage_parts import Scripted, Walk

from synthgen.errors import ConfigError
from synthgen.protocols import Preparation
from synthgen.records import Record
from synthgen.requests.request import Choice, Completion, Sampling
from synthgen.stages.generate import Generate

SHOWN = [Record(instruction=f"Shown task {i}:", input="in", output="out", task_type="coding") for i in range(3)]
TASK = {"task_type": "reasoning", "instruction": "Add 1 and 2.", "input": "", "output": "3"}
TASKS = json.dumps({"tasks": [TASK, {**TASK, "instruction": "Add 2 and 2.", "output": "4"}]})


def tasks(**settings: object) -> Generate:
    return Generate.model_validate({"prompt": "alpaca/tasks", "count": 20, **settings})


def instructions(**settings: object) -> Generate:
    return Generate.model_validate({"prompt": "self_instruct/instructions", "form": "instructions", **settings})


def test_tasks_become_records_that_say_where_they_come_from(walk: Walk) -> None:
    teacher = Scripted(TASKS)
    records = walk(tasks(), teacher, demonstrations=SHOWN, attempt=7)
    assert [(r.instruction, r.input, r.output, r.task_type) for r in records] == [
        ("Add 1 and 2.", "", "3", "reasoning"),
        ("Add 2 and 2.", "", "4", "reasoning"),
    ]
    provenance = records[0].provenance
    assert provenance.model == "scripted-1"
    assert provenance.requests == (teacher.requests[0].key,)
    assert provenance.demonstrations == tuple(shown.id for shown in SHOWN)
    assert (provenance.attempt, provenance.index) == (7, 0)
    assert teacher.requests[0].sample == 7


def test_the_prompt_shows_the_demonstrations_after_all_that_never_changes(walk: Walk) -> None:
    teacher = Scripted(TASKS)
    for attempt, shown in enumerate((SHOWN, list(reversed(SHOWN)))):
        walk(tasks(), teacher, demonstrations=shown, attempt=attempt)
    one, two = teacher.prompts
    assert one != two
    first = min(one.index(shown.instruction) for shown in SHOWN)
    assert one[:first] == two[:first]
    assert first > len(one) / 2
    assert "20 tasks" in one[:first]


def test_records_that_came_in_go_on(walk: Walk) -> None:
    record = Record(instruction="There before", output="x")
    assert len(walk(tasks(), Scripted(TASKS), records=[record])) == 3


def test_a_malformed_task_becomes_a_dropped_record_with_its_text(walk: Walk) -> None:
    records = walk(tasks(), Scripted(f'{{"tasks": [{json.dumps(TASK)}, {{"instruction": "no answer"}}]}}'))
    assert [record.drop and record.drop.reason for record in records] == [None, "malformed"]
    assert "no answer" in records[1].instruction
    assert records[1].drop is not None
    assert records[1].drop.detail == "output is missing"
    assert records[1].provenance.requests


@pytest.mark.parametrize("field", ["instruction", "input", "output"])
def test_a_demonstration_given_back_is_dropped(field: str, walk: Walk) -> None:
    shown = Record(
        instruction="Say in one line\nwhat a weir is.", input="a weir on a small river", output="It is a low dam."
    )
    reply = json.dumps({"tasks": [TASK, {**TASK, field: getattr(shown, field)}]})
    first, second = walk(tasks(), Scripted(reply), demonstrations=[shown])
    assert first.drop is None
    assert second.drop is not None
    assert (second.drop.reason, second.drop.score) == ("prompt_copy", 1)


def test_of_a_cut_reply_the_whole_tasks_are_kept_and_the_cut_one_is_counted(walk: Walk) -> None:
    records = walk(tasks(), Scripted(Choice(TASKS[:-20], "length")))
    assert [record.drop and record.drop.reason for record in records] == [None, "truncated"]


@pytest.mark.parametrize(
    ("choice", "reason", "tries"),
    [
        (Choice("  \n"), "empty_reply", 3),
        (Choice(None), "empty_reply", 3),
        (Choice("I cannot help with that."), "refused", 3),
        (Choice(None, refusal="No."), "refused", 3),
        (Choice("x", "content_filter"), "refused", 3),
        (Choice("just chatter"), "malformed", 3),
        (Choice('{"tasks": [{"instruction": "cut o', "length"), "truncated", 3),
        (Choice(None, "context_length"), "context_length", 1),
        (Choice("\x00\x1b[0m\ud800"), "malformed", 3),
    ],
)
def test_an_unusable_reply_is_asked_for_again_and_then_dropped(
    walk: Walk, choice: Choice, reason: str, tries: int
) -> None:
    teacher = Scripted(choice)
    records = walk(tasks(), teacher)
    assert [record.drop and record.drop.reason for record in records] == [reason]
    assert [request.retry for request in teacher.requests] == list(range(tries))


def test_a_completion_without_choices_is_an_empty_reply(walk: Walk) -> None:
    records = walk(tasks(tries=1), Scripted(lambda _: Completion(())))
    assert [record.drop and record.drop.reason for record in records] == ["empty_reply"]


def test_a_second_try_that_can_be_read_is_used(walk: Walk) -> None:
    teacher = Scripted(lambda request: TASKS if request.retry else "chatter")
    records = walk(tasks(), teacher)
    assert [record.drop for record in records] == [None, None]
    assert records[0].provenance.requests == (teacher.requests[1].key,)


def test_every_choice_of_a_completion_is_read(walk: Walk) -> None:
    records = walk(tasks(), Scripted(lambda _: Completion((Choice(TASKS), Choice("chatter"), Choice(TASKS)))))
    assert len([record for record in records if record.drop is None]) == 4
    assert len(records) == 5


@pytest.mark.parametrize(
    ("structured", "able", "sent"),
    [
        ("auto", True, True),
        ("auto", False, False),
        ("auto", None, False),
        ("json_schema", None, True),
        ("off", True, False),
    ],
)
def test_a_schema_is_sent_where_the_teacher_can_or_the_config_says_so(
    walk: Walk, structured: str, able: bool | None, sent: bool
) -> None:
    teacher = Scripted(TASKS, structured=able)
    walk(tasks(structured=structured), teacher)
    assert (teacher.requests[0].response_format is not None) is sent


def test_instructions_become_records_without_an_output(walk: Walk) -> None:
    teacher = Scripted('{"instructions": ["Compare McDonald\'s in the USA with NASA.", "Sort"]}')
    records = walk(instructions(), teacher, demonstrations=SHOWN)
    assert [(r.instruction, r.output) for r in records] == [
        ("Compare McDonald's in the USA with NASA.", None),
        ("Sort", None),
    ]
    assert '"Shown task 0:",' in teacher.prompts[0]


def test_faithful_instructions_are_a_numbered_list_with_its_stops_and_its_losses(walk: Walk) -> None:
    shown = [Record(instruction=f"Shown\ntask {i}:") for i in range(8)]
    teacher = Scripted(" Compare McDonald's in the USA.\n10. Écris")
    records = walk(instructions(faithful=True), teacher, demonstrations=shown)
    assert [record.instruction for record in records] == ["Compare mcdonald's in the usa.", "Écris"]
    assert teacher.prompts[0].endswith("\n7. Shown task 6\n8. Shown task 7\n9.")
    sampling = teacher.requests[0].sampling
    assert sampling.stop == ("\n\n", "\n16", "16.", "16 .")
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (0.7, 0.5, 1024)
    assert (sampling.presence_penalty, sampling.frequency_penalty) == (2, 0)
    assert teacher.requests[0].response_format is None


def test_a_faithful_cut_reply_is_dropped_whole(walk: Walk) -> None:
    teacher = Scripted(Choice(" One task.\n10. Another one\n11. The th", "length"))
    records = walk(instructions(faithful=True), teacher)
    assert [record.drop and record.drop.reason for record in records] == ["truncated"]
    assert len(teacher.requests) == 1


def test_faithful_tasks_are_blocks_with_their_stops_and_their_losses(walk: Walk) -> None:
    teacher = Scripted(
        " Add.\n4. Input:\n1 2\n4. Output:\n3\n###\n"
        "5. Instruction: Write a heading\n5. Input:\n<noinput>\n5. Output:\n### Tides"
    )
    records = walk(tasks(faithful=True), teacher, demonstrations=SHOWN)
    assert [(r.instruction, r.input, r.output) for r in records[:2]] == [
        ("Add.", "1 2", "3"),
        ("Write a heading", "", ""),
    ]
    assert [record.drop and record.drop.reason for record in records] == [None, None, "malformed"]
    sampling = teacher.requests[0].sampling
    assert sampling.stop == ("\n20", "20.")
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (1.0, 1.0, 3072)
    assert teacher.prompts[0].endswith("3. Output:\nout\n###\n4. Instruction:")
    assert "in English" in teacher.prompts[0]


def test_repaired_requests_have_no_stop_strings_and_do_not_ask_for_english(walk: Walk) -> None:
    teacher = Scripted(TASKS)
    walk(tasks(), teacher)
    assert teacher.requests[0].sampling.stop is None
    assert "English" not in teacher.prompts[0]


def test_the_stages_sampling_goes_over_the_published_one(walk: Walk) -> None:
    teacher = Scripted(" Add.")
    walk(instructions(faithful=True, sampling=Sampling(temperature=0.1)), teacher, demonstrations=SHOWN)
    assert teacher.requests[0].sampling.temperature == 0.1
    assert teacher.requests[0].sampling.top_p == 0.5


@pytest.mark.parametrize("faithful", [False, True])
def test_demonstrations_that_are_all_classification_ask_for_more_of_it(walk: Walk, faithful: bool) -> None:
    labels = [Record(instruction="Is it spam?", is_classification=True)]
    teacher = Scripted('{"instructions": ["Is it ham?"]}')
    walk(instructions(faithful=faithful), teacher, demonstrations=labels)
    walk(instructions(faithful=faithful), teacher, demonstrations=[*labels, *SHOWN], attempt=1)
    asked, not_asked = (" labels to choose from" in prompt for prompt in teacher.prompts)
    assert asked
    assert not not_asked


def test_faithful_text_cannot_be_held_to_a_schema() -> None:
    with pytest.raises(ValueError, match="faithful"):
        tasks(faithful=True, structured="json_schema")


def test_a_teacher_that_does_not_exist_gets_the_nearest_name() -> None:
    stage = tasks(teacher="techer")
    with pytest.raises(ConfigError, match="did you mean 'teacher'"):
        stage.prepare(Preparation(str, (), 0, "", {"teacher": Scripted("")}))


def test_an_attempt_is_expected_to_yield_what_it_asks_for() -> None:
    assert tasks().expected == 20
