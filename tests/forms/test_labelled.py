"""Labelled replies as models write them: what heads or closes them belongs to no item."""

from __future__ import annotations

import time

import pytest

from synthgen.forms import TASKS
from synthgen.forms.parsed import MOST_ITEMS, MOST_PIECES

HEADINGS = [
    "Task {n}",
    "Task {n}:",
    "**Task {n}**",
    "**Task {n}:**",
    "### Task {n}",
    "### Task {n}: Geography",
    "## {n}. Geography",
    "**{n}. Geography**",
    "Example {n}",
    "Example #{n}",
    "Exercise No. {n}",
    "[Task {n}]",
    "=== Task {n} ===",
    "--- Task {n} ---",
    "Task {n} of 2",
    "Task {n} - Geography",
    "{n}.",
    "{n})",
    "🌍 Task {n}",
    "TASK {n}",
    "Aufgabe {n}",
    "Beispiel {n}:",
    "**Tarea {n}**",
    "Exercice {n} :",
    "Esempio {n}",
    "Задание {n}",
    "任务 {n}",
    "任务{n}：",
    "第{n}题",
    "タスク{n}",
    "과제 {n}",
    "---\n\nTask {n}",
    "{n}. Geography",
]


@pytest.mark.parametrize("heading", HEADINGS)
@pytest.mark.parametrize(
    "labels", [("Instruction:", "Input:", "Output:"), ("**Instruction:**", "**Input:**", "**Output:**")]
)
def test_what_heads_the_next_item_belongs_to_none(heading: str, labels: tuple[str, str, str]) -> None:
    instruction, given, output = labels
    text = "\n\n".join(
        f"{heading.format(n=n)}\n{instruction} {asked}\n{given} None\n{output} {answer}"
        for n, (asked, answer) in enumerate([("Name the capital.", "Lima is it."), ("Name a river.", "The Amazon")], 1)
    )
    parsed = TASKS.parse(text)
    assert [(item["instruction"], item["input"], item["output"]) for item in parsed.items] == [
        ("Name the capital.", "", "Lima is it."),
        ("Name a river.", "", "The Amazon"),
    ]
    assert parsed.broken == ()


@pytest.mark.parametrize(
    "close",
    [
        "I hope these tasks help! Let me know if you want more.",
        "Let me know if you'd like more examples!",
        "---\n\nFeel free to ask for changes.",
        "These tasks cover geography and language.\n\nWould you like more of them?",
        "Ich hoffe, diese Aufgaben helfen!",
        "Espero que estas tareas te sirvan.",
        "N'hésitez pas à demander d'autres exemples.",
        "Надеюсь, эти задания помогут.",
        "希望这些任务对您有帮助！",
    ],
)
def test_what_is_said_to_the_user_belongs_to_no_answer(close: str) -> None:
    parsed = TASKS.parse(f"Instruction: Name the capital.\nInput:\nOutput: Lima.\n\nIt is large.\n\n{close}")
    assert [item["output"] for item in parsed.items] == ["Lima.\n\nIt is large."]


@pytest.mark.parametrize(
    "answer",
    [
        "Dear Ann,\n\nI am ill.\n\nBest,\nTom",
        "1. Mix.\n2. Bake.",
        "1. Mix.\n\n2. Bake.",
        "The sum is\n42",
        "Para.\n\n**Note:** it is hot.",
        "```python\nprint(1)\n```",
        "Question 1: Who?\nQuestion 2: Why?",
        "Roses are red.\n\nViolets are blue.",
    ],
)
def test_answers_keep_their_own_lines(answer: str) -> None:
    parsed = TASKS.parse(f"Instruction: Write.\nOutput: {answer}\n\nInstruction: Next?\nOutput: Done.")
    assert [item["output"] for item in parsed.items] == [answer, "Done."]


def test_what_cannot_be_told_is_no_item() -> None:
    letter = TASKS.parse("Instruction: Write a mail.\nOutput: Dear Ann,\n\nI am ill.\n\nLet me know if that works.")
    assert letter.items == ()
    assert letter.broken[0].reason == "malformed"
    assert "cannot be told" in letter.broken[0].detail
    headed = TASKS.parse("Geography\nInstruction: A?\nOutput: B.\n\nLanguage\nInstruction: C?\nOutput: D.")
    assert [item["output"] for item in headed.items] == ["D."]


@pytest.mark.parametrize(
    ("labels", "fields"),
    [
        ("Anweisung: A?\nEingabe: x\nAusgabe: B.", "A?xB."),
        ("指令：A?\n输入：x\n输出：B.", "A?xB."),
        ("## Instruction\nA?\n## Input\nx\n## Output\nB.", "A?xB."),
        ("**Instruction**\nA?\n**Output**\nB.", "A?B."),
    ],
)
def test_labels_of_other_languages_and_marks(labels: str, fields: str) -> None:
    (item,) = TASKS.parse(labels).items
    assert item["instruction"] + item["input"] + item["output"] == fields


@pytest.mark.parametrize(
    "text", ['{"instruction"' * 20_000, '{"instruction": 1, ' * 20_000, "Instruction:\nOutput: a\n" * 9_000]
)
def test_one_reply_yields_no_flood(text: str) -> None:
    parsed = TASKS.parse(text)
    assert len(parsed.items) <= MOST_ITEMS
    assert len(parsed.broken) <= MOST_PIECES + 2
    assert "left out" in parsed.broken[-1].detail


@pytest.mark.parametrize(
    "piece",
    ["\n", "Task 2\n", "_", "#", "Instruction:", "* ", "I hope these tasks\n\n", "Output: a\n\n", "--- ", "1. a\n"],
)
def test_long_repetitive_replies_cost_no_more_than_their_length(piece: str) -> None:
    took = []
    for size in (10_000, 20_000):
        text = "Instruction: x\nOutput: y\n\n" + piece * (size // len(piece))
        best = min(_seconds(text) for _ in range(3))
        took.append(best)
    assert took[1] < 3.5 * took[0] + 0.02


def _seconds(text: str) -> float:
    started = time.process_time()
    TASKS.parse(text)
    return time.process_time() - started
