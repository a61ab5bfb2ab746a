"""Makes a LoRA student with its merged model, for the tests of servers whose environments have no trainer.

    python tests/make_student.py FOLDER

Writes `FOLDER/merged` and `FOLDER/answers.json`: prompts with the trainer's own greedy answers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def make(folder: Path) -> None:
    """Trains a small model with a template of plain text, then LoRA with one that needs a new token, and merges it."""
    from synthgen_train.config import parse
    from synthgen_train.generation import answer, load_trained
    from synthgen_train.train import train

    folder.mkdir(parents=True, exist_ok=True)
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps({"instruction": f"say {i}", "output": f"{i} {i}"}) + "\n" for i in range(24)))
    shared = {"data": str(rows), "eval_share": 0, "batch_size": 8, "learning_rate": 5e-3}
    scratch = {"from_scratch": {"hidden": 64, "layers": 2, "heads": 2, "context": 128, "tokenizer": "bytes"}}
    base = train(parse({**shared, "model": scratch, "template": "xml", "max_steps": 200, "out": str(folder / "base")}))
    lora = {"model": str(base.model), "template": "chatml", "method": {"use": "lora"}, "merge": True, "max_steps": 100}
    report = train(parse({**shared, **lora, "out": str(folder / "student")}))
    prompts = [f"say {i}" for i in range(24)]
    replies = answer(
        *load_trained(report.model), [[{"role": "user", "content": prompt}] for prompt in prompts], max_tokens=12
    )
    (folder / "student" / "merged").rename(folder / "merged")
    told = [{"prompt": p, "text": r.text, "stopped": r.stopped} for p, r in zip(prompts, replies, strict=True)]
    (folder / "answers.json").write_text(json.dumps(told))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
