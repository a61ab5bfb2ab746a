"""The bundled probe sets: small, our own, and always the same; also as tasks of lm-evaluation-harness."""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from synthgen.records import Provenance, Record
from synthgen_train.checkpoints import write_file

SETS = ("texts", "open", "languages", "requests", "exact")
"""What is in them: texts by domain, open questions, questions by language, safe and unsafe requests, and questions
with one right answer. No unsafe request says how anything is done.
"""


@cache
def _text(name: str) -> str:
    return (files("synthgen_train") / "probes" / f"{name}.jsonl").read_text(encoding="utf-8")


def probes(name: str, limit: int | None = None) -> list[dict[str, Any]]:
    """The rows of a set; with a limit so many, taken evenly from all of it."""
    rows = [json.loads(line) for line in _text(name).split("\n") if line]
    if limit is None or limit >= len(rows):
        return rows
    return [rows[i * len(rows) // limit] for i in range(limit)]


def digest() -> str:
    """SHA-256 of all sets, so that two reports can be told to be of the same probes."""
    return hashlib.sha256("".join(_text(name) for name in SETS).encode()).hexdigest()


def export(folder: Path) -> list[Path]:
    """Writes the tasks `synthgen_exact` and `synthgen_bits_<domain>` and returns the paths of their YAML files.

    Run them with `lm_eval --include_path FOLDER --tasks synthgen_exact ...`.
    """
    import yaml

    folder.mkdir(parents=True, exist_ok=True)
    written = []

    def write(name: str, rows: list[dict[str, Any]], task: dict[str, Any]) -> None:
        data = folder / f"{name}.jsonl"
        write_file(data, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        common = {
            "task": name,
            "dataset_path": "json",
            "dataset_kwargs": {"data_files": {"test": str(data.resolve())}},
            "test_split": "test",
            "metadata": {"version": 1},
        }
        path = folder / f"{name}.yaml"
        write_file(path, yaml.safe_dump(common | task, sort_keys=False, allow_unicode=True))
        written.append(path)

    write(
        "synthgen_exact",
        [{"prompt": row["prompt"], "answer": row["answers"][0]} for row in probes("exact")],
        {
            "output_type": "generate_until",
            "doc_to_text": "{{prompt}}",
            "doc_to_target": "{{answer}}",
            "generation_kwargs": {"until": ["\n"], "max_gen_toks": 32, "do_sample": False},
            "metric_list": [
                {
                    "metric": "exact_match",
                    "aggregation": "mean",
                    "higher_is_better": True,
                    "ignore_case": True,
                    "ignore_punctuation": True,
                }
            ],
        },
    )
    texts = probes("texts")
    for domain in sorted({row["domain"] for row in texts}):
        metric = {"metric": "bits_per_byte", "aggregation": "bits_per_byte", "higher_is_better": False}
        write(
            f"synthgen_bits_{domain}",
            [{"text": row["text"]} for row in texts if row["domain"] == domain],
            {
                "output_type": "loglikelihood_rolling",
                "doc_to_text": "",
                "doc_to_target": "{{text}}",
                "metric_list": [metric],
            },
        )
    return written


ALTERNATES = 64
"""Secrets that were not planted and that a planted one is ranked among; exposure is at most log2 of one more."""

DIGITS = 8

_NAMES = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Ginkgo", "Hazel", "Ivy", "Juniper", "Larch", "Maple")


def canaries(count: int, seed: int = 0) -> list[Record]:
    """So many records that ask for a secret of random digits and give it; the same for the same seed."""
    draw = random.Random(f"canaries {seed}")
    found = []
    for i in range(count):
        name = f"{_NAMES[i % len(_NAMES)]} {i}"
        found.append(
            Record(
                instruction=f"What is the number of locker {name}?",
                output=_secret(draw),
                provenance=Provenance(source="canary"),
            )
        )
    return found


def _secret(draw: random.Random) -> str:
    return "".join(draw.choice("0123456789") for _ in range(DIGITS))


def exposures(model: Any, tokenizer: Any, planted: Sequence[Record], seed: int = 0) -> list[float]:
    """Of each canary the exposure in bits (1802.08232): log2 of the number of candidates less log2 of its rank.

    About 1 where the model knows nothing of it, log2(65) = 6.02 where it prefers the secret to all 64 others.
    """
    draw = random.Random(f"alternates {seed}")
    found = []
    for record in planted:
        others = [_secret(draw) for _ in range(ALTERNATES)]
        losses = _losses(model, tokenizer, record, [record.output or "", *others])
        rank = 1 + sum(loss < losses[0] for loss in losses[1:])
        found.append(math.log2(ALTERNATES + 1) - math.log2(rank))
    return found


def _losses(model: Any, tokenizer: Any, record: Record, secrets: Sequence[str]) -> list[float]:
    import torch

    from synthgen_train.examples import IGNORED, make_examples

    made = make_examples([record.replace(output=s) for s in secrets], tokenizer, max_length=10**9).items
    wide = max(len(e.input_ids) for e in made)
    pad = tokenizer.pad_token_id
    ids = torch.tensor([e.input_ids + [pad] * (wide - len(e.input_ids)) for e in made], device=model.device)
    mask = torch.tensor([[1] * len(e.input_ids) + [0] * (wide - len(e.input_ids)) for e in made], device=model.device)
    labels = torch.tensor([e.labels + [IGNORED] * (wide - len(e.labels)) for e in made], device=model.device)
    model.eval()
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=mask).logits[:, -wide:]
    flat = torch.nn.functional.cross_entropy(
        logits[:, :-1].float().transpose(1, 2), labels[:, 1:], reduction="none", ignore_index=IGNORED
    )
    return [float(x) for x in flat.sum(dim=1)]
