from __future__ import annotations

import pytest

from synthgen.prompting.copies import Shown

PROMPT = """Make instances of the task.

Task: "Turn the sentence into a question."
{"input": "The museum closes at six.", "output": "Does the museum close at six?"}

Task: "Describe the harbour at night, when the last ferry has left and the lamps go out one after the other."

Task: "把下面的句子翻译成英文，并解释语法。"

Task: "Write a haiku about the following line:\\nThe old pond is still tonight" """


@pytest.mark.parametrize(
    "text",
    [
        "The museum closes at six.",
        "the MUSEUM closes  at six",
        "Describe the harbour at night, when the last ferry has left and the lamps go out one after the other.",
        "Describe the harbour at night, when the last ferry has left and the lamps go out quickly.",
        "把下面的句子翻译成英文，并解释语法。",
    ],
)
def test_what_stands_in_the_prompt_is_a_copy(text: str) -> None:
    for field in ("instruction", "input", "output"):
        drop = Shown(PROMPT).copied({field: text})
        assert drop is not None
        assert drop.reason == "prompt_copy"
        assert field in drop.detail


@pytest.mark.parametrize(
    "text",
    [
        "six",
        "at night, when",  # three words
        "The museum closes at seven.",
        "Describe the harbour at noon, and the lamps that nobody has put out.",
        "翻译成英文",
        "",
    ],
)
def test_little_in_common_is_none(text: str) -> None:
    assert Shown(PROMPT).copied({"instruction": "Add the two numbers.", "input": text}) is None


def test_words_are_whole() -> None:
    assert Shown("a museum closes at sixty").copied({"input": "a museum closes at six"}) is None


def test_the_tasks_own_text_may_be_repeated_as_its_input() -> None:
    own = "Write a haiku about the following line:\nThe old pond is still tonight"
    item = {"input": "The old pond is still tonight", "output": "Frogs sleep under reeds"}
    assert Shown(PROMPT, own=(own,)).copied(item) is None
    assert Shown(PROMPT, own=("Write a haiku.",)).copied(item) is not None


def test_what_is_copied_and_the_tasks_own_too_is_told_apart_run_by_run() -> None:
    own = "Sum up: one two three four five six seven eight nine ten"
    shown = Shown(f"{PROMPT} {own}", own=(own,))
    assert shown.copied({"input": "one two three four five six seven eight nine ten eleven twelve"}) is None


def test_types_of_tasks_are_named_in_prompts() -> None:
    assert (
        Shown("types: question answering, and a long reasoning").copied({"task_type": "and a long reasoning"}) is None
    )
