from __future__ import annotations

import json

import pytest
from stage_parts import Scripted, Walk

from synthgen.records import Provenance, Record
from synthgen.requests.request import Choice, Request
from synthgen.stages.generate import Instances

PLAIN = Record(instruction="Double the\nnumber.", is_classification=False, task_type="reasoning")
LABELS = Record(instruction="Is it spam?", is_classification=True)


def pairs(*instances: tuple[str, str]) -> str:
    return json.dumps({"instances": [{"input": i, "output": o} for i, o in instances]})


def test_an_instruction_is_replaced_by_its_instances(walk: Walk) -> None:
    teacher = Scripted(pairs(("1", "2"), ("2", "4")))
    parent = PLAIN.replace(provenance=Provenance(requests=("before",), demonstrations=("d",)))
    children = walk(Instances(), teacher, records=[parent])
    assert [(c.instruction, c.input, c.output) for c in children] == [
        ("Double the\nnumber.", "1", "2"),
        ("Double the\nnumber.", "2", "4"),
    ]
    for child in children:
        assert child.drop is None
        assert child.task_type == "reasoning"
        assert len(child.provenance.parents) == 1
        assert child.provenance.requests == ("before", teacher.requests[0].key)
        assert child.provenance.demonstrations == ("d",)
        assert child.provenance.model == "scripted-1"


def test_classification_is_asked_label_first_and_all_else_input_first(walk: Walk) -> None:
    teacher = Scripted(pairs(("1", "2")), structured=True)
    walk(Instances(), teacher, records=[LABELS, PLAIN])
    orders = []
    for request in teacher.requests:
        assert request.response_format is not None
        item = request.response_format["json_schema"]["schema"]["properties"]["instances"]["items"]
        orders.append(item["required"])
    assert orders == [["output", "input"], ["input", "output"]]
    assert '{"output": "...", "input": "..."}' in teacher.prompts[0]
    assert '{"input": "...", "output": "..."}' in teacher.prompts[1]
    assert teacher.prompts[1].endswith('Task: "Double the\\nnumber."')


def test_a_record_with_an_output_is_not_asked_about(walk: Walk) -> None:
    teacher = Scripted("nonsense")
    done = PLAIN.replace(output="2")
    (record,) = walk(Instances(), teacher, records=[done])
    assert record.output == "2"
    assert teacher.requests == []


def test_repeated_and_surplus_instances_are_dropped_not_lost(walk: Walk) -> None:
    reply = pairs(("1", "2"), ("1", "2"), *((str(i), str(2 * i)) for i in range(2, 9)))
    children = walk(Instances(max_instances=5), Scripted(reply), records=[PLAIN])
    reasons = [child.drop.reason for child in children if child.drop]
    assert len(children) == 9
    assert reasons.count("duplicate_instance") == 1
    assert reasons.count("surplus_instance") in (3, 4)
    assert len([child for child in children if child.drop is None]) in (4, 5)


def test_a_cut_or_malformed_instance_is_a_dropped_child(walk: Walk) -> None:
    text = '{"instances": [{"input": "1", "output": "2"}, {"input": "2"}, {"input": "3", "outp'
    children = walk(Instances(), Scripted(Choice(text, "length")), records=[PLAIN])
    assert [child.drop and child.drop.reason for child in children] == [None, "malformed", "truncated"]
    assert all(child.instruction == PLAIN.instruction for child in children)
    assert children[2].output == '{"input": "3", "outp'


def test_a_reply_without_instances_leaves_one_dropped_child(walk: Walk) -> None:
    teacher = Scripted("Let me think about it.")
    (child,) = walk(Instances(), teacher, records=[PLAIN])
    assert child.drop is not None
    assert child.drop.reason == "malformed"
    assert len(teacher.requests) == 3


def test_which_instances_are_kept_does_not_depend_on_which_reply_comes_first(walk: Walk) -> None:
    many = pairs(*((str(i), "x") for i in range(9)))
    records = [PLAIN.child(instruction=f"Task {i}", output=None) for i in range(3)]
    one = walk(Instances(), Scripted(many), records=records)
    two = walk(Instances(), Scripted(many), records=records)
    assert one == two
    kept = [[c.input for c in one if c.drop is None and c.instruction == f"Task {i}"] for i in range(3)]
    assert len({tuple(inputs) for inputs in kept}) > 1  # random, not the first five each time


def by_label(request: Request) -> str:
    prompt = str(request.messages[-1]["content"])
    if "Label:" in prompt:
        return "Label: spam\nBuy now\nLabel: ham\nSee you"
    return "Example 1\nInput: 1\nOutput: 2\nExample 2\nOutput: 4"


def test_faithfully_instances_are_labelled_text_with_the_published_sampling(walk: Walk) -> None:
    teacher = Scripted(by_label)
    children = walk(Instances(faithful=True), teacher, records=[LABELS, PLAIN])
    assert [(c.input, c.output) for c in children] == [("Buy now", "spam"), ("See you", "ham"), ("1", "2"), ("", "4")]
    first, second = (request.sampling for request in teacher.requests)
    assert (first.max_tokens, second.max_tokens) == (300, 350)
    assert (first.temperature, first.top_p, first.presence_penalty) == (0, 0, 1.5)
    assert first.stop == ("Example 6", "Task:")
    assert teacher.prompts[1].endswith("\n\nTask: Double the number.")


@pytest.mark.parametrize(
    ("faithful", "text", "kept"),
    [
        (True, "Example 1\nInput: 1\nOutput: 2\nExample 2\nInput: 2\nOutput: 4", 1),
        (False, pairs(("1", "2"), ("2", "4"))[:-2], 2),
    ],
)
def test_faithfully_the_last_instance_of_a_cut_reply_is_lost_even_if_whole(
    walk: Walk, faithful: bool, text: str, kept: int
) -> None:
    children = walk(Instances(faithful=faithful), Scripted(Choice(text, "length")), records=[PLAIN])
    assert len([child for child in children if child.drop is None]) == kept


def test_the_templates_own_examples_are_dropped(walk: Walk) -> None:
    reply = pairs(("The museum closes at six.", "Does the museum close at six?"), ("The shop opens.", "Does it?"))
    kept, copied = walk(Instances(), Scripted(reply), records=[PLAIN])
    assert copied.drop is not None
    assert copied.drop.reason == "prompt_copy"
    assert kept.drop is None
    plain = Scripted("Example 1\nInput: The museum closes at six.\nOutput: x")
    assert [child.drop for child in walk(Instances(faithful=True), plain, records=[PLAIN])] == [None]
