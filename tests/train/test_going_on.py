"""Trainings that go on from the adapter of an earlier one, and students that go on in another process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("trl", reason="the train extra is not installed")

import torch
from safetensors.torch import load_file
from students import METHODS, PAIRS, checkpoint, named
from synthgen_train.generation import answer, load_trained
from synthgen_train.report import read_metrics
from synthgen_train.train import plan, train

from synthgen.errors import ConfigError

pytestmark = pytest.mark.filterwarnings("default")

Recipe = Callable[..., Any]
quiet: Callable[[str], None] = lambda line: None  # noqa: E731
SCRATCH = {"hidden": 32, "layers": 2, "heads": 2, "context": 96, "tokenizer": "bytes", "biases": True}
ADAPTERS = [m for m in METHODS if m["use"] not in ("full", "bitfit")]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    (file,) = folder.glob("*.safetensors")
    return dict(load_file(file))


ASK = """
import json, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from peft import AutoPeftModelForCausalLM
from transformers import AutoModelForCausalLM, AutoTokenizer

def load(folder, kind):
    if kind == "bottleneck":
        # PEFT does not know it, so the trainer's reader is asked, and nothing else of it.
        from synthgen_train.bottleneck import load_bottlenecks
        base = json.load(open(folder + "/bottleneck.json"))["base"]
        return load_bottlenecks(AutoModelForCausalLM.from_pretrained(base), Path(folder))
    return (AutoPeftModelForCausalLM if kind == "peft" else AutoModelForCausalLM).from_pretrained(folder)

said = []
for folder, kind, prompts in json.loads(sys.argv[1]):
    model, tokenizer = load(folder, kind).eval(), AutoTokenizer.from_pretrained(folder)
    for text in prompts:
        given = tokenizer.apply_chat_template(
            [{"role": "user", "content": text}], add_generation_prompt=True, return_dict=True, return_tensors="pt"
        )
        out = model.generate(**given, max_new_tokens=8, do_sample=False)
        said.append(tokenizer.decode(out[0, given["input_ids"].shape[1]:], skip_special_tokens=True))
    assert kind == "bottleneck" or "synthgen_train" not in sys.modules
assert "synthgen_train.loading" not in sys.modules
print(json.dumps(said))
"""


@pytest.mark.slow
def test_another_process_without_the_trainer_gets_the_answers_of_the_training(
    recipe: Recipe, rows: Any, tmp_path: Path
) -> None:
    bases = {kind: str(checkpoint(kind, tmp_path / kind)) for kind in ("llama", "gpt2")}
    common = {"eval_share": 0.3, "eval_prompts": 3, "learning_rate": 3e-3, "max_steps": 4}
    pairs = {"objective": "dpo", "data": str(rows(PAIRS, "pairs.jsonl"))}
    trained = [(named(method), {"method": method}) for method in METHODS]
    trained += [("dpo", {"method": METHODS[1], **pairs}), ("merged", {"method": METHODS[1], "merge": True})]
    trained.sort(key=lambda case: case[0].startswith("adapter"))  # last: it is read by the trainer's own reader
    students: list[tuple[str, str, list[str]]] = []
    expected: list[list[str]] = []
    for name, more in trained:
        biased = more["method"]["use"] == "bitfit"
        base = {"model": bases["gpt2"], "template": "xml"} if biased else {"model": bases["llama"]}
        report = train(recipe(**base, **common, **more, out=str(tmp_path / name)), say=quiet)
        asked = [json.loads(line) for line in (report.out / "held_out.jsonl").read_text().splitlines()]
        assert len(asked) >= 2
        kind = {"adapter": "bottleneck", "full": "plain", "bitfit": "plain"}.get(more["method"]["use"], "peft")
        folder, kind = (report.merged, "plain") if report.merged else (report.model, kind)
        students.append((str(folder), kind, [row["prompt"] for row in asked]))
        expected.append([row["text"] for row in asked])
    process = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps(students)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout.splitlines()[-1]) == [text for texts in expected for text in texts]
    # What is said hangs on what is asked, and on what was trained.
    assert all(len(set(texts)) > 1 for texts in expected)
    assert len({tuple(texts) for texts in expected}) > len(expected) / 2


@pytest.mark.parametrize("method", ADAPTERS, ids=named)
def test_a_training_goes_on_from_an_adapter(recipe: Recipe, tmp_path: Path, method: dict[str, Any]) -> None:
    base = checkpoint("llama", tmp_path / "base")
    settings = {"method": method, "max_steps": 8, "eval_share": 0.3, "eval_prompts": 0, "learning_rate": 1e-2}
    first = train(recipe(model=str(base), **settings, out=str(tmp_path / "first")), say=quiet)
    before = weights(first.model)
    second = train(recipe(model=str(first.model), **settings, out=str(tmp_path / "second")), say=quiet)
    assert second.start_loss == pytest.approx(first.eval_loss, abs=1e-5)
    after = weights(second.model)
    assert after.keys() == before.keys()
    assert not all(torch.equal(before[name], after[name]) for name in before)
    assert any("goes on from the adapter" in note for note in second.plan["notes"])
    # What it leaves belongs to the base, and needs the first adapter no longer.
    prompt = [[{"role": "user", "content": "say 3"}]]
    expected = answer(*load_trained(second.model), prompt, max_tokens=8)
    first.model.rename(tmp_path / "gone")
    assert answer(*load_trained(second.model), prompt, max_tokens=8) == expected
    assert not list(second.model.glob("ref"))


@pytest.mark.parametrize("objective", ["sft", "dpo", "kto"])
@pytest.mark.parametrize("use", ["lora", "adapter"])
def test_what_it_is_held_near_is_the_adapter_not_the_base(
    recipe: Recipe, rows: Any, tmp_path: Path, objective: str, use: str
) -> None:
    base = checkpoint("llama", tmp_path / "base")
    settings = {"method": {"use": use}, "learning_rate": 1e-2, "log_every": 1}
    first = train(recipe(model=str(base), **settings, max_steps=8, out=str(tmp_path / "first")), say=quiet)
    more = (
        {"keep": {"kl": 1.0}} if objective == "sft" else {"objective": objective, "data": str(rows(PAIRS, "p.jsonl"))}
    )
    config = recipe(model=str(first.model), **settings, **more, max_steps=2, out=str(tmp_path / "second"))
    report = train(config, say=quiet)
    begun = read_metrics(config.out / "metrics.jsonl")[0]
    # At the first step student and reference are one.
    if objective == "sft":
        assert begun["keep/kl"] == pytest.approx(0, abs=1e-5)
    else:
        assert begun["rewards/chosen"] == pytest.approx(0, abs=1e-4)
        assert begun["rewards/rejected"] == pytest.approx(0, abs=1e-4)
    assert {path.name for path in report.model.glob("*.safetensors")} == {
        path.name for path in first.model.glob("*.safetensors")
    }


def test_an_adapter_of_another_kind_or_shape_is_told(recipe: Recipe, tmp_path: Path) -> None:
    base = checkpoint("llama", tmp_path / "base")
    of = {}
    for use in ("lora", "adapter", "prefix"):
        of[use] = train(recipe(model=str(base), method={"use": use}, max_steps=1, out=str(tmp_path / use)), say=quiet)
    for model, method, told in (
        ("lora", {"use": "full"}, "holds an adapter, not a model"),
        ("lora", {"use": "lora", "r": 3}, "has r 16, and method.r says 3"),
        ("lora", {"use": "prefix"}, "is LORA, not prefix"),
        ("adapter", {"use": "lora"}, "is a bottleneck, not lora"),
        ("adapter", {"use": "adapter", "size": 3}, "has size 32, and method.size says 3"),
        ("lora", {"use": "adapter"}, "another method's"),
    ):
        with pytest.raises(ConfigError, match=told):
            plan(recipe(model=str(of[model].model), method=method, out=str(tmp_path / "x")), say=quiet)
    config = recipe(model=str(of["prefix"].model), method={"use": "prefix"}, keep={"kl": 1.0})
    with pytest.raises(ConfigError, match="cannot go on from an adapter of method prefix"):
        plan(config, say=quiet)


def test_a_quantised_base_needs_bitsandbytes_and_says_so(recipe: Recipe, tmp_path: Path) -> None:
    from synthgen_train.loading import quantization
    from transformers.utils import is_bitsandbytes_available

    base = checkpoint("llama", tmp_path / "base")
    for method in ("full", "adapter", "bitfit"):
        with pytest.raises(ConfigError, match="needs the base as it is"):
            recipe(model=str(base), quantize="nf4", method={"use": method})
    with pytest.raises(ConfigError, match="must be a checkpoint"):
        recipe(model=str(base), quantize="nf4", method={"use": "lora"}, merge=True)
    config = recipe(model=str(base), quantize="nf4", method={"use": "lora"})
    if is_bitsandbytes_available():
        assert quantization("nf4", "float32").bnb_4bit_quant_type == "nf4"
        return
    with pytest.raises(ConfigError, match="needs bitsandbytes, which is not installed") as caught:
        plan(config, say=quiet)
    assert caught.value.hint is not None
    assert "pip install bitsandbytes" in caught.value.hint


@pytest.mark.parametrize("name", ["eager", "sdpa"])
def test_the_attention_that_was_asked_for_is_the_models(recipe: Recipe, tmp_path: Path, name: str) -> None:
    from synthgen_train.loading import load_student

    base = checkpoint("llama", tmp_path / "base")
    student = load_student(recipe(model=str(base), attn_implementation=name), [])
    assert student.model.config._attn_implementation == name


def test_an_attention_that_there_is_not_is_told(recipe: Recipe, tmp_path: Path) -> None:
    base = checkpoint("llama", tmp_path / "base")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        plan(recipe(model=str(base), attn_implementation="nothing_of_the_kind"), say=quiet)


def test_each_loss_of_dpo_is_the_one_that_is_trained_with(recipe: Recipe, rows: Any, tmp_path: Path) -> None:
    base = checkpoint("llama", tmp_path / "base")
    losses = {}
    for name in ("sigmoid", "ipo", "hinge", "robust", "apo_zero", "apo_down", "sigmoid_norm"):
        config = recipe(
            model=str(base),
            data=str(rows(PAIRS, "pairs.jsonl")),
            objective="dpo",
            dpo_loss=name,
            warmup=0,
            scheduler="constant",
            method={"use": "lora"},
            learning_rate=1e-2,
            max_steps=2,
            log_every=1,
            out=str(tmp_path / name),
        )
        train(config, say=quiet)
        losses[name] = tuple(row["loss"] for row in read_metrics(config.out / "metrics.jsonl"))
    # With student and reference alike: log 2, (1 / 2 beta)^2, the hinge of nothing, and 1.
    first = {name: values[0] for name, values in losses.items()}
    assert first["sigmoid"] == pytest.approx(0.6931, abs=1e-3)
    assert first["ipo"] == pytest.approx(25.0, abs=1e-3)
    assert first["hinge"] == pytest.approx(1.0, abs=1e-3)
    assert first["sigmoid_norm"] == pytest.approx(0.6931, abs=1e-3)
    assert first["apo_zero"] == pytest.approx(1.0, abs=1e-3)
    assert len(set(losses.values())) == len(losses) - 1  # robust without smoothing is sigmoid


def test_what_was_left_aside_is_in_the_plan_the_mark_and_the_card(recipe: Recipe, tmp_path: Path) -> None:
    file = tmp_path / "mixed.jsonl"
    good = [{"instruction": f"say {i}", "input": "", "output": f"{i}", "extra": i} for i in range(8)]
    file.write_text("".join(json.dumps(row) + "\n" for row in good) + '{"nothing": "of the kind"}\n')
    report = train(recipe(data=str(file), max_steps=1), say=quiet)
    notes = report.plan["notes"]
    assert any("columns left aside: " in note and "extra (8 rows)" in note for note in notes)
    mark = json.loads((report.out / "training.json").read_text())
    assert mark["notes"]
    assert set(mark["notes"]) <= set(notes)
    card = (report.model / "README.md").read_text()
    assert all(note.replace("|", "\\|") in card for note in mark["notes"])
