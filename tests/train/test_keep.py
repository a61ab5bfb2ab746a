from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("trl", reason="the train extra is not installed")

import torch
from synthgen_train.examples import IGNORED, make_examples
from synthgen_train.generation import load_trained
from synthgen_train.report import read_metrics
from synthgen_train.train import train

from synthgen.records import Record

pytestmark = pytest.mark.filterwarnings("default")

Recipe = Callable[..., Any]
quiet: Callable[[str], None] = lambda line: None  # noqa: E731
RECORDS = [Record(instruction=f"say {i}", output=f"{i} {i}") for i in range(24)]


@pytest.fixture(scope="module")
def start(recipe_in: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learnt something, from which further training can lead away."""
    report = train(recipe_in(tmp_path_factory.mktemp("start"), max_steps=40, learning_rate=5e-3), say=quiet)
    return Path(report.model)


def trained(start: Path, recipe: Recipe, rows: Any, tmp_path: Path, name: str, **more: Any) -> Path:
    other = rows([{"instruction": f"say {i}", "output": "zz" * (i % 3 + 1)} for i in range(24)], "other.jsonl")
    config = recipe(
        model=str(start),
        data=str(other),
        max_steps=30,
        learning_rate=3e-3,
        out=str(tmp_path / name),
        merge=False,
        **more,
    )
    report = train(config, say=quiet)
    return Path(report.model)


def divergence(start: Path, folder: Path) -> float:
    """Mean KL(start || student) over the answers of the first data."""
    before, tokenizer = load_trained(start)
    after, _ = load_trained(folder)
    total, positions = 0.0, 0
    for example in make_examples(RECORDS, tokenizer, max_length=96).items:
        ids = torch.tensor([example.input_ids])
        chosen = torch.tensor(example.labels)[1:] != IGNORED
        with torch.no_grad():
            p = torch.log_softmax(before(input_ids=ids).logits[0, :-1][chosen], -1)
            q = torch.log_softmax(after(input_ids=ids).logits[0, :-1][chosen], -1)
        total += (p.exp() * (p - q)).sum().item()
        positions += int(chosen.sum())
    return total / positions


def distance(start: Path, folder: Path) -> float:
    before, after = load_trained(start)[0], load_trained(folder)[0]
    pairs = zip(before.parameters(), after.parameters(), strict=True)
    return sum((a - b).pow(2).sum().item() for a, b in pairs)


@pytest.mark.parametrize("method", [{"use": "full"}, {"use": "lora", "r": 8}], ids=["full", "lora"])
def test_the_kl_term_keeps_the_students_answers_near_the_starts(
    start: Path, recipe: Recipe, rows: Any, tmp_path: Path, method: dict[str, Any]
) -> None:
    found = [
        divergence(start, trained(start, recipe, rows, tmp_path, f"kl{kl}", method=method, keep={"kl": kl}))
        for kl in (0.0, 0.5, 5.0)
    ]
    assert found[0] > found[1] > found[2]
    assert found[2] < found[0] / 3
    metrics = read_metrics(tmp_path / "kl5.0" / "metrics.jsonl")
    assert metrics[0]["keep/kl"] == pytest.approx(0, abs=1e-5)
    assert metrics[-1]["keep/kl"] > 0


def test_the_l2_term_keeps_the_weights_near_the_start(start: Path, recipe: Recipe, rows: Any, tmp_path: Path) -> None:
    found = [
        distance(start, trained(start, recipe, rows, tmp_path, f"l2{l2}", keep={"l2": l2})) for l2 in (0.0, 0.1, 10.0)
    ]
    assert found[0] > found[1] > found[2]
    assert found[2] < found[0] / 3


def test_a_small_learning_rate_replay_and_lora_forget_less(
    start: Path, recipe: Recipe, rows: Any, tmp_path: Path
) -> None:
    def loss(folder: Path) -> float:
        model, tokenizer = load_trained(folder)
        losses = []
        for e in make_examples(RECORDS, tokenizer, max_length=96).items:
            with torch.no_grad():
                losses.append(model(input_ids=torch.tensor([e.input_ids]), labels=torch.tensor([e.labels])).loss.item())
        return sum(losses) / len(losses)

    plain = loss(trained(start, recipe, rows, tmp_path, "plain"))
    new = rows([{"instruction": f"tell {i}", "output": "zz" * (i % 3 + 1)} for i in range(24)], "new.jsonl")
    old = rows([{"instruction": r.instruction, "output": r.output} for r in RECORDS], "old.jsonl")
    fresh = loss(trained_on(start, recipe, [{"path": str(new)}], tmp_path / "fresh"))
    mixed = loss(
        trained_on(
            start,
            recipe,
            [{"path": str(new)}, {"path": str(old), "earlier": True}],
            tmp_path / "mixed",
            mix={"replay": 0.4},
        )
    )
    slow = loss(trained_on(start, recipe, [{"path": str(new)}], tmp_path / "slow", learning_rate=1e-5))
    assert mixed < fresh
    assert slow < fresh
    assert slow < plain


def trained_on(start: Path, recipe: Recipe, data: list[dict[str, Any]], out: Path, **more: Any) -> Path:
    settings = {"max_steps": 30, "learning_rate": 3e-3, **more}
    report = train(recipe(model=str(start), data=data, out=str(out), **settings), say=quiet)
    return Path(report.model)
