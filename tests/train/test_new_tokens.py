"""LoRA on a base model whose tokenizer lacks the tokens of the template."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("peft", reason="the train extra is not installed")

import torch
from safetensors.torch import load_file
from synthgen_train.generation import answer, load_trained
from synthgen_train.report import read_metrics
from synthgen_train.tiny import FromScratch, model_of
from synthgen_train.train import train
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from synthgen.requests.request import Request, Sampling
from synthgen.teachers.transformers import Transformers

pytestmark = pytest.mark.filterwarnings("default")

PROMPTS = [[{"role": "user", "content": f"say {i}"}] for i in range(10)]


def write_base(folder: Path, *, tied: bool) -> Path:
    """A model whose only special token is <|endoftext|>."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(["<|endoftext|>", *alphabet])}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<|endoftext|>")
    model = model_of(tokenizer, FromScratch(hidden=64, layers=2, heads=4, context=96))
    if not tied:
        model.config.tie_word_embeddings = False
        model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight) * 0.02)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("tied", [True, False])
def test_new_tokens_are_trained_saved_resumed_and_merged(recipe: Any, tmp_path: Path, tied: bool) -> None:
    empty = write_base(tmp_path / "empty", tied=tied)
    known = {"template": "xml", "learning_rate": 1e-2, "max_steps": 150, "out": str(tmp_path / "known")}
    base = train(recipe(model=str(empty), **known), say=lambda line: None).model
    settings = {
        "model": str(base),
        "template": "chatml",
        "method": {"use": "lora", "r": 16},
        "merge": True,
        "learning_rate": 1e-2,
        "max_steps": 100,
        "log_every": 10,
        "save_every": 50,
    }
    lines: list[str] = []
    report = train(recipe(**settings, out=str(tmp_path / "straight")), say=lines.append)
    assert any("new tokens" in line for line in lines)
    saved = load_file(report.model / "adapter_model.safetensors")
    rows = {name: value for name, value in saved.items() if "lora_" not in name}
    assert len(rows) == (1 if tied else 2), rows.keys()
    assert all(value.shape == (2, 64) for value in rows.values())

    model, tokenizer = load_trained(report.model)
    replies = answer(model, tokenizer, PROMPTS, max_tokens=8)
    assert all(reply.stopped for reply in replies)
    assert report.merged is not None
    plain, _ = load_trained(report.merged)
    assert answer(plain, tokenizer, PROMPTS, max_tokens=8) == replies
    before = load_file(base / "model.safetensors")["model.embed_tokens.weight"]
    after = plain.get_input_embeddings().weight.detach()
    assert after.shape[0] == before.shape[0] + 2
    assert torch.equal(after[: before.shape[0]], before)

    def stop(line: str) -> None:
        if line.startswith("step 70/"):
            raise KeyboardInterrupt

    config = recipe(**settings, out=str(tmp_path / "stopped"))
    with pytest.raises(KeyboardInterrupt):
        train(config, say=stop)
    resumed = train(config, say=lambda line: None)
    assert resumed.resumed_from == 50
    assert len(read_metrics(config.out / "metrics.jsonl")) == 10
    again = load_file(resumed.model / "adapter_model.safetensors")
    assert all(torch.equal(saved[name], again[name]) for name in saved)


def test_other_tools_load_the_adapter(recipe: Any, tmp_path: Path) -> None:
    from peft import AutoPeftModelForCausalLM

    base = write_base(tmp_path / "base", tied=True)
    report = train(recipe(model=str(base), method={"use": "lora"}), say=lambda line: None)
    model, tokenizer = load_trained(report.model)
    other = AutoPeftModelForCausalLM.from_pretrained(report.model).eval()
    ids = torch.tensor([tokenizer.apply_chat_template(PROMPTS[0], return_dict=True)["input_ids"]])
    with torch.no_grad():
        assert torch.allclose(model(ids).logits, other(ids).logits, atol=1e-5)


@pytest.mark.parametrize("named", [True, False], ids=["path is the adapter", "path is the base"])
def test_the_transformers_teacher_serves_the_adapter(recipe: Any, tmp_path: Path, named: bool) -> None:
    base = write_base(tmp_path / "base", tied=True)
    known = {"method": {"use": "lora", "r": 16}, "learning_rate": 1e-2, "max_steps": 60}
    report = train(recipe(model=str(base), **known), say=lambda line: None)
    model, tokenizer = load_trained(report.model)
    greedy = Sampling(temperature=0, max_tokens=8)

    async def ask() -> list[str | None]:
        where = {"path": str(report.model)} if named else {"path": str(base), "adapter": str(report.model)}
        teacher = Transformers(**where)
        await teacher.open()
        try:
            asked = [Request("m", tuple(prompt), sampling=greedy) for prompt in PROMPTS]
            return [(await teacher.complete(request)).choices[0].text for request in asked]
        finally:
            await teacher.close()

    assert asyncio.run(ask()) == [reply.text for reply in answer(model, tokenizer, PROMPTS, max_tokens=8)]
