from __future__ import annotations

import pytest

from synthgen.filters.poor_answers import refusal
from synthgen.records import Record


@pytest.mark.parametrize(
    "output",
    [
        "I'm sorry, but I can't assist with that.",
        "I’m sorry, I cannot help with this request.",
        "As an AI language model, I have no opinions.",
        "I am an AI and cannot feel.",
        "I cannot browse the internet.",
        "I don't have access to real-time data.",
        "Als KI-Sprachmodell habe ich keine Meinung.",
        "Es tut mir leid, aber ich kann das nicht.",
        "En tant qu'IA, je n'ai pas d'avis.",
        "Lo siento, pero no puedo ayudarte.",
        "Desculpe, mas não posso ajudar.",
        "Mi dispiace, ma non posso aiutarti.",
        "К сожалению, я не могу помочь.",
        "很抱歉，我无法回答这个问题。",
        "作为一个人工智能，我没有感情。",
        "申し訳ありませんが、その質問にはお答えできません。",
        "죄송하지만 도와드릴 수 없습니다.",
    ],
)
def test_declining_answers_are_dropped(output: str) -> None:
    drop = refusal(Record(instruction="What is your view?", output=output))
    assert drop is not None
    assert drop.reason == "refusal"


@pytest.mark.parametrize(
    ("instruction", "output"),
    [
        ("Decline an invitation politely.", "I'm sorry, but I can't help at the fair."),
        ("How should an AI assistant talk?", "As an AI assistant, be polite and brief."),
        ("Write a line of dialogue.", "“I can't help loving you,” she said."),
        ("Why did he leave?", "He was sorry that he could not help."),
        ("Name a job.", "As an AI researcher, she studies learning machines."),
        ("用一句话道歉。", "很抱歉，我不能来。"),
        ("Say why.", "Unfortunately, I missed the train."),
    ],
)
def test_answers_that_only_sound_alike_are_kept(instruction: str, output: str) -> None:
    assert refusal(Record(instruction=instruction, output=output)) is None


def test_only_the_beginning_counts_and_phrases_add_to_it() -> None:
    late = "x" * 250 + " as an AI language model"
    assert refusal(Record(instruction="x", output=late)) is None
    assert refusal(Record(instruction="x", output=late), within=300) is not None
    own = Record(instruction="x", output="This goes against my rules.")
    assert refusal(own) is None
    assert refusal(own, phrases=("against my rules",)) is not None
    assert refusal(Record(instruction="x")) is None
