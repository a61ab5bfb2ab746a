"""The bundled probe sets: small, our own, and always the same; also as tasks of lm-evaluation-harness."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

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
