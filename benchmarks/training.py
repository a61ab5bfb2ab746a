"""What the trainer costs beside a plain TRL script, what its checks cost, and what packing gains.

With `--models FOLDER …`, real checkpoints instead: LoRA, full and DPO on the seed tasks people wrote, through plain TRL
and through `synthgen_train` on the same token ids in the same order; tokens per CPU second, peak memory and the losses
of each step, and then the same with one of the trainer's means switched off or on at a time.

Speed: the same model, the same examples and settings, alternately through a plain `SFTTrainer` script and through
`synthgen_train`, each in a process of its own; tokens per CPU second of the training loop (one thread), padding not
counted, the median of the rounds. Preflight: its seconds on records as long as Alpaca's, over ten minutes. Packing:
tokens per CPU second on short records, padded and packed, at about as many tokens a step, and the losses beside each
other.

    python benchmarks/training.py [--quick] [--json] [--models FOLDER ...] [--kinds KIND ...] [--steps N]
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

WORDS = (
    *("river", "stone", "lamp", "garden", "winter", "letter", "bread", "clock"),
    *("market", "orchard", "train", "island", "map", "kitchen", "snow", "harbour"),
)


def rows(count: int, shortest: int, longest: int, seed: int = 0) -> list[dict[str, str]]:
    """Instruction rows whose answers have so many words."""
    draw = random.Random(seed)

    def text(words: int) -> str:
        return " ".join(draw.choice(WORDS) for _ in range(words))

    return [
        {"instruction": f"Write about {text(3)}.", "input": "", "output": text(draw.randint(shortest, longest))}
        for _ in range(count)
    ]


def short_rows(count: int) -> list[dict[str, str]]:
    """Mostly short answers and now and then a long one: log-normal, median 10 words, sigma 1, at most 150."""
    draw = random.Random(0)
    sizes = [min(150, max(1, round(10 * math.exp(draw.gauss(0, 1))))) for _ in range(count)]
    return [rows(1, size, size, seed)[0] for seed, size in enumerate(sizes)]


def settings(data: Path, out: Path, options: dict[str, Any]) -> dict[str, Any]:
    """A recipe whose every setting that touches speed is given."""
    return {
        "model": str(options["model"]),
        "data": str(data),
        "out": str(out),
        "max_steps": options["steps"],
        "batch_size": options["batch_size"],
        "gradient_accumulation": options.get("gradient_accumulation", 1),
        "max_length": options["max_length"],
        "packing": options.get("packing", False),
        "learning_rate": 1e-3,
        "eval_share": 0,
        "log_every": 10,
        "save_every": 10_000,
        "group_by_length": options.get("group_by_length", False),
    }


def run_ours(options: dict[str, Any]) -> dict[str, Any]:
    """One training through `synthgen_train`."""
    from synthgen_train.config import parse
    from synthgen_train.report import read_metrics
    from synthgen_train.train import train

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        clock: list[float] = []

        def say(line: str) -> None:
            if line.startswith("step ") and "loss" in line:
                clock.append(time.process_time())

        train(parse(settings(Path(options["data"]), out, options)), say=say)
        metrics = read_metrics(out / "metrics.jsonl")
        return {"metrics": [row | {"cpu_seconds": cpu} for row, cpu in zip(metrics, clock, strict=True)]}


def run_plain(options: dict[str, Any]) -> dict[str, Any]:
    """The same training as a TRL script would have it: prompt and completion columns, everything else TRL's."""
    import datasets
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    metrics: list[dict[str, Any]] = []

    class Watch(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
            self.start = time.perf_counter()

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **kwargs: Any) -> None:
            if "loss" in logs:
                seconds = time.perf_counter() - self.start
                row = {"step": state.global_step, "loss": logs["loss"], "tokens": logs["num_tokens"]}
                metrics.append(row | {"seconds": seconds, "cpu_seconds": time.process_time()})

    datasets.disable_progress_bars()
    data = [json.loads(line) for line in Path(options["data"]).read_text().splitlines()]
    dataset = datasets.Dataset.from_list(
        [
            {
                "prompt": [{"role": "user", "content": row["instruction"]}],
                "completion": [{"role": "assistant", "content": row["output"]}],
            }
            for row in data
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        args = SFTConfig(
            output_dir=folder,
            max_steps=options["steps"],
            per_device_train_batch_size=options["batch_size"],
            max_length=options["max_length"],
            packing=options.get("packing", False),
            learning_rate=1e-3,
            lr_scheduler_type="cosine",
            warmup_steps=0.03,
            logging_steps=10,
            save_strategy="no",
            gradient_checkpointing=False,
            bf16=False,
            seed=0,
            disable_tqdm=True,
            report_to="none",
        )
        trainer = SFTTrainer(
            model=AutoModelForCausalLM.from_pretrained(options["model"]),
            args=args,
            train_dataset=dataset,
            processing_class=AutoTokenizer.from_pretrained(options["model"]),
            callbacks=[Watch()],
        )
        trainer.train()
    return {"metrics": metrics}


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


REAL = {"lora": {"method": {"use": "lora"}}, "full": {}, "dpo": {"objective": "dpo", "method": {"use": "lora"}}}
RATES = {"lora": 2e-4, "full": 1e-5, "dpo": 1e-5}


def real_settings(options: dict[str, Any], out: Path) -> dict[str, Any]:
    """The recipe of a real model; the plain script is given the same values."""
    return {
        **REAL[options["kind"]],
        "model": options["model"],
        "data": options["data"],
        "out": str(out),
        "max_steps": options["steps"],
        "batch_size": 4,
        "max_length": 512,
        "learning_rate": RATES[options["kind"]],
        "eval_share": 0,
        "log_every": 1,
        "save_every": 10_000,
        "group_by_length": options.get("grouped", False),
        "keep": {"kl": options.get("kl", 0.0)},
    }


def run_real_ours(options: dict[str, Any]) -> dict[str, Any]:
    """A real model through `synthgen_train`, with `all_positions` through TRL's own head on a CPU."""
    from synthgen_train import loss
    from synthgen_train.config import parse
    from synthgen_train.report import read_metrics
    from synthgen_train.train import train

    if options.get("all_positions"):
        loss.score_trained_positions = lambda model: None
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        clock: list[float] = []

        def say(line: str) -> None:
            if line.startswith("step ") and "loss" in line:
                clock.append(time.process_time())

        train(parse(real_settings(options, out)), say=say)
        metrics = read_metrics(out / "metrics.jsonl")
    return {"metrics": [row | {"cpu_seconds": cpu} for row, cpu in zip(metrics, clock, strict=True)]} | peak()


def run_real_plain(options: dict[str, Any]) -> dict[str, Any]:
    """The same through TRL's own trainers, given the ids and labels that `synthgen_train` makes, in its order."""
    import datasets
    from peft import LoraConfig, get_peft_model
    from synthgen_train.config import parse
    from synthgen_train.loading import load_student
    from synthgen_train.loss import Order
    from synthgen_train.mixing import prepare, read_records
    from synthgen_train.preference import dpo_rows
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

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as folder:
        config = parse(real_settings(options, Path(folder)))
        records = read_records(config.data, 0, 0)
        student = load_student(config, [])
        prepared = prepare(config, 512, student.tokenizer, records)
        torch_seed(config.seed)
        model = student.model
        if options["kind"] != "full":
            lora = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
            if student.new_tokens:
                lora.trainable_token_indices = {"embed_tokens": student.new_tokens}
            model = get_peft_model(model, lora)
        shared: dict[str, Any] = {
            "output_dir": folder,
            "max_steps": options["steps"],
            "per_device_train_batch_size": 4,
            "max_length": 512,
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
        given = {"model": model, "processing_class": student.tokenizer, "callbacks": [Watch()]}
        if options["kind"] == "dpo":
            pairs = dpo_rows(prepared.pairs)
            pairs = pairs.select(list(Order([1] * len(pairs), 4, config.seed, grouped=False)))
            Given(args=DPOConfig(**shared, beta=0.1), train_dataset=pairs, **given).train()
        else:
            rows_ = datasets.Dataset.from_dict(
                {
                    "input_ids": [e.input_ids for e in prepared.examples],
                    "labels": [e.labels for e in prepared.examples],
                }
            )
            rows_ = rows_.select(list(Order([1] * len(rows_), 4, config.seed, grouped=False)))
            args = SFTConfig(**shared, dataset_kwargs={"skip_prepare_dataset": True})
            SFTTrainer(args=args, train_dataset=rows_, **given).train()
    return {"metrics": metrics} | peak()


def torch_seed(seed: int) -> None:
    """The seed that the trainer draws its adapter by."""
    import torch

    torch.manual_seed(seed)


def peak() -> dict[str, int]:
    """The most memory that this process had, in bytes."""
    import resource

    return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def real_rate(result: dict[str, Any]) -> float:
    """Tokens per CPU second after the first two steps."""
    first, last = result["metrics"][1], result["metrics"][-1]
    return float((last["tokens"] - first["tokens"]) / (last["cpu_seconds"] - first["cpu_seconds"]))


def measure_real(models: list[str], kinds: list[str], steps: int, folder: Path) -> dict[str, Any]:
    """The table of real models, printed as it grows."""
    data = write(folder / "seeds.jsonl", seed_rows())
    pairs = write(folder / "pairs.jsonl", preference_rows(seed_rows()))
    out: dict[str, Any] = {}
    for model in models:
        for kind in kinds:
            given = {"model": model, "kind": kind, "steps": steps, "data": str(pairs if kind == "dpo" else data)}
            ways = {
                "plain TRL": ("real-plain", {}),
                "ours": ("real-ours", {}),
                "ours, all positions": ("real-ours", {"all_positions": True}),
                "ours, grouped by length": ("real-ours", {"grouped": True}),
            }
            print(f"{Path(model).name}, {kind}, {steps} steps of 4 rows")
            found: dict[str, dict[str, Any]] = {}
            for name, (way, more) in ways.items():
                result = found[name] = child(way, {**given, **more})
                plain = found["plain TRL"]
                same = [abs(a["loss"] - b["loss"]) for a, b in zip(result["metrics"], plain["metrics"], strict=True)]
                losses = "another order" if "grouped" in name else f"losses at most {max(same):.1e} apart"
                print(
                    f"  {name:26s} {real_rate(result):7.1f} tokens per CPU second "
                    f"({real_rate(result) / real_rate(plain):.2f}), peak {result['peak'] / 2**20:,.0f} MiB, {losses}",
                    flush=True,
                )
            out[f"{Path(model).name} {kind}"] = {
                name: {
                    "rate": real_rate(result),
                    "peak": result["peak"],
                    "losses": [m["loss"] for m in result["metrics"]],
                }
                for name, result in found.items()
            }
    return out


def rate(result: dict[str, Any]) -> float:
    """Tokens per CPU second of the training loop, its first ten steps left out.

    Everything runs in one thread, and a machine that others use as well changes wall time only.
    """
    first, last = result["metrics"][0], result["metrics"][-1]
    return float((last["tokens"] - first["tokens"]) / (last["cpu_seconds"] - first["cpu_seconds"]))


def child(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """The run in a process of its own, so that none warms the other up."""
    command = [sys.executable, __file__, "--child", kind, json.dumps(options)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(result.stderr)
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def base_model(folder: Path, data: Path, hidden: int) -> Path:
    """An untrained model and its tokenizer as a checkpoint."""
    from synthgen_train.templates import CHATML, SPECIAL_TOKENS
    from synthgen_train.tiny import FromScratch, model_of, tokenizer_of

    shape = FromScratch(hidden=hidden, layers=4, heads=4, context=512, vocabulary=512)
    texts = [row["output"] for row in map(json.loads, data.read_text().splitlines())]
    tokenizer = tokenizer_of(texts, shape, SPECIAL_TOKENS["chatml"])
    tokenizer.chat_template = CHATML
    model_of(tokenizer, shape).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write(path: Path, data: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in data), encoding="utf-8")
    return path


def preflight(model: Path, count: int) -> float:
    """Seconds of the checks on so many records of the length of Alpaca's (about 60 words)."""
    from synthgen_train.examples import make_examples
    from synthgen_train.loading import load_trained
    from synthgen_train.preflight import inspect

    from synthgen.records import from_alpaca

    student, tokenizer = load_trained(model)
    made = make_examples([from_alpaca(row) for row in rows(count, 20, 80)], tokenizer, max_length=512)
    start = time.perf_counter()
    inspect(student, tokenizer, made, 512)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="end within two minutes")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--models", nargs="+", default=[], help="folders of real checkpoints")
    parser.add_argument("--kinds", nargs="+", choices=list(REAL), default=list(REAL), help="trainings of each")
    parser.add_argument("--steps", type=int, default=12, help="of each training of a real checkpoint")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    try:
        import torch
    except ImportError:
        print("the train extra is not installed: nothing measured")
        return
    torch.set_num_threads(1)
    if options.child:
        kind, given = options.child
        ways = {"ours": run_ours, "plain": run_plain, "real-ours": run_real_ours, "real-plain": run_real_plain}
        print(json.dumps(ways[kind](json.loads(given))))
        return
    if options.models:
        with tempfile.TemporaryDirectory() as temporary:
            measured = measure_real(options.models, options.kinds, options.steps, Path(temporary))
        if options.json:
            print(json.dumps(measured))
        return
    rounds, steps, hidden = (1, 60, 128) if options.quick else (3, 60, 256)
    out: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        long = write(folder / "long.jsonl", rows(2000, 40, 120))
        short = write(folder / "short.jsonl", short_rows(4000))
        model = base_model(folder / "base", long, hidden)
        common = {"model": str(model), "steps": steps, "max_length": 256}
        speeds: dict[str, list[float]] = {"plain": [], "ours": []}
        for number in range(rounds):
            for kind in ("plain", "ours") if number % 2 == 0 else ("ours", "plain"):
                speeds[kind].append(rate(child(kind, {**common, "data": str(long), "batch_size": 8})))
        medians = {kind: statistics.median(values) for kind, values in speeds.items()}
        ratios = [a / b for a, b in zip(speeds["ours"], speeds["plain"], strict=True)]
        out["speed"] = {**medians, "ratio": statistics.median(ratios), "ratios": ratios}
        print(f"tokens per CPU second, {rounds} rounds: plain {medians['plain']:,.0f}, ours {medians['ours']:,.0f}")
        print(f"  ours over plain, median of the rounds: {out['speed']['ratio']:.2f}")

        records = 2_000 if options.quick else 20_000
        seconds = preflight(model, records)
        out["preflight"] = {"records": records, "seconds": seconds, "share_of_ten_minutes": seconds / 600}
        print(f"preflight of {records:,} records: {seconds:.2f} s, {seconds / 600:.3%} of ten minutes")

        packed: dict[str, dict[str, Any]] = {}
        # About as many tokens a step. Without FlashAttention the rows of a packed batch are one sequence, whose
        # attention grows with the square of its length: so one row at a time, and three to a step.
        ways = {
            "padded": {"batch_size": 32, "max_length": 512},
            "packed": {"batch_size": 1, "gradient_accumulation": 3, "packing": True, "max_length": 512},
        }
        for name, more in ways.items():
            packed[name] = child("ours", {**common, "data": str(short), **more})
        speed = {name: rate(result) for name, result in packed.items()}
        out["packing"] = {**speed, "ratio": speed["packed"] / speed["padded"]}
        print(f"short records: padded {speed['padded']:,.0f} tokens per CPU second, packed {speed['packed']:,.0f}")
        print(f"  packed over padded: {out['packing']['ratio']:.2f}")
        for name, result in packed.items():
            curve = [(m["tokens"], m["loss"]) for m in result["metrics"]]
            picked = [curve[i * (len(curve) - 1) // 4] for i in range(5)]
            print(f"  loss {name}: " + "  ".join(f"{loss:.3f} at {tokens:,.0f}" for tokens, loss in picked))
            out["packing"][f"curve_{name}"] = curve
    if options.json:
        print(json.dumps(out))


if __name__ == "__main__":
    main()
