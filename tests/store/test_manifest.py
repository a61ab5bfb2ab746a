from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from store_parts import CONFIG, MADE_FROM, accepted, rejected, write_run

from synthgen.errors import StoreError
from synthgen.records import Record
from synthgen.report import Presentation
from synthgen.store import DatasetWriter, RunFolder, RunReport, verify
from synthgen.store.manifest import git_state


def test_the_manifest_holds_what_made_the_files(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [accepted(1)], [rejected(1)], exports=["alpaca"])
    manifest = RunFolder.open(run).manifest()
    assert manifest["versions"].keys() >= {"python", "pydantic", "pyarrow", "numpy", "rapidfuzz"}
    assert (manifest["prompts"], manifest["seeds"], manifest["seed"]) == ({"p.j2": "aa"}, {"s.jsonl": "bb"}, 0)
    assert manifest["files"].keys() == {
        "dataset/README.md",
        "dataset/data/train-00000-of-00001.parquet",
        "exports/alpaca/train.json",
        "rejected.parquet",
        "report.html",
    }


def test_the_seed_tasks_kept_are_among_the_files(tmp_path: Path) -> None:
    with RunFolder.create_or_open(tmp_path / "run", CONFIG) as folder:
        folder.save_seeds([Record(instruction="seed")])
        report = RunReport(generated=0, accepted=0, rejected=0, status="done")
        DatasetWriter(folder, Presentation).finish(report, MADE_FROM)
    assert "seeds.jsonl" in RunFolder.open(tmp_path / "run").manifest()["files"]
    assert verify(tmp_path / "run").ok


def test_verify_tells_changed_files_from_missing_ones(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [accepted(1)], [rejected(1)])
    assert verify(run).ok
    (run / "dataset" / "README.md").write_text("mine")
    (run / "rejected.parquet").unlink()
    (run / "config.yaml").write_text("name: other\n")
    found = verify(run)
    assert not found.ok
    assert found.changed == ("config.yaml", "dataset/README.md")
    assert found.missing == ("rejected.parquet",)
    assert found.right == ("dataset/data/train-00000-of-00001.parquet", "report.html")


def test_a_config_that_is_only_laid_out_anew_is_right(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    (run / "config.yaml").write_text(json.dumps(dict(reversed(CONFIG.items()))))
    assert verify(run).ok


def test_a_run_that_has_not_ended_cannot_be_verified(tmp_path: Path) -> None:
    RunFolder.create_or_open(tmp_path / "run", CONFIG).close()
    with pytest.raises(StoreError, match=r"has no manifest\.json yet"):
        verify(tmp_path / "run")


def test_a_manifest_of_another_format_is_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    (run / "manifest.json").write_text('{"format": 99}')
    with pytest.raises(StoreError, match="has format 99; this version reads 1"):
        verify(run)


def test_git_state_is_the_commit_and_whether_files_differ(tmp_path: Path) -> None:
    assert git_state(tmp_path) is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "-q"], check=True)
    assert git_state(tmp_path) is None  # no commit yet
    (tmp_path / "config.yaml").write_text("a: 1\n")
    subprocess.run([*git, "add", "config.yaml"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "Add"], check=True)
    state = git_state(tmp_path)
    assert state is not None
    assert len(state["commit"]) == 40
    assert state["changed"] is False
    (tmp_path / "config.yaml").write_text("a: 2\n")
    assert git_state(tmp_path) == {"commit": state["commit"], "changed": True}
