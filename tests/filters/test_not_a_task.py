from __future__ import annotations

import pytest

from synthgen.filters.no_task import not_a_task
from synthgen.records import Message, Record

NO_TASKS = {
    "You are a helpful assistant who knows a lot about plants.": "describes the model",
    "You are an AI model. You can write in many languages.": "describes the model",
    "Your role is that of a teacher, and your tone is friendly.": "describes the model",
    "As an AI assistant, you are always polite.": "describes the model",
    "Here are some tasks that teach a model to follow orders.": "an assistant speaks",
    "Sure, this is the list.": "an assistant speaks",
    "I am here to help with all kinds of work.": "an assistant speaks",
    # a reply of SmolLM2
    "This is an example of the task. It contains no extra information and does not have any more steps.": "states",
    "The first sentence of a paragraph is too long. The second sentence of a paragraph is too long.": "states",
    "The Eiffel Tower is a tower in Paris.": "states",
    "**Summary**": "heading",
    "## Task 3": "heading",
    "Instruction:": "heading",
    "The Benefits of Regular Exercise": "title",
    "Exploring the World of Volcanoes": "title",
}
TASKS = [
    "What is the main theme of the play",
    "Is this a question",
    "The sentence might be too wordy. Rewrite it.",
    "The text is full of errors that should be found.",
    "You are a chef. Plan a menu for six people.",
    "You are given a list of words. Sort them.",
    "You have two apples and eat one. How many are left?",
    "big -> small, hot ->",
    "The capital of France is ____.",
    "Q: The sky is\nA:",
    "My mother is turning sixty and needs a present.",
    "I am looking for a book like Dune.",
    "It's your turn to sort the words.",
    "Using the food that is there, plan a dinner.",
    "a poem about the sea",
    "Explore the World of Volcanoes in Two Sentences",
    "recipe for pancakes",
    "Der Himmel ist blau.",
    "这是一句话。",
    "",
]


@pytest.mark.parametrize("instruction", NO_TASKS)
def test_what_asks_for_nothing_is_dropped_and_said(instruction: str) -> None:
    drop = not_a_task(Record(instruction=instruction))
    assert drop is not None
    assert drop.reason == "not_a_task"
    assert NO_TASKS[instruction] in (drop.detail or "")


@pytest.mark.parametrize("instruction", TASKS)
def test_tasks_pass(instruction: str) -> None:
    assert not_a_task(Record(instruction=instruction)) is None


def test_earlier_turns_may_make_a_statement_a_task() -> None:
    turns = (Message(role="user", content="Where does it hurt?"),)
    assert not_a_task(Record(instruction="It is the left knee.", history=turns)) is None
    assert not_a_task(Record(instruction="It is the left knee.")) is not None
