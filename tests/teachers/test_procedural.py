from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from synthgen import families
from synthgen.forms import (
    ANSWER,
    BLOCKS,
    FORMS,
    INPUT_FIRST,
    INSTRUCTIONS,
    LABEL,
    NUMBERED,
    OUTPUT_FIRST,
    PLAIN_INPUT_FIRST,
    PLAIN_OUTPUT_FIRST,
    TASKS,
    YES_NO,
    Form,
    asking,
)
from synthgen.prompting.templates import Renderer
from synthgen.records import Record
from synthgen.requests.request import Choice, Completion, Request, Sampling
from synthgen.teachers.procedural import UNABLE, Procedural

RENDERER = Renderer()
TRUE = Procedural(flaws=0)
SHOWN = [
    Record(instruction=f"Name {n} rivers of Europe that reach the sea.", output="x", task_type="planning")
    for n in ("three", "seven", "nine")
]


def complete(teacher: Procedural, prompt: str, sampling: Sampling | None = None, **fields: Any) -> Completion:
    messages = ({"role": "user", "content": prompt},)
    return asyncio.run(teacher.complete(Request(teacher.model, messages, sampling or Sampling(), **fields)))


def tasks_prompt(form: Form = TASKS, count: int = 8) -> str:
    name = "alpaca/tasks" if form in (TASKS, BLOCKS) else "self_instruct/instructions"
    faithful = form in (BLOCKS, NUMBERED)
    reply = asking(form, count)
    return RENDERER.render(name, demonstrations=SHOWN, count=count, first=4, faithful=faithful, reply=reply)


def about_prompt(form: Form, instruction: str) -> str:
    names = {LABEL: "classify", YES_NO: "classify", OUTPUT_FIRST: "output_first", PLAIN_OUTPUT_FIRST: "output_first"}
    faithful = form in (YES_NO, PLAIN_INPUT_FIRST, PLAIN_OUTPUT_FIRST)
    name = f"self_instruct/{names.get(form, 'input_first')}"
    return RENDERER.render(name, instruction=instruction, count=5, faithful=faithful, reply=asking(form, 5))


def some_tasks(count: int = 60) -> list[families.Task]:
    rng = random.Random(1)
    return [families.sample(rng) for _ in range(count)]


def with_input(classification: bool) -> families.Task:
    return next(t for t in some_tasks(500) if t.input and t.is_classification is classification)


@pytest.mark.parametrize("form", [TASKS, BLOCKS], ids=lambda form: form.name)
def test_every_task_it_writes_without_flaws_has_a_provable_answer(form: Form) -> None:
    for sample in range(20):
        parsed = form.parse(complete(TRUE, tasks_prompt(form), sample=sample).text, first=4)
        assert parsed.broken == ()
        assert len(parsed.items) == (8 if form is TASKS else 5)  # blocks are numbered on from the three shown, up to 8
        for item in parsed.items:
            assert families.check(item["instruction"], item["input"], item["output"]).status == "proved"


@pytest.mark.parametrize("form", [INSTRUCTIONS, NUMBERED], ids=lambda form: form.name)
def test_it_writes_instructions_in_the_form_that_is_asked_for(form: Form) -> None:
    parsed = form.parse(complete(TRUE, tasks_prompt(form, 11)).text, first=4)
    assert parsed.broken == ()
    assert len({item["instruction"] for item in parsed.items}) == (11 if form is INSTRUCTIONS else 8)


def test_a_task_comes_with_its_type() -> None:
    parsed = TASKS.parse(complete(TRUE, tasks_prompt()).text)
    assert all(item["task_type"] for item in parsed.items)


@pytest.mark.parametrize("form", [LABEL, YES_NO], ids=lambda form: form.name)
def test_it_knows_which_of_its_tasks_are_classification(form: Form) -> None:
    for task in some_tasks():
        parsed = form.parse(complete(TRUE, about_prompt(form, task.instruction)).text)
        assert parsed.items == ({"label": "yes" if task.is_classification else "no"},)


@pytest.mark.parametrize(
    "form", [INPUT_FIRST, OUTPUT_FIRST, PLAIN_INPUT_FIRST, PLAIN_OUTPUT_FIRST], ids=lambda form: form.name
)
def test_it_makes_different_instances_with_provable_answers(form: Form) -> None:
    task = with_input(form in (OUTPUT_FIRST, PLAIN_OUTPUT_FIRST))
    parsed = form.parse(complete(TRUE, about_prompt(form, task.instruction)).text)
    assert parsed.broken == ()
    assert 2 <= len({item["input"] for item in parsed.items}) == len(parsed.items) <= 5
    for item in parsed.items:
        assert families.check(task.instruction, item["input"], item["output"]).status == "proved"


def test_a_task_without_an_input_has_one_instance() -> None:
    task = next(task for task in some_tasks() if not task.input)
    parsed = INPUT_FIRST.parse(complete(TRUE, about_prompt(INPUT_FIRST, task.instruction)).text)
    assert [(item["input"], item["output"]) for item in parsed.items] == [("", task.output)]


def test_it_answers_what_it_knows_with_its_reasoning_apart() -> None:
    for task in some_tasks():
        question = f"{task.instruction}\n\n{task.input}" if task.input else task.instruction
        choice = complete(Procedural(flaws=1), question).choices[0]  # answers are never spoiled
        assert (choice.text, choice.finish_reason) == (task.output, "stop")
        assert choice.reasoning == task.reasoning


def test_it_answers_as_json_where_the_steps_are_asked_for() -> None:
    task = next(task for task in some_tasks() if task.reasoning and task.input)
    prompt = RENDERER.render("respond/reasoning", instruction=task.instruction, input=task.input, reply=asking(ANSWER))
    parsed = ANSWER.parse(complete(TRUE, prompt).text)
    assert parsed.items == ({"reasoning": task.reasoning, "answer": task.output},)


@pytest.mark.parametrize(
    "prompt", ["Who are you?", "", about_prompt(LABEL, "Sing."), about_prompt(INPUT_FIRST, "Sing.")]
)
def test_it_says_so_where_it_does_not_know(prompt: str) -> None:
    choice = complete(TRUE, prompt).choices[0]
    assert choice == Choice(UNABLE, "stop", refusal=UNABLE)


def test_the_reply_depends_on_the_request_alone() -> None:
    slow = Procedural(latency_s=0.001, latency_sigma=1)
    fast = Procedural()
    assert slow.model == fast.model
    prompts = [tasks_prompt(count=n) for n in range(1, 9)]

    async def all_at_once(teacher: Procedural) -> list[Completion]:
        requests = [Request(teacher.model, ({"role": "user", "content": prompt},)) for prompt in prompts]
        return await asyncio.gather(*map(teacher.complete, requests))

    assert asyncio.run(all_at_once(slow)) == [complete(fast, prompt) for prompt in prompts]
    assert complete(fast, prompts[0], sample=1) != complete(fast, prompts[0])
    assert complete(fast, prompts[0], retry=1) != complete(fast, prompts[0])


def test_other_attempts_go_on_while_it_replies() -> None:
    seen: list[str] = []

    async def reply(name: str) -> None:
        seen.append(f"{name} asks")
        await TRUE.complete(Request(TRUE.model, ({"role": "user", "content": name},)))
        seen.append(f"{name} has it")

    async def both() -> None:
        await asyncio.gather(reply("a"), reply("b"))

    asyncio.run(both())
    assert seen[:2] == ["a asks", "b asks"]


def test_the_model_names_every_setting_that_changes_a_reply() -> None:
    name = next(iter(families.FAMILIES))
    models = [
        Procedural().model,
        Procedural(flaws=0.5).model,
        Procedural(families=[name]).model,
        Procedural(latency_s=1, latency_sigma=1, sampling=Sampling(max_tokens=5)).model,
    ]
    assert models[0] == models[3] == "procedural-1(flaws=0.15)"
    assert len(set(models)) == 3


def test_the_share_of_flawed_tasks_is_the_one_set() -> None:
    spoiled = total = 0
    for sample in range(150):
        parsed = TASKS.parse(complete(Procedural(flaws=0.3), tasks_prompt(), sample=sample).text)
        good = [i for i in parsed.items if families.check(i["instruction"], i["input"], i["output"]).status == "proved"]
        total += 8
        spoiled += 8 - len(good)
    # Near-duplicates are true, so a tenth of the flaws does not show here; cut replies weigh a little the other way.
    assert 0.2 < spoiled / total < 0.4


def test_flaws_are_of_many_kinds() -> None:
    reasons: set[str] = set()
    seen: set[str] = set()
    for sample in range(80):
        completion = complete(Procedural(flaws=1), tasks_prompt(), sample=sample)
        parsed = TASKS.parse(completion.text, cut=completion.finish_reason == "length")
        reasons |= {piece.reason for piece in parsed.broken}
        for item in parsed.items:
            seen |= {"empty"} if not item["output"] else set()
            seen |= {"short"} if len(item["instruction"].split()) < 4 else set()
            seen |= {"shown"} if "rivers of Europe" in item["instruction"] else set()
            seen.add(families.check(item["instruction"], item["input"], item["output"]).status)
    assert reasons == {"malformed", "truncated"}
    assert seen >= {"empty", "short", "shown", "refuted"}


def test_a_schema_is_kept_to_where_one_is_forced() -> None:
    for sample in range(60):
        completion = complete(
            Procedural(flaws=0.9), tasks_prompt(), sample=sample, response_format=TASKS.response_format
        )
        parsed = TASKS.parse(completion.text, cut=completion.finish_reason == "length")
        assert {piece.reason for piece in parsed.broken} <= {"truncated"}


def test_a_wrong_number_spoils_a_block() -> None:
    replies = [complete(Procedural(flaws=1), tasks_prompt(BLOCKS), sample=sample) for sample in range(40)]
    pieces = [piece for reply in replies for piece in BLOCKS.parse(reply.text, first=4).broken]
    assert any("pieces, not 7" in piece.detail for piece in pieces)


def test_stop_strings_and_max_tokens_end_a_reply() -> None:
    whole = complete(TRUE, tasks_prompt()).text
    stopped = complete(TRUE, tasks_prompt(), Sampling(stop=("zzzz", "}, {")))
    assert stopped.finish_reason == "stop"
    assert "}, {" not in stopped.text
    assert "}, {" in whole
    cut = complete(TRUE, tasks_prompt(), Sampling(max_tokens=20))
    assert (len(cut.text), cut.finish_reason, cut.usage.completion_tokens) == (80, "length", 20)


def test_the_published_stop_string_cuts_answers_that_the_repaired_form_keeps() -> None:
    teacher = Procedural(flaws=0, families=["parity"])  # "Is this number even or odd? 95220."

    def instructions(form: Form, sampling: Sampling) -> list[str]:
        replies = [complete(teacher, tasks_prompt(form, 20), sampling, sample=sample) for sample in range(60)]
        return [item["instruction"] for reply in replies for item in form.parse(reply.text, first=4).items]

    assert not any("20." in text for text in instructions(BLOCKS, Sampling(stop=("\n20", "20."))))
    assert any("20." in text for text in instructions(TASKS, Sampling()))


def test_usage_is_estimated_from_characters_and_n_choices_differ() -> None:
    completion = complete(TRUE, tasks_prompt(), Sampling(n=3))
    assert len({choice.text for choice in completion.choices}) == 3
    assert completion.usage.completion_tokens == sum(-(-len(c.text or "") // 4) for c in completion.choices)
    assert completion.usage.prompt_tokens == -(-len(tasks_prompt()) // 4)


def test_families_can_be_chosen() -> None:
    name = with_input(True).family
    parsed = TASKS.parse(complete(Procedural(flaws=0, families=[name]), tasks_prompt()).text)
    solutions = [families.solve(item["instruction"], item["input"]) for item in parsed.items]
    assert {solution.family for solution in solutions if solution} == {name}


def test_an_unknown_family_gets_the_nearest_name() -> None:
    name = next(iter(families.FAMILIES))
    with pytest.raises(ValidationError, match=f"did you mean '{name}'"):
        Procedural(families=[name + "s"])


def test_messages_in_parts_and_system_messages_are_understood() -> None:
    task = some_tasks()[0]
    text = f"{task.instruction}\n\n{task.input}" if task.input else task.instruction
    messages = (
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": text}]},
    )
    assert asyncio.run(TRUE.complete(Request(TRUE.model, messages))).text == task.output


@given(
    text=st.text(st.characters(codec="utf-8")),
    form=st.sampled_from([None, *FORMS]),
    tail=st.sampled_from(["", "Task: ", 'Task: "x"', 'Task: {"input": 1}', "Task: [1]", "4. Instruction:", "\n9."]),
)
def test_no_prompt_makes_it_fail(text: str, form: Form | None, tail: str) -> None:
    prompt = text + (asking(form, 3) if form else "") + text + "\n" + tail
    assert complete(Procedural(flaws=1), prompt).choices
