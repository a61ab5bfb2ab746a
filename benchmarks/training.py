"""What the trainer costs beside a plain TRL script, what its checks cost, and what packing gains.

With `--models FOLDER …`, real checkpoints instead, see `real_training.py`.

Speed: the same model, the same examples and settings, alternately through a plain `SFTTrainer` script and through
`synthgen_train`, each in a process of its own; tokens per CPU second of the training loop (one thread), padding not
counted, the median of the rounds. Preflight: its seconds on records as long as Alpaca's, over ten minutes. Packing:
tokens per CPU second on short records, padded and packed, at about as many tokens a step, and the losses beside each
other.

    python benchmarks/training.py [--quick] [--json] [--models FOLDER ... [what real_training.py takes]]
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import real_training
from real_training import ended_as_child, write

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


def rate(result: dict[str, Any]) -> float:
    """Tokens per CPU second of the training loop, its first ten steps left out.

    Everything runs in one thread, and a machine that others use as well changes wall time only.
    """
    first, last = result["metrics"][0], result["metrics"][-1]
    return float((last["tokens"] - first["tokens"]) / (last["cpu_seconds"] - first["cpu_seconds"]))


def child(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """The run in a process of its own, so that none warms the other up."""
    return real_training.in_a_process(__file__, kind, options)


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


def preflight(model: Path, count: int) -> float:
    """Seconds of the checks on so many records of the length of Alpaca's (about 60 words)."""
    from synthgen_train.examples import make_examples
    from synthgen_train.generation import load_trained
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
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    if "--models" in sys.argv:
        real_training.main()
        return
    options = parser.parse_args()
    if ended_as_child(options.child, {"ours": run_ours, "plain": run_plain}):
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
        # About as many tokens a step.
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
