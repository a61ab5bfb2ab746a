from __future__ import annotations

import json
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("trl", reason="the train extra is not installed")

import torch
from synthgen_train.checkpoints import COMPLETE, resumable, whole
from synthgen_train.examples import make_examples
from synthgen_train.generation import answer, continuations, load_trained
from synthgen_train.loading import load_student
from synthgen_train.mixing import read_records
from synthgen_train.objectives import rows_of
from synthgen_train.plan import resolve
from synthgen_train.report import TrainingError, read_metrics
from synthgen_train.train import plan, train

from synthgen.errors import ConfigError, StoreError
from synthgen.records import Record

pytestmark = pytest.mark.filterwarnings("default")

Recipe = Callable[..., Any]
quiet: Callable[[str], None] = lambda line: None  # noqa: E731


def weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def test_a_training_shows_its_arithmetic_learns_and_leaves_a_student_that_answers(recipe: Recipe) -> None:
    lines: list[str] = []
    scratch = {"hidden": 64, "layers": 2, "heads": 4, "context": 96, "tokenizer": "bytes"}
    config = recipe(
        model={"from_scratch": scratch}, max_steps=None, epochs=60, learning_rate=3e-3, eval_share=0.2, seed=1
    )
    report = train(config, say=lines.append)
    text = "\n".join(lines)
    plan = report.plan
    assert plan["records"] == 24
    assert plan["examples"] == 24 - plan["held_out"]
    assert 0 < plan["held_out"] < 12
    assert plan["steps"] == report.steps == 60 * -(-plan["examples"] // 4)
    assert plan["trainable"] == plan["parameters"]
    assert f"steps       {report.steps:,}" in text
    assert "learning_rate            0.003          (recipe)" in text
    assert "batch_size               4              (recipe)" in text
    assert "max_length               96             (the model's context)" in text
    assert "ok          answers end with a stop token" in text
    assert "tokens/s" in text

    metrics = read_metrics(config.out / "metrics.jsonl")
    assert metrics[-1]["step"] == report.steps
    assert metrics[-1]["loss"] < metrics[0]["loss"] / 4
    assert metrics[-1]["tokens"] == 60 * plan["tokens"]
    assert report.held_out is not None
    assert report.held_out.stopped == 1.0
    assert report.eval_loss is not None
    assert (config.out / "loss.svg").read_text().startswith("<svg")
    assert len((config.out / "held_out.jsonl").read_text().splitlines()) == report.held_out.prompts
    assert "| learning_rate | 0.003 |" in (report.model / "README.md").read_text()
    assert (report.model / "chat_template.jinja").is_file()
    assert not (config.out / "checkpoints").exists()

    model, tokenizer = load_trained(report.model)
    assert json.loads((report.model / "generation_config.json").read_text())["eos_token_id"] == tokenizer.eos_token_id
    kept = read_records(config.data, config.eval_share, config.seed).all
    replies = answer(model, tokenizer, [[{"role": "user", "content": r.instruction}] for r in kept], max_tokens=12)
    assert sum(r.text == k.output for r, k in zip(replies, kept, strict=True)) >= len(kept) * 0.8


def test_a_dry_run_writes_nothing_and_a_second_run_gives_the_same_report(recipe: Recipe) -> None:
    config = recipe()
    assert plan(config, say=quiet).steps == 4
    assert not config.out.exists()
    first = train(config, say=quiet)
    lines: list[str] = []
    again = train(config, say=lines.append)
    assert lines[-1].endswith("finished already")
    assert (again.loss, again.model, again.steps) == (first.loss, first.model, first.steps)
    with pytest.raises(ConfigError, match="other settings"):
        train(recipe(max_steps=3), say=quiet)


def test_a_training_that_was_stopped_ends_as_if_it_had_not_been(recipe: Recipe, tmp_path: Path) -> None:
    settings = {"max_steps": 12, "log_every": 1, "save_every": 3}
    straight = train(recipe(**settings, out=str(tmp_path / "straight")), say=quiet)

    def stop(line: str) -> None:
        if line.startswith("step 8/"):
            raise KeyboardInterrupt

    config = recipe(**settings, out=str(tmp_path / "stopped"))
    with pytest.raises(KeyboardInterrupt):
        train(config, say=stop)
    half = config.out / "checkpoints" / "checkpoint-9"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    lines: list[str] = []
    resumed = train(config, say=lines.append)
    assert "goes on from step 6" in lines
    assert resumed.resumed_from == 6
    steps = [row["step"] for row in read_metrics(config.out / "metrics.jsonl")]
    assert steps == list(range(1, 13))
    one, other = weights(straight.model), weights(resumed.model)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_killed_process_leaves_nothing_half_written_and_can_go_on(recipe: Recipe, tmp_path: Path) -> None:
    import yaml

    config = recipe(max_steps=2000, save_every=5, log_every=5, method={"use": "lora", "r": 2})
    path = tmp_path / "recipe.yaml"
    path.write_text(
        yaml.safe_dump({"train": json.loads(config.model_dump_json(exclude_none=True, exclude_unset=True))})
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "synthgen_train", "train", str(path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    checkpoints = config.out / "checkpoints"
    while not list(checkpoints.glob(f"checkpoint-*/{COMPLETE}")):
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (config.out / "model").exists()
    assert not (config.out / "report.json").exists()
    last = resumable(checkpoints, quiet)
    assert last is not None
    step = int(last.name.rpartition("-")[2])
    lines: list[str] = []

    def stop(line: str) -> None:
        lines.append(line)
        if line.startswith(f"step {step + 5:,}/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, say=stop)
    assert f"goes on from step {step}" in lines


def test_packed_examples_give_the_logits_that_they_give_alone(recipe: Recipe) -> None:
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    config = recipe(packing=True)
    student = load_student(config, [])
    records = [Record(instruction=f"say {i}", output=f"{i} " * (i % 5 + 1)) for i in range(12)]
    examples = make_examples(records, student.tokenizer, max_length=96).items
    rows = rows_of(examples, resolve(config, student))
    assert sum(len(row) for row in rows["input_ids"]) == sum(len(e.input_ids) for e in examples)
    assert len(rows) < len(examples)
    assert sum(label != -100 for row in rows["labels"] for label in row) == sum(e.trained for e in examples)
    collate = DataCollatorForLanguageModeling(pad_token_id=student.tokenizer.pad_token_id, padding_free=True)
    batch = collate([dict(row) for row in rows])
    model = student.model.train()
    with torch.no_grad():
        packed = model(**{k: v for k, v in batch.items() if k != "labels"}, use_cache=False).logits[0]
        starts = [*(batch["position_ids"][0] == 0).nonzero().flatten().tolist(), packed.shape[0]]
        for start, end in pairwise(starts):
            alone = model(input_ids=batch["input_ids"][:, start:end], use_cache=False).logits[0]
            assert torch.allclose(packed[start:end], alone, atol=1e-5)


def test_packing_learns_as_padding_does(recipe: Recipe, tmp_path: Path) -> None:
    losses = {}
    for name, more in {"padded": {"batch_size": 24}, "packed": {"packing": True, "batch_size": 24}}.items():
        report = train(recipe(**more, max_steps=6, learning_rate=1e-3, out=str(tmp_path / name)), say=quiet)
        losses[name] = [row["loss"] for row in read_metrics(report.out / "metrics.jsonl")]
    assert losses["packed"] == pytest.approx(losses["padded"], abs=1e-4)


@pytest.mark.parametrize("use", ["lora", "ia3", "adapter", "prefix", "prompt", "bitfit"])
def test_each_method_goes_the_whole_way(recipe: Recipe, use: str) -> None:
    scratch = {"hidden": 32, "layers": 2, "heads": 2, "context": 96, "tokenizer": "bytes", "biases": True}
    config = recipe(model={"from_scratch": scratch}, method={"use": use}, merge=use in ("lora", "ia3"))
    report = train(config, say=quiet)
    assert 0 < report.plan["trainable"] < report.plan["parameters"] / 2
    if use != "bitfit":
        with pytest.raises(ConfigError, match="holds an adapter, not a model"):
            train(recipe(model=str(report.model)), say=quiet)
    prompt = [[{"role": "user", "content": "say 3"}]]
    model, tokenizer = load_trained(report.model)
    replies = answer(model, tokenizer, prompt, max_tokens=4)
    if report.merged:
        assert answer(*load_trained(report.merged), prompt, max_tokens=4) == replies
        assert (report.merged / "config.json").is_file()


@pytest.mark.parametrize("template", ["chatml", "alpaca", "llama", "xml", "json"])
def test_a_student_of_each_template_is_asked_as_it_was_trained(recipe: Recipe, template: str, rows: Any) -> None:
    data = rows([{"instruction": "a", "output": "b", "system": "s"}] * 4)
    report = train(recipe(data=str(data), template=template, max_steps=60, learning_rate=1e-2), say=quiet)
    model, tokenizer = load_trained(report.model)
    prompt = [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}]
    (reply,) = answer(model, tokenizer, [prompt], max_tokens=6)
    assert (reply.text, reply.stopped) == ("b", True)


@pytest.mark.parametrize("template", ["chatml", "xml"])
def test_loss_on_all_teaches_to_write_tasks_and_loss_on_answers_does_not(
    recipe: Recipe, tmp_path: Path, template: str
) -> None:
    written = {}
    for loss in ("all", "answers"):
        config = recipe(
            loss=loss, template=template, max_steps=100, learning_rate=1e-2, eval_share=0.1, out=str(tmp_path / loss)
        )
        report = train(config, say=quiet)
        model, tokenizer = load_trained(report.model)
        before = tokenizer.apply_chat_template([{"role": "user", "content": "say 3"}], tokenize=False)
        ids = tokenizer(before[: before.index("say")], add_special_tokens=False)["input_ids"]
        (row,) = continuations(model, tokenizer, [ids], max_tokens=16)
        written[loss] = tokenizer.decode(row, skip_special_tokens=True)
        assert (report.plan["trained_tokens"] > report.plan["tokens"] / 2) == (loss == "all")
        assert report.held_out is not None
        assert report.held_out.stopped == 1.0
    assert re.match(r"say \d", written["all"])
    assert not written["answers"].startswith("say")


def test_canaries_are_planted_and_counted(recipe: Recipe) -> None:
    report = train(recipe(canaries=3), say=quiet)
    assert report.plan["examples"] == 27


def test_a_curriculum_is_the_order_that_is_trained_in(recipe: Recipe, tmp_path: Path, rows: Any) -> None:
    data = rows([{"instruction": "x" * n, "output": "y"} for n in (30, 10, 20, 40)])
    losses = []
    for out in ("a", "b"):
        config = recipe(
            data=str(data), curriculum={"by": "length", "descending": out == "b"}, batch_size=1, out=str(tmp_path / out)
        )
        train(config, say=quiet)
        losses.append([row["tokens"] for row in read_metrics(config.out / "metrics.jsonl")])
    sizes = [[b - a for a, b in zip([0, *curve], curve, strict=False)] for curve in losses]
    assert sizes[0] == sorted(sizes[0])
    assert sizes[1] == sizes[0][::-1]


def test_bfloat16_and_checkpointed_activations_train(recipe: Recipe) -> None:
    report = train(recipe(dtype="bfloat16", gradient_checkpointing=True), say=quiet)
    assert all(value.dtype == torch.float32 for value in weights(report.model).values())


def test_one_record_can_be_trained_on(recipe: Recipe, rows: Any) -> None:
    data = rows([{"instruction": "a", "output": "b"}])
    report = train(recipe(data=str(data), eval_share=0.9), say=quiet)
    assert report.plan["examples"] == 1
    assert report.held_out is None


def test_a_nan_loss_stops_and_leaves_no_student(recipe: Recipe, tmp_path: Path) -> None:
    config = recipe(out=str(tmp_path / "first"))
    first = train(config, say=quiet)
    model, _ = load_trained(first.model)
    model.model.norm.weight.data[0] = float("nan")
    model.save_pretrained(first.model)
    broken = recipe(model=str(first.model), out=str(tmp_path / "second"))
    with pytest.raises(TrainingError, match="loss is nan at step 1"):
        train(broken, say=quiet)
    assert not (broken.out / "model").exists()
    assert not list((broken.out / "checkpoints").glob("checkpoint-*"))


def test_a_full_disk_is_told_and_harms_nothing(recipe: Recipe, tmp_path: Path) -> None:
    config = recipe(save_every=2, log_every=1)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:

        def full(line: str) -> None:
            if line.startswith("step 3/"):
                resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))

        with pytest.raises(StoreError, match="checkpoint of step 4 cannot be written"):
            train(config, say=full)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert not (config.out / "model").exists()
    assert [p.name for p in (config.out / "checkpoints").iterdir()] == ["checkpoint-2"]
    report = train(config, say=quiet)
    assert report.resumed_from == 2


def test_a_folder_is_replaced_whole_or_stays(tmp_path: Path) -> None:
    place = tmp_path / "model"
    with whole(place) as folder:
        (folder / "a").write_text("first")

    def fail() -> None:
        with whole(place) as folder:
            (folder / "a").write_text("second")
            raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match="cannot be written"):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    assert (place / "a").read_text() == "first"
    with whole(place) as folder:
        (folder / "a").write_text("third")
    assert (place / "a").read_text() == "third"
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_nothing_to_train_on_is_told_before_training(recipe: Recipe, rows: Any) -> None:
    from synthgen_train.preflight import PreflightError

    unanswered = rows([{"instruction": "a", "output": ""}], "unanswered.jsonl")
    with pytest.raises(PreflightError, match=r"0 trained tokens .1 no_answer"):
        train(recipe(data=str(unanswered)), say=quiet)
    long = rows([{"instruction": "a" * 200, "output": "b"}], "long.jsonl")
    with pytest.raises(PreflightError, match="1 too_long"):
        train(recipe(data=str(long)), say=quiet)
    good = rows([{"instruction": "a", "output": "b"}], "good.jsonl")
    with pytest.raises(ConfigError, match=r"source unanswered\.jsonl gives no example"):
        train(recipe(data=[str(good), str(unanswered)]), say=quiet)
    with pytest.raises(ConfigError, match="beyond the model's context of 96"):
        train(recipe(max_length=200), say=quiet)
