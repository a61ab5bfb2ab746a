"""The probes as tasks of lm-evaluation-harness: a YAML and a JSONL file each, which need no network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from synthgen_train.checkpoints import write_file
from synthgen_train.monitors.probes import probes


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
