"""Students of small models as their makers shape them: what is kept of a training, and that it answers as it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("trl", reason="the train extra is not installed")

import torch
from pydantic import TypeAdapter
from safetensors.torch import load_file, save_file
from students import checkpoint, model_of, tokenizer_of
from synthgen_train.checkpoints import COMPLETE, damage, seal
from synthgen_train.examples import prompt_ids
from synthgen_train.generation import answer
from synthgen_train.loading import answers_as_it_is, load_trained
from synthgen_train.methods import Method, Start
from synthgen_train.report import read_metrics
from synthgen_train.train import train

from synthgen.errors import ConfigError

pytestmark = pytest.mark.filterwarnings("default")

Recipe = Callable[..., Any]
quiet: Callable[[str], None] = lambda line: None  # noqa: E731
PROMPTS = [
    [{"role": "user", "content": text}] for text in ("say 3", "Name the colour of the red cup.", "x", "say " * 30)
]


def method_of(**settings: Any) -> Any:
    return TypeAdapter(Method).validate_python(settings)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    (file,) = folder.glob("*.safetensors")
    return dict(load_file(file))


CASES = [(kind, use) for kind in ("llama", "gemma", "qwen", "gpt2") for use in ("full", "lora", "prefix", "prompt")]
CASES += [("llama", "adapter"), ("llama", "ia3"), ("gpt2", "adapter"), ("gpt2", "bitfit"), ("gpt2", "ia3")]


@pytest.mark.parametrize(("kind", "use"), CASES)
def test_a_student_loaded_by_others_answers_as_it_was_trained_to(
    kind: str, use: str, recipe: Recipe, tmp_path: Path
) -> None:
    """Alone or with others, whatever its neighbours' lengths, and through PEFT alone where PEFT knows the method."""
    from peft import AutoPeftModelForCausalLM
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = checkpoint(kind, tmp_path / "base")
    template = "xml" if kind == "gpt2" else None
    settings = {"model": str(base), "template": template, "method": {"use": use}, "eval_share": 0.2, "eval_prompts": 3}
    report = train(recipe(**settings, learning_rate=3e-3, max_steps=4), say=quiet)
    assert report.start_loss is not None
    model, tokenizer = load_trained(report.model)
    together = answer(model, tokenizer, PROMPTS, max_tokens=12)
    assert [answer(model, tokenizer, [prompt], max_tokens=12)[0] for prompt in PROMPTS] == together
    assert len({reply.text for reply in together}) > 2 or kind == "gemma"  # which repeats the last token
    if use == "adapter":
        return
    theirs = (AutoModelForCausalLM if use in ("full", "bitfit") else AutoPeftModelForCausalLM).from_pretrained(
        report.model
    )
    their_tokenizer = AutoTokenizer.from_pretrained(report.model)
    for prompt, reply in zip(PROMPTS, together, strict=True):
        given = their_tokenizer.apply_chat_template(
            prompt, add_generation_prompt=True, return_dict=True, return_tensors="pt"
        )
        out = theirs.eval().generate(**given, max_new_tokens=reply.tokens + reply.stopped, do_sample=False)
        said = their_tokenizer.decode(out[0, given["input_ids"].shape[1] :], skip_special_tokens=True)
        assert said == reply.text


def test_a_prompt_near_the_context_cuts_no_answer_but_its_own() -> None:
    tokenizer = tokenizer_of("gpt2")
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    model = model_of("gpt2", tokenizer)
    model.generation_config.eos_token_id = None
    long = [{"role": "user", "content": "x " * 62}]
    fits = len(prompt_ids(tokenizer, long))
    assert 120 < fits < 128
    beyond = [{"role": "user", "content": "x " * 64}]
    replies = answer(model, tokenizer, [PROMPTS[0], long, PROMPTS[1], beyond], max_tokens=20)
    assert [reply.tokens for reply in replies] == [20, 128 - fits, 20, 0]


@pytest.mark.parametrize("kind", ["llama", "gemma", "qwen", "gpt2"])
def test_a_new_prefix_or_prompt_is_real_text_before_the_text(kind: str) -> None:
    tokenizer = tokenizer_of(kind)
    text, ids = list(range(5, 15)), torch.tensor([[20, 21, 22, 23, 24]])
    model = model_of(kind, tokenizer).eval()
    with torch.no_grad():
        expected = model(input_ids=torch.cat([torch.tensor([text]), ids], 1)).logits[:, -5:]
    for use in ("prefix", "prompt"):
        wrapped = method_of(use=use, virtual_tokens=10).wrap(model_of(kind, tokenizer), Start(text=text)).eval()
        with torch.no_grad():
            found = wrapped(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[:, -5:]
        assert torch.allclose(found, expected, atol=1e-5), use
        answers_as_it_is(wrapped, tokenizer)


def test_a_generate_that_leaves_the_prefix_out_is_told_with_the_versions(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import peft

    base = checkpoint("llama", tmp_path / "base")
    settings = {"model": str(base), "method": {"use": "prefix"}, "learning_rate": 0.1}
    report = train(recipe(**settings), say=quiet)
    monkeypatch.setattr(
        peft.PeftModelForCausalLM, "generate", lambda self, **given: self.get_base_model().generate(**given)
    )
    with pytest.raises(ConfigError, match=r"transformers 5\.\d+.* and peft 0\.\d+"):
        load_trained(report.model)
    with pytest.raises(ConfigError, match="transformers 5"):
        train(recipe(**settings, out=str(tmp_path / "again")), say=quiet)


@pytest.mark.parametrize("use", ["full", "lora", "adapter", "prefix", "prompt", "ia3"])
def test_checkpointed_activations_change_nothing(use: str, recipe: Recipe, tmp_path: Path) -> None:
    base = checkpoint("llama", tmp_path / "base")
    found = []
    for on in (True, False):
        settings = {"model": str(base), "method": {"use": use}, "gradient_checkpointing": on, "learning_rate": 1e-2}
        report = train(recipe(**settings, max_steps=3, out=str(tmp_path / str(on))), say=quiet)
        found.append(weights(report.model))
    assert all(torch.allclose(found[0][name], found[1][name], atol=1e-6) for name in found[0])


@pytest.mark.parametrize("tied", [True, False])
def test_new_turn_tokens_start_as_what_does_their_work(tied: bool, recipe: Recipe, tmp_path: Path) -> None:
    base = checkpoint("gemma", tmp_path / "base", chat=False, tied=tied)
    settings = {
        "model": str(base),
        "method": {"use": "lora"},
        "weight_decay": 0.5,
        "merge": True,
    }
    lines: list[str] = []
    report = train(recipe(**settings, learning_rate=1e-30), say=lines.append)
    assert any("copies of <eos> and <start_of_turn>" in line for line in lines)
    assert report.merged is not None
    model, tokenizer = load_trained(report.merged)
    ids = tokenizer.get_vocab()
    for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
        rows = layer.weight.detach()
        assert torch.allclose(rows[ids["<|im_end|>"]], rows[ids["<eos>"]], atol=1e-6)
        assert torch.allclose(rows[ids["<|im_start|>"]], rows[ids["<start_of_turn>"]], atol=1e-6)
    saved = weights(report.model)
    assert max(value.shape[0] for name, value in saved.items() if "lora_" not in name) == 2
    moved = train(recipe(**settings, learning_rate=1e-2, out=str(tmp_path / "moved")), say=quiet)
    after = load_trained(moved.merged or "")[0].get_input_embeddings().weight.detach()
    same = [torch.equal(after[i], rows[i]) for i in range(len(rows))] if tied else [True]
    assert sum(not s for s in same) in ((2,) if tied else (0,))


def test_small_steps_are_not_lost_in_bfloat16_and_a_short_base_stays_short(recipe: Recipe, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    base = checkpoint("gpt2", tmp_path / "long")
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(".bias"):
                parameter.fill_(0.1)
    model.save_pretrained(tmp_path / "base")
    tokenizer_of("gpt2").save_pretrained(tmp_path / "base")
    settings = {
        "model": str(tmp_path / "base"),
        "dtype": "bfloat16",
        "template": "xml",
        "scheduler": "constant",
        "warmup": 0,
        "learning_rate": 5e-5,
        "max_steps": 30,
    }
    report = train(recipe(**settings, method={"use": "bitfit"}, out=str(tmp_path / "bitfit")), say=quiet)
    biases = [value.float() for name, value in weights(report.model).items() if name.endswith("c_fc.bias")]
    assert all(((bias - 0.1).abs() > 5e-4).float().mean() > 0.5 for bias in biases)
    report = train(recipe(**settings, method={"use": "adapter"}, out=str(tmp_path / "adapter")), say=quiet)
    assert all(value.dtype == torch.float32 for value in weights(report.model).values())
    report = train(recipe(**settings, method={"use": "full"}, out=str(tmp_path / "full")), say=quiet)
    size = (tmp_path / "base" / "model.safetensors").stat().st_size
    assert (report.model / "model.safetensors").stat().st_size < 1.1 * size
    assert AutoModelForCausalLM.from_pretrained(report.model).dtype == torch.bfloat16


def killed(config: Any, step: int) -> None:
    def stop(line: str) -> None:
        if line.startswith(f"step {step}/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, say=stop)


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_taken(recipe: Recipe, tmp_path: Path) -> None:
    settings = {"max_steps": 9, "log_every": 1, "save_every": 2, "eval_share": 0.2}
    straight = train(recipe(**settings, out=str(tmp_path / "straight")), say=quiet)
    first = recipe(**settings, out=str(tmp_path / "first"))
    killed(first, 8)

    def cut(path: Path) -> None:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    def flip(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data))

    for name, harm, file in (
        ("whole", None, ""),
        ("cut", cut, "model.safetensors"),
        ("flipped", flip, "optimizer.pt"),
        ("gone", Path.unlink, "scheduler.pt"),
        ("unsealed", Path.unlink, COMPLETE),
        ("random", Path.unlink, "rng_state.pth"),
    ):
        out = tmp_path / name
        shutil.copytree(first.out, out)
        newest = out / "checkpoints" / "checkpoint-6"
        if harm:
            harm(newest / file)
        lines: list[str] = []
        report = train(recipe(**settings, out=str(out)), say=lines.append)
        told = [line for line in lines if "cannot be used" in line]
        assert len(told) == (harm is not None)
        assert all("checkpoint-6" in line for line in told)
        assert report.resumed_from == (4 if harm else 6)
        assert report.start_loss == straight.start_loss
        one, other = weights(straight.model), weights(report.model)
        assert all(torch.equal(one[key], other[key]) for key in one), name


def test_a_checkpoint_of_an_earlier_version_is_taken_if_nothing_lacks(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint-1"
    folder.mkdir()
    for name in ("model.safetensors", "optimizer.pt", "scheduler.pt", "trainer_state.json", "rng_state.pth"):
        (folder / name).write_text("x")
    (folder / COMPLETE).touch()
    assert damage(folder) == ""
    (folder / "optimizer.pt").unlink()
    assert damage(folder) == "it lacks optimizer.pt"
    seal(folder)
    assert damage(folder) == ""


def test_more_steps_go_on_another_base_is_refused_and_all_that_was_asked_is_kept(
    recipe: Recipe, rows: Any, tmp_path: Path
) -> None:
    base = checkpoint("qwen", tmp_path / "base")
    data = rows([{"instruction": f"say {i}", "input": f"with {i}", "output": f"{i}"} for i in range(24)])
    settings = {"model": str(base), "data": str(data), "eval_share": 0.3, "keep_checkpoint": True, "save_every": 2}
    first = train(recipe(**settings, max_steps=4), say=quiet)
    asked = [json.loads(line) for line in (first.out / "held_out.jsonl").read_text().splitlines()]
    assert asked
    assert all(line["prompt"] == f"say {line['reference']}\n\nwith {line['reference']}" for line in asked)
    card = (first.model / "README.md").read_text()
    assert f"| training loss | {first.loss:.4f} |" in card
    assert "| loss on | answers |" in card
    before = weights(first.model)
    lines: list[str] = []
    more = train(recipe(**settings, max_steps=6), say=lines.append)
    assert "goes on from step 4" in lines
    assert more.steps == 6
    assert any(not torch.equal(before[name], value) for name, value in weights(more.model).items())
    with pytest.raises(ConfigError, match="6 steps"):
        train(recipe(**settings, max_steps=4), say=quiet)
    path = base / "model.safetensors"
    save_file({n: w + 0.1 for n, w in load_file(path).items()}, path, metadata={"format": "pt"})
    with pytest.raises(ConfigError, match="another base model"):
        train(recipe(**settings, max_steps=6), say=quiet)


def test_the_held_out_loss_is_taken_while_training_and_the_best_step_kept(recipe: Recipe, tmp_path: Path) -> None:
    settings = {"eval_share": 0.3, "eval_every": 2, "early_stopping": 2, "learning_rate": 0.3, "max_steps": 40}
    lines: list[str] = []
    report = train(recipe(**settings, scheduler="constant"), say=lines.append)
    taken = [row for row in read_metrics(report.out / "metrics.jsonl") if "eval_loss" in row]
    assert report.steps < 40
    assert len(taken) >= 3
    best = min(taken, key=lambda row: row["eval_loss"])
    assert report.best_step == best["step"]
    assert report.eval_loss == pytest.approx(best["eval_loss"], abs=1e-4)
    assert any("held-out loss" in line for line in lines)


def test_a_folder_of_an_earlier_version_is_still_its_trainings(tmp_path: Path) -> None:
    """The hash is what the version before wrote for these settings and this example."""
    from synthgen_train.config import parse
    from synthgen_train.examples import Example
    from synthgen_train.report import claim

    settings = {"model": "m", "data": [{"path": "d.jsonl", "earlier": True}], "method": {"use": "ia3"}, "max_steps": 5}
    config = parse({**settings, "weight_decay": 0.1, "out": str(tmp_path)})
    written = {"fingerprint": "e06be39e1eee9ca399e7a095d7ad534f369a820655f951d7be5979a73a1560d5", "versions": {}}
    (tmp_path / "training.json").write_text(json.dumps(written))
    examples = [Example([1, 2], [-100, 2])]
    with pytest.raises(ConfigError, match="other settings"):
        claim(config.model_copy(update={"weight_decay": 0.2}), examples, "", 5, write=False)
    assert claim(config, examples, "", 5, write=True) is None
    assert json.loads((tmp_path / "training.json").read_text())["steps"] == 5
    assert claim(config, examples, "", 5, write=True) is None
