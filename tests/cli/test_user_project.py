"""A project as a user has it: a config, seeds, a prompt, filters and a stage, run from the command line."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from terminal import Synthgen

PROJECT = Path(__file__).parents[1] / "user_project"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_users_own_filters_and_stage_do_their_work(project: Path, shell: Synthgen) -> None:
    done = shell("run", "--json")
    report = json.loads(done.stdout)
    assert (report["status"], report["accepted"], report["folder"]) == ("done", 20, "outputs/postcards")
    rows = pq.read_table(project / "outputs/postcards/dataset/data").to_pylist()
    assert all(row["output"].endswith("\nAda") for row in rows)
    openings = Counter(row["instruction"][0].lower() for row in rows)
    assert max(openings.values()) <= 3
    reasons = {
        row["reason"]: row["stage"] for row in pq.read_table(project / "outputs/postcards/rejected.parquet").to_pylist()
    }
    assert reasons["opening_is_common"] == "openings_cap"
    assert reasons["only_a_number"] == "Signed"
    assert len(json.loads((project / "outputs/postcards/exports/alpaca/train.json").read_text())) == 20


def test_every_concurrency_gives_the_same_bytes(project: Path, synthgen: Synthgen) -> None:
    for number in ("1", "8"):
        synthgen("run", "--out", number, "--set", f"concurrency={number}", "--set", f"teacher.latency_s=0.00{number}")
    for name in ("dataset/README.md", "rejected.parquet", "dataset/data/train-00000-of-00001.parquet"):
        assert (project / "1" / name).read_bytes() == (project / "8" / name).read_bytes()


def test_a_rejected_record_tells_why(project: Path, synthgen: Synthgen) -> None:
    synthgen("run")
    rejected = pq.read_table(project / "outputs/postcards/rejected.parquet").to_pylist()
    dropped = next(row for row in rejected if row["reason"] == "opening_is_common")
    told = synthgen("explain", "postcards", dropped["id"]).stdout
    assert "rejected by openings_cap: opening_is_common" in told
    assert "Write new tasks that fit on a postcard." in told


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (
            "stages.max_words_per_line.limit=many",
            "--set stages.max_words_per_line.limit: stages.1.limit: found the text",
        ),
        ("stages.openings_cap.limit=0", "found the number 0, expected at least 1"),
        ("stages.max_words_per_line.limt=3", "did you mean 'limit'"),
        ("stages.Signed.use=./stages.py:Singed", "did you mean 'Signed'"),
        ("stages.generate.prompt=postcart", "postcard"),
        ("source.path=seeds.json", "seeds.json"),
    ],
)
def test_a_wrong_setting_of_the_users_own_part(project: Path, synthgen: Synthgen, setting: str, words: str) -> None:
    done = synthgen("run", "--set", setting, code=2)
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / "outputs").exists() or not list((project / "outputs").rglob("*.parquet"))


def test_a_filter_that_raises_stops_the_run_and_the_mended_one_pays_nothing_twice(
    project: Path, synthgen: Synthgen
) -> None:
    filters = (project / "filters.py").read_text()
    (project / "filters.py").write_text(filters.replace("longest = max(", "longest = record.nothing + max("))
    done = synthgen("run", code=1)
    assert "stage max_words_per_line, attempt 0" in done.stderr
    assert "AttributeError" in done.stderr
    assert "Traceback" not in done.stderr
    (project / "filters.py").write_text(filters)
    fixed = synthgen("run", "--json")
    assert "changed: filters.py; every record is decided anew" in fixed.stderr
    report = json.loads(fixed.stdout)
    assert (report["status"], report["requests"]["replayed"] > 0) == ("done", True)
    (project / "filters.py").write_text(filters.replace("> limit else", ">= limit else"))
    refused = synthgen("run", code=2)
    assert "another config (files.filters.py" in refused.stderr
    assert "--reuse outputs/postcards" in refused.stderr
    again = json.loads(synthgen("run", "--reuse", "outputs/postcards", "--json").stdout)
    assert (again["folder"], again["requests"]["bought"]) == ("outputs/postcards-2", 0)
