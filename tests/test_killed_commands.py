"""Every command that writes, killed with -9 at every rename and fsync: the same command ends as if nothing had been."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dying import trials

CONFIG = """\
name: mine
target: 6
teacher: {use: procedural, flaws: 0}
source: {use: seeds, human: 3, machine: 0}
stages:
  - {use: generate, prompt: alpaca/tasks, count: 4}
  - {use: length, min_words: 4}
"""
RUN = ["run", "config.yaml", "--out", "r"]
FILES = ["r/dataset", "r/rejected.parquet", "r/exports", "r/config.yaml", "r/seeds.jsonl"]

COMMANDS: dict[str, tuple[list[list[str]], list[str], list[str]]] = {
    "run": ([], RUN, FILES),
    "raise": ([RUN], [*RUN, "--target", "14"], FILES),
    "set": ([RUN], [*RUN, "--set", "export=[messages]", "--set", "license=mit"], FILES),
    "stop": ([RUN], [*RUN, "--set", "stop={barren_attempts: 7}"], FILES),
    "reuse": (
        [RUN],
        ["run", "config.yaml", "--set", "stages.length.max_words=40", "--reuse", "r", "--out", "s"],
        ["s/dataset", "s/rejected.parquet", "s/config.yaml"],
    ),
    "fresh": ([RUN], [*RUN, "--set", "stages.length.max_words=40", "--fresh"], FILES),
    "preview": ([], ["preview", "config.yaml", "-n", "2"], ["outputs/.preview/mine/dataset"]),
    "export": ([[*RUN, "--set", "export=[alpaca]"]], ["export", "r", "alpaca", "messages"], FILES),
    "export elsewhere": ([RUN], ["export", "r", "alpaca", "--out", "out"], ["out", *FILES]),
    "view": ([RUN], ["view", "r"], FILES),
    "dedup": (
        [],
        ["dedup", "rows.jsonl", "--out", "kept.jsonl", "--dropped", "dropped.jsonl"],
        ["kept.jsonl", "dropped.jsonl"],
    ),
}


SHORT = ("export", "export elsewhere", "dedup", "view")
STRIDE = 7
"""Of the long ones every seventh moment is tried; all with the environment's variable EVERY_KILL (some minutes)."""


@pytest.fixture(scope="module")
def trial() -> Iterator[Callable[..., dict[str, Any]]]:
    with trials() as process:
        yield process


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_the_same_command_after_a_kill_at_any_moment(
    tmp_path: Path, trial: Callable[..., dict[str, Any]], name: str
) -> None:
    prepare, command, made = COMMANDS[name]
    project = tmp_path / "project"
    project.mkdir()
    (project / "config.yaml").write_text(CONFIG)
    (project / "rows.jsonl").write_text('{"instruction": "Say hello to a cat."}\n' * 3)
    stride = 1 if "EVERY_KILL" in os.environ or name in SHORT else STRIDE
    found = trial(tmp_path, prepare, command, made, stride)
    assert found["wrong"] == {}
    assert found["expected"] == found["unharmed"] == 0
    assert found["steps"] >= (0 if name == "view" else 4)
