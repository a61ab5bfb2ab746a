"""Training of real checkpoints beside plain TRL, and what each of the trainer's means buys.

LoRA, full fine-tuning and DPO on the seed tasks people wrote, four rows a step, float32, one thread: through TRL's own
trainers and through `synthgen_train`, on the same token ids in the same order. Each arm runs in a process of its own,
the arms of a round one after another; tokens per CPU second (padding not counted) after the first two steps, the
median of the rounds, peak memory, and how far the losses of the steps are from plain TRL's.

The arms: plain TRL; ours, as it is by default but for the order of the rows; then with its means taken away one after
another: what texts of a batch begin with computed for each, padding computed too, all positions through the LM head;
and, each beside ours, in other orders: rows grouped by length (the default), and packed.

    python benchmarks/real_training.py --models FOLDER ... [--kinds KIND ...] [--arms ARM ...] [--steps N] [--rounds N]
                                       [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REAL = {"lora": {"method": {"use": "lora"}}, "full": {}, "dpo": {"objective": "dpo", "method": {"use": "lora"}}}
RATES = {"lora": 2e-4, "full": 1e-5, "dpo": 1e-5}
ROWS, LONGEST = 4, 512

ARMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "ours": {},
    "no-sharing": {"without": ["sharing"]},
    "padded": {"without": ["compact"]},
    "all-positions": {"without": ["compact", "positions"]},
    "grouped": {"settings": {"group_by_length": True}},
    "grouped-padded": {"settings": {"group_by_length": True}, "without": ["compact"]},
    "packed": {"settings": {"packing": True, "batch_size": 1}},
}
OTHER_ORDER = ("grouped", "grouped-padded", "packed")


def write(path: Path, data: list[dict[str, str]]) -> Path:
    """The rows as a JSONL file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in data), encoding="utf-8")
    return path


def seed_rows() -> list[dict[str, str]]:
    """The seed tasks with one turn, as instruction rows."""
    folder = Path(__file__).parents[1] / "seeds"
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row.get("instruction") and isinstance(row.get("output"), str) and 0 < len(row["output"]) < 800:
                found.append(
                    {"instruction": row["instruction"], "input": row.get("input") or "", "output": row["output"]}
                )
    random.Random(0).shuffle(found)
    return found


def preference_rows(data: list[dict[str, str]]) -> list[dict[str, str]]:
    """Pairs of the right answer and that of another task."""
    return [
        {"prompt": row["instruction"], "chosen": row["output"], "rejected": other["output"]}
        for row, other in zip(data, [*data[1:], data[0]], strict=True)
    ]


def has_template(model: str) -> bool:
    """Whether the checkpoint's tokenizer has a chat template."""
    folder = Path(model)
    return (folder / "chat_template.jinja").is_file() or "chat_template" in json.loads(
        (folder / "tokenizer_config.json").read_text(encoding="utf-8")
    )


def settings(options: dict[str, Any], out: Path) -> dict[str, Any]:
    """The recipe; the plain script is given the same values."""
    return {
        **REAL[options["kind"]],
        "model": options["model"],
        "data": options["data"],
        "out": str(out),
        "max_steps": options["steps"],
        "batch_size": ROWS,
        "max_length": LONGEST,
        "learning_rate": RATES[options["kind"]],
        "eval_share": 0,
        "log_every": 1,
        "save_every": 10_000,
        "group_by_length": False,
        # A template without new tokens: with PEFT's wrapper around the head for those, TRL alone cannot train.
        **({} if has_template(options["model"]) else {"template": "xml"}),
        **options.get("settings", {}),
    }


def take_away(means: list[str]) -> None:
    """Switches means of the trainer off, for this process."""
    from synthgen_train import compact, loss

    if "sharing" in means:
        whole = compact.lay_out
        compact.lay_out = lambda texts, *, share: whole(texts, share=False)
    if "compact" in means:
        loss.Scores.compact = False
    if "positions" in means:
        loss.score_trained_positions = lambda model, **kwargs: None


def run_ours(options: dict[str, Any]) -> dict[str, Any]:
    """A training through `synthgen_train`."""
    from synthgen_train.config import parse
    from synthgen_train.report import read_metrics
    from synthgen_train.train import train

    take_away(options.get("without", []))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        clock: list[float] = []

        def say(line: str) -> None:
            if line.startswith("step ") and "loss" in line:
                clock.append(time.process_time())

        train(parse(settings(options, out)), say=say)
        metrics = read_metrics(out / "metrics.jsonl")
    return {"metrics": [row | {"cpu_seconds": cpu} for row, cpu in zip(metrics, clock, strict=True)]} | peak()


def run_plain(options: dict[str, Any]) -> dict[str, Any]:
    """The same through TRL's own trainers, given the ids and labels that `synthgen_train` makes, in its order."""
    import datasets
    import torch
    from synthgen_train.config import parse
    from synthgen_train.loading import load_student
    from synthgen_train.mixing import prepare, read_records

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as folder:
        config = parse(settings(options, Path(folder)))
        student = load_student(config, [])
        prepared = prepare(config, LONGEST, student.tokenizer, read_records(config.data, 0, 0))
        torch.manual_seed(config.seed)
        model = student.model if options["kind"] == "full" else with_lora(student.model)
        metrics = trained_by_trl(options, folder, model, student.tokenizer, plain_rows(options, prepared))
    return {"metrics": metrics} | peak()


def with_lora(model: Any) -> Any:
    """The model with the adapter that `method: lora` has by default."""
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
    return get_peft_model(model, lora)


def plain_rows(options: dict[str, Any], prepared: Any) -> Any:
    """The rows as TRL's trainers take them once they are tokenised, in the order of `synthgen_train`."""
    import datasets
    from synthgen_train.loss import Order
    from synthgen_train.objectives import dpo_rows

    if options["kind"] == "dpo":
        rows = dpo_rows(prepared.pairs)
    else:
        examples = prepared.examples
        columns = {"input_ids": [e.input_ids for e in examples], "labels": [e.labels for e in examples]}
        rows = datasets.Dataset.from_dict(columns)
    return rows.select(list(Order([1] * len(rows), ROWS, 0, grouped=False)))


def trained_by_trl(options: dict[str, Any], folder: str, model: Any, tokenizer: Any, rows: Any) -> list[dict[str, Any]]:
    """The metrics of each step of TRL's own trainer."""
    from transformers import TrainerCallback
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    metrics: list[dict[str, Any]] = []

    class Watch(TrainerCallback):  # type: ignore[misc]
        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **kwargs: Any) -> None:
            if "loss" in logs:
                row = {"step": state.global_step, "loss": logs["loss"], "tokens": logs["num_tokens"]}
                metrics.append(row | {"cpu_seconds": time.process_time()})

    class Given(DPOTrainer):  # type: ignore[misc]
        def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
            return dataset

    shared: dict[str, Any] = {
        "output_dir": folder,
        "max_steps": options["steps"],
        "per_device_train_batch_size": ROWS,
        "max_length": LONGEST,
        "learning_rate": RATES[options["kind"]],
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.03,
        "logging_steps": 1,
        "save_strategy": "no",
        "gradient_checkpointing": False,
        "bf16": False,
        "seed": 0,
        "disable_tqdm": True,
        "report_to": "none",
        "use_cpu": True,
        "train_sampling_strategy": "sequential",
    }
    given = {"model": model, "processing_class": tokenizer, "callbacks": [Watch()], "train_dataset": rows}
    if options["kind"] == "dpo":
        Given(args=DPOConfig(**shared, beta=0.1), **given).train()
    else:
        SFTTrainer(args=SFTConfig(**shared, dataset_kwargs={"skip_prepare_dataset": True}), **given).train()
    return metrics


def peak() -> dict[str, int]:
    """The most memory that this process had, in bytes."""
    import resource

    return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def rate(result: dict[str, Any]) -> float:
    """Tokens per CPU second after the first two steps."""
    first, last = result["metrics"][1], result["metrics"][-1]
    return float((last["tokens"] - first["tokens"]) / (last["cpu_seconds"] - first["cpu_seconds"]))


def in_a_process(script: str, kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """What the script prints for a run, in a process of its own, so that none warms another up."""
    command = [sys.executable, script, "--child", kind, json.dumps(options)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(result.stderr)
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def measure(model: str, kind: str, arms: list[str], steps: int, rounds: int, data: Path) -> dict[str, Any]:
    """All rounds of one model and kind, arm after arm; the table is printed when they are done."""
    given = {"model": model, "kind": kind, "steps": steps, "data": str(data)}
    runs: dict[str, list[dict[str, Any]]] = {arm: [] for arm in arms}
    for number in range(rounds):
        for arm in arms if number % 2 == 0 else arms[::-1]:
            way = "plain" if arm == "plain" else "ours"
            runs[arm].append(in_a_process(__file__, way, {**given, **ARMS[arm]}))
    print(f"{Path(model).name}, {kind}, {steps} steps of {ROWS} rows, rounds: {rounds}")
    out: dict[str, Any] = {}
    for arm, results in runs.items():
        losses = [row["loss"] for row in results[0]["metrics"]]
        rates = [rate(result) for result in results]
        line = f"  {arm:15s} {statistics.median(rates):7.1f} tokens per CPU second"
        out[arm] = {"rates": rates, "peak": max(result["peak"] for result in results), "losses": losses}
        if "plain" in runs:
            ratios = [own / rate(plain) for own, plain in zip(rates, runs["plain"], strict=True)]
            line += f" ({statistics.median(ratios):.2f})"
            apart = [abs(a - b["loss"]) for a, b in zip(losses, runs["plain"][0]["metrics"], strict=True)]
            out[arm] |= {"ratios": ratios, "apart": max(apart)}
        line += f", peak {out[arm]['peak'] / 2**20:,.0f} MiB"
        if arm in OTHER_ORDER:
            line += ", another order"
        elif "plain" in runs:
            line += f", losses at most {out[arm]['apart']:.1e} apart"
        print(line, flush=True)
    return out


def ended_as_child(child: tuple[str, str] | None, arms: dict[str, Callable[[Any], Any]]) -> bool:
    """Whether this process is done: it was one arm's own (name and settings), or there is no torch to measure."""
    try:
        import torch
    except ImportError:
        print("the train extra is not installed: nothing measured")
        return True
    torch.set_num_threads(1)
    if child:
        print(json.dumps(arms[child[0]](json.loads(child[1]))))
    return bool(child)


def main() -> None:
    """The table of all models."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=[], help="folders of real checkpoints")
    parser.add_argument("--kinds", nargs="+", choices=list(REAL), default=list(REAL), help="trainings of each")
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS), help="ways of each")
    parser.add_argument("--steps", type=int, default=12, help="of each training")
    parser.add_argument("--rounds", type=int, default=1, help="of all arms, every second one backwards")
    parser.add_argument("--quick", action="store_true", help="LoRA alone, plain and ours, for four steps")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if ended_as_child(options.child, {"ours": run_ours, "plain": run_plain}):
        return
    if not options.models:
        print("no folder of a checkpoint was named (--models): nothing measured")
        return
    if options.quick:
        options.kinds, options.arms, options.steps, options.rounds = ["lora"], ["plain", "ours"], 4, 1
    out: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        data = write(Path(temporary) / "seeds.jsonl", seed_rows())
        pairs = write(Path(temporary) / "pairs.jsonl", preference_rows(seed_rows()))
        for model in options.models:
            for kind in options.kinds:
                arms = [arm for arm in options.arms if arm != "packed" or kind != "dpo"]
                found = measure(model, kind, arms, options.steps, options.rounds, pairs if kind == "dpo" else data)
                out[f"{Path(model).name} {kind}"] = found
    if options.json:
        print(json.dumps(out))


if __name__ == "__main__":
    main()
