"""A batch without its padding: every text as it was, each token once; else nothing, where a model answers otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("trl", reason="the train extra is not installed")

import torch
from hypothesis import given
from hypothesis import strategies as st
from students import KINDS, model_of, tokenizer_of
from synthgen_train.compact import SHORTEST, Compact, lay_out
from synthgen_train.loss import score_trained_positions

pytestmark = pytest.mark.filterwarnings("default")

TEXTS = st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=40), min_size=1, max_size=6)


@given(TEXTS, st.booleans())
def test_every_text_is_in_the_row_as_it_was(texts: list[list[int]], share: bool) -> None:
    made = lay_out(texts, share=share)
    starts = [sum(made.pieces[:i]) for i in range(len(made.pieces))]
    assert sum(made.pieces) == len(made.ids) == len(made.positions) <= sum(map(len, texts))
    for text, chain, places in zip(texts, made.texts, made.places, strict=True):
        assert [made.ids[place] for place in places] == text
        assert [made.positions[place] for place in places] == list(range(len(text)))
        assert [
            place for piece in chain for place in range(starts[piece], starts[piece] + made.pieces[piece])
        ] == places
    if not share:
        assert len(made.ids) == sum(map(len, texts))


def test_what_texts_begin_with_comes_once() -> None:
    system, task = list(range(20)), list(range(50, 60))
    pair = [[*system, *task, 1, 2, 3], [*system, *task, 4, 5]]
    made = lay_out([*pair, [*system, 7], system])
    assert len(made.ids) == len(system) + len(task) + 3 + 2 + 1
    short = lay_out([[*range(SHORTEST - 1), 90], [*range(SHORTEST - 1), 91]])
    assert len(short.ids) == 2 * SHORTEST


def scored(model: Any, batch: dict[str, Any], *, compact: bool) -> tuple[torch.Tensor, int]:
    """The log-probabilities, and how many tokens the model's layers had before them."""
    vars(model).pop("forward", None)
    score_trained_positions(model, compact=compact)
    seen: list[int] = []
    watch = model.get_input_embeddings().register_forward_hook(
        lambda module, inputs, out: seen.append(inputs[0].numel())
    )
    out = model(**batch, fused_lm_head=True).log_probs
    watch.remove()
    return out.detach(), seen[-1]


def batch_of(texts: list[list[int]], loss: str = "all") -> dict[str, torch.Tensor]:
    wide = max(map(len, texts))
    ids = torch.tensor([text + [0] * (wide - len(text)) for text in texts])
    mask = torch.tensor([[1] * len(text) + [0] * (wide - len(text)) for text in texts])
    return {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, -100)}


@pytest.mark.parametrize("kind", KINDS)
def test_log_probabilities_are_those_of_the_padded_batch(kind: str) -> None:
    model = model_of(kind, tokenizer_of(kind))
    start = list(range(20, 32))
    batch = batch_of([[*start, 40, 41], [*start, 50], [60, 61, 62], [*start, 40, 41], start])
    padded, before = scored(model, batch, compact=False)
    found, tokens = scored(model, batch, compact=True)
    assert (before, tokens) == (5 * 14, 12 + 2 + 1 + 3 + 2)
    assert torch.allclose(found, padded, atol=1e-5)


def test_a_row_of_several_texts_is_taken_text_by_text() -> None:
    model = model_of("llama", tokenizer_of("llama"))
    texts = [[*range(20, 32), 40], [*range(20, 32), 50, 51], [60, 61]]
    alone, _ = scored(model, batch_of(texts), compact=False)
    ids = torch.tensor([[token for text in texts for token in text]])
    positions = torch.tensor([[at for text in texts for at in range(len(text))]])
    packed = {"input_ids": ids, "position_ids": positions, "labels": ids.masked_fill(positions == 0, -100)}
    for compact in (False, True):
        found, _ = scored(model, packed, compact=compact)
        assert found.sum().item() == pytest.approx(alone.sum().item(), rel=1e-5)


def test_texts_beyond_a_window_are_computed_as_they_are() -> None:
    model = model_of("gemma", tokenizer_of("gemma"))
    long = list(range(20, 20 + model.config.sliding_window + 1))
    batch = batch_of([long, long[:5]])
    assert scored(model, batch, compact=True)[1] == batch["input_ids"].numel()
    assert scored(model, batch_of([long[:-1], long[:5]]), compact=True)[1] == len(long) - 1 + 5


def test_a_model_that_would_answer_otherwise_is_left_as_it_is() -> None:
    import transformers

    shape = {"vocab_size": 90, "hidden_size": 32, "n_layer": 2, "n_head": 2}
    bloom = transformers.AutoModelForCausalLM.from_config(transformers.BloomConfig(**shape))
    assert Compact.of(bloom) is None  # its positions are told by the mask
    eager = model_of("llama", tokenizer_of("llama"))
    eager.set_attn_implementation("eager")
    assert Compact.of(eager) is None
    llama = model_of("llama", tokenizer_of("llama"))
    assert Compact.of(llama) is not None
    assert llama.training  # as it was


def test_with_dropout_no_text_shares_what_is_drawn_for_another() -> None:
    model = model_of("gpt2", tokenizer_of("gpt2"))
    assert Compact(model).shares
    model.transformer.h[0].mlp.dropout.p = 0.1
    assert not Compact(model).shares


@pytest.mark.parametrize("objective", ["sft", "dpo"])
def test_a_training_has_the_losses_of_padded_batches(
    recipe: Callable[..., Any], rows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objective: str
) -> None:
    from synthgen_train.loss import Scores
    from synthgen_train.report import read_metrics
    from synthgen_train.train import train

    texts = [
        {"prompt": "x" * (1 + i % 7), "chosen": "y" * (1 + i % 5), "rejected": "z" * (1 + i % 3)} for i in range(16)
    ]
    if objective == "sft":
        texts = [{"instruction": row["prompt"], "input": "", "output": row["chosen"]} for row in texts]
    losses = {}
    for compact in (True, False):
        monkeypatch.setattr(Scores, "compact", compact)
        out = tmp_path / f"{compact}"
        config = recipe(
            data=rows(texts), objective=objective, method={"use": "lora"}, max_steps=4, log_every=1, out=out
        )
        train(config, say=lambda line: None)
        losses[compact] = [row["loss"] for row in read_metrics(out / "metrics.jsonl")]
    assert losses[True] == pytest.approx(losses[False], rel=1e-4)
