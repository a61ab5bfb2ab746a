"""The loss at trained positions alone: the values and gradients of a plain one, in every architecture and method."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("trl", reason="the train extra is not installed")

import torch
from pydantic import TypeAdapter
from students import model_of, tokenizer_of
from synthgen_train.loss import Order, inner_of, score_trained_positions
from synthgen_train.methods import Method, Start

pytestmark = pytest.mark.filterwarnings("default")

KINDS = ("llama", "gemma", "qwen", "gpt2")


def batch(vocabulary: int) -> dict[str, torch.Tensor]:
    """Three rows of unlike length, padded on the right, and one without anything trained."""
    torch.manual_seed(1)
    ids = torch.randint(5, vocabulary, (4, 20))
    mask = torch.ones_like(ids)
    labels = ids.clone()
    for row, (start, end) in enumerate([(3, 20), (10, 15), (1, 7), (20, 20)]):
        labels[row, :start] = -100
        labels[row, end:] = -100
        mask[row, max(end, 8) :] = 0
    ids[1:, :12] = ids[0, :12]
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def gradients(model: Any) -> dict[str, torch.Tensor]:
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("compact", [False, True], ids=["padded", "compact"])
@pytest.mark.parametrize("method", ["full", "lora", "prompt", "prefix", "new rows"])
@pytest.mark.parametrize("kind", KINDS)
def test_loss_and_gradients_are_those_of_all_positions(kind: str, method: str, compact: bool) -> None:
    tokenizer = tokenizer_of(kind)
    model = model_of(kind, tokenizer, tied=method != "new rows")
    settings = {"use": "lora" if method == "new rows" else method}
    start = Start(new_tokens=[1, 2] if method == "new rows" else (), text=list(range(5, 40)))
    wrapped = TypeAdapter(Method).validate_python(settings).wrap(model, start)
    given = batch(len(tokenizer))
    items = (given["labels"][:, 1:] != -100).sum()
    plain = wrapped(**given, use_cache=False)
    logits = plain.logits[:, -given["labels"].shape[1] :][:, :-1]
    expected = torch.nn.functional.cross_entropy(
        logits.reshape(-1, logits.shape[-1]), given["labels"][:, 1:].reshape(-1), ignore_index=-100, reduction="sum"
    )
    (expected / items).backward()
    wanted = gradients(wrapped)
    wrapped.zero_grad()

    seen: list[torch.Size] = []
    head = model.get_output_embeddings()
    head.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape))
    score_trained_positions(inner_of(wrapped), compact=compact)
    out = wrapped(**given, fused_lm_head=True)
    assert seen == [torch.Size([int(items), seen[0][-1]])]
    assert out.log_probs.shape[0] == 4
    assert -out.log_probs.sum().item() == pytest.approx(expected.item(), rel=1e-5)
    (-out.log_probs.sum() / items).backward()
    found = gradients(wrapped)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert torch.allclose(found[name], value, atol=1e-6), name
    again = wrapped(**{k: v for k, v in given.items() if k != "labels"}, use_cache=False)
    assert torch.allclose(again.logits, plain.logits)


def test_a_batch_without_trained_positions_gives_nothing_and_no_error() -> None:
    tokenizer = tokenizer_of("qwen")
    model = model_of("qwen", tokenizer)
    score_trained_positions(model)
    given = batch(len(tokenizer))
    given["labels"][:] = -100
    loss = -model(**given, fused_lm_head=True).log_probs.sum()
    loss.backward()
    assert loss.item() == 0
    assert all(value.abs().sum() == 0 for value in gradients(model).values())


def test_rows_of_like_length_come_together_and_every_row_once() -> None:
    import random

    draw = random.Random(0)
    lengths = [round(10 * 2 ** draw.gauss(0, 1)) + 1 for _ in range(1003)]
    sampler = Order(lengths, 8, seed=0, grouped=True)
    first = list(sampler)
    assert sorted(first) == list(range(1003)) != first
    assert list(sampler) == first
    sampler.set_epoch(1)
    assert list(sampler) != first

    def padding(order: list[int]) -> float:
        batches = [order[at : at + 8] for at in range(0, len(order), 8)]
        wide = sum(len(b) * max(lengths[i] for i in b) for b in batches)
        return 1 - sum(lengths) / wide

    shuffled = list(Order(lengths, 8, seed=0, grouped=False))
    assert sorted(shuffled) == sorted(first)
    assert list(Order(lengths, 8, seed=0, grouped=True, empty=5)) == [*first, *range(1003, 1008)]
    assert padding(first) < padding(shuffled) / 5
    middles = [lengths[first[at]] for at in range(0, 1000, 8)]
    assert middles not in (sorted(middles), sorted(middles, reverse=True))


def test_grouping_by_length_trains_on_the_same_rows(recipe: Callable[..., Any], rows: Any, tmp_path: Path) -> None:
    from synthgen_train.report import read_metrics
    from synthgen_train.train import train

    data = rows([{"instruction": "x" * (1 + 5 * (i % 7)), "output": "y" * (i % 5 + 1)} for i in range(24)])
    tokens = {}
    for grouped in (True, False):
        config = recipe(
            data=str(data), max_steps=None, epochs=2, group_by_length=grouped, out=str(tmp_path / str(grouped))
        )
        report = train(config, say=lambda line: None)
        tokens[grouped] = read_metrics(report.out / "metrics.jsonl")[-1]["tokens"]
    assert tokens[True] == tokens[False]
