from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("trl", reason="the train extra is not installed")

import torch
from synthgen_train.examples import IGNORED, judged, make_examples, make_pairs
from synthgen_train.generation import load_trained
from synthgen_train.objectives import dpo_rows, kto_rows
from synthgen_train.preflight import PreflightError
from synthgen_train.train import train

from synthgen.records import Answer, Message, Record

pytestmark = pytest.mark.filterwarnings("default")

Recipe = Callable[..., Any]
quiet: Callable[[str], None] = lambda line: None  # noqa: E731
ROWS = [{"prompt": f"say {i}", "chosen": f"{i} {i}", "rejected": f"{i} no"} for i in range(16)]


def answers(*pairs: tuple[str, float | None]) -> Record:
    return Record(instruction="q", answers=tuple(Answer(text=t, score=s) for t, s in pairs))


def test_the_best_and_the_worst_answer_make_the_pair() -> None:
    best, worst = judged(answers(("a", 0.2), ("b", 0.9), ("c", -1.0), ("d", None)))
    assert best is not None
    assert worst is not None
    assert (best.text, worst.text) == ("b", "c")
    for none in (answers(), answers(("a", 1.0), ("b", 1.0)), answers(("a", 1.0), ("a", 0.0)), answers(("a", None))):
        assert judged(none) == (None, None)
    good, bad = judged(answers(("a", 1.0))), judged(answers(("a", 0.0)))
    assert (good[1], bad[0]) == (None, None)
    assert good[0] is not None
    assert bad[1] is not None


def test_prompt_and_answers_are_split_at_the_last_turn(recipe: Recipe) -> None:
    from synthgen_train.loading import load_student

    tokenizer = load_student(recipe(), []).tokenizer
    record = Record(
        instruction="q",
        history=(Message(role="user", content="h"), Message(role="assistant", content="k")),
        answers=(Answer(text="good", score=1), Answer(text="bad", score=0)),
    )
    single = Record(instruction="s", answers=(Answer(text="only", score=1),))
    pairs, seen = make_pairs(
        [record, single, Record(instruction="x", output="y")], tokenizer, max_length=96, single=True
    )
    assert seen.left_out == {"no_preference": 1}
    (row,) = dpo_rows(pairs)
    assert tokenizer.decode(row["chosen_ids"]) == "good<|im_end|>"
    assert tokenizer.decode(row["rejected_ids"]) == "bad<|im_end|>"
    prompt = [*({"role": m.role, "content": m.content} for m in record.history), {"role": "user", "content": "q"}]
    expected = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=True)["input_ids"]
    assert row["prompt_ids"] == expected
    kto = list(kto_rows(pairs, 2))
    assert [(tokenizer.decode(r["completion_ids"]), r["label"]) for r in kto] == [
        ("good<|im_end|>", True),
        ("bad<|im_end|>", False),
        ("only<|im_end|>", True),
    ]
    assert kto[0]["KL_completion_ids"] == kto[1]["completion_ids"]
    assert make_pairs([single], tokenizer, max_length=96)[1].left_out == {"no_preference": 1}
    assert make_pairs([record], tokenizer, max_length=10)[1].left_out == {"too_long": 1}


def margin(folder: Path) -> float:
    """Mean log-probability of the chosen answers less that of the rejected ones."""
    model, tokenizer = load_trained(folder)
    total = 0.0
    for row in ROWS:
        for key, sign in (("chosen", 1), ("rejected", -1)):
            (e,) = make_examples([Record(instruction=row["prompt"], output=row[key])], tokenizer, max_length=96).items
            labels = torch.tensor(e.labels)[1:]
            with torch.no_grad():
                logits = torch.log_softmax(model(input_ids=torch.tensor([e.input_ids])).logits[0, :-1], -1)
            keep = labels != IGNORED
            total += sign * logits[keep].gather(1, labels[keep][:, None]).sum().item()
    return total / len(ROWS)


@pytest.fixture(scope="module")
def first(recipe_in: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    report = train(recipe_in(tmp_path_factory.mktemp("start"), max_steps=20, learning_rate=5e-3), say=quiet)
    return Path(report.model)


@pytest.mark.parametrize("objective", ["dpo", "kto"])
@pytest.mark.parametrize("method", ["full", "lora"])
def test_preferences_move_the_student_towards_the_chosen_answers(
    recipe: Recipe, rows: Any, first: Path, objective: str, method: str
) -> None:
    report = train(
        recipe(
            model=str(first),
            data=str(rows(ROWS)),
            objective=objective,
            method={"use": method},
            max_steps=12,
            learning_rate=1e-2 if method == "lora" else 1e-3,
        ),
        say=quiet,
    )
    assert report.plan["examples"] == 32
    assert not list(report.model.glob("ref"))
    assert margin(report.model) > margin(first) + 0.5


def test_data_without_preferences_is_told(recipe: Recipe) -> None:
    with pytest.raises(PreflightError, match="24 no_preference"):
        train(recipe(objective="dpo"), say=quiet)
