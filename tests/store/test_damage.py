"""Damaged and foreign files in a run folder: a message and never a traceback, and a followed hint helps."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from synthgen.api import run_recipe
from synthgen.api.event_loop import run_async
from synthgen.api.run import export
from synthgen.config import load
from synthgen.errors import SynthgenError
from synthgen.journal.journal import Journal
from synthgen.report import page_of, stats
from synthgen.report.explanation import explain
from synthgen.store import RunFolder, verify
from synthgen.store.report import RunReport

CONFIG = """\
name: mine
target: 6
teacher: {use: procedural, flaws: 0}
source: {use: seeds, human: 3, machine: 0}
stages:
  - {use: generate, prompt: alpaca/tasks, count: 4}
  - {use: length, min_words: 4}
"""


def run(out: Path, *settings: str) -> RunReport:
    return run_async(run_recipe(load("config.yaml", settings), out=out))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    (folder / "config.yaml").write_text(CONFIG)
    before = Path.cwd()
    os.chdir(folder)
    try:
        run(folder / "run", "export=[alpaca]")
    finally:
        os.chdir(before)
    return folder / "run"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))] if data else b""


def flipped(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(min(len(data), 16)):
        changed[rng.randrange(len(data))] ^= rng.randrange(1, 256)
    return bytes(changed)


DAMAGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "cut": cut,
    "flipped": flipped,
    "binary": lambda data, rng: b"\xff\xfe\x00" + rng.randbytes(300),
    "other JSON": lambda data, rng: rng.choice([b"[]", b"null", b'{"a": 1}', b"3", b'{"status": "done"}', b'"x"']),
    "deep": lambda data, rng: b"[" * 100_000,
    "empty": lambda data, rng: b"",
}

FILES = [
    "config.yaml",
    "report.json",
    "manifest.json",
    "seeds.jsonl",
    "rejected.parquet",
    "dataset/data/train-00000-of-00001.parquet",
    "exports/alpaca/train.json",
    "journal.sqlite",
    ".lock",
]


def tolerated(action: Callable[[], object]) -> SynthgenError | None:
    """What the action raised on purpose; anything else fails the test."""
    try:
        action()
    except SynthgenError as error:
        return error
    return None


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_told_and_the_same_command_makes_it_anew(
    project: Path, finished: Path, name: str, damage: str
) -> None:
    out = project / "run"
    shutil.copytree(finished, out)
    file = out / name
    data = file.read_bytes()
    file.write_bytes(DAMAGES[damage](data, random.Random(f"{name} {damage}")))
    accepted = [r["id"] for r in _rows(finished)]
    for action in (
        lambda: stats(out),
        lambda: explain(out, str(accepted[0])),
        lambda: page_of(out),
        lambda: export(out, ["messages"]),
        lambda: verify(out),
    ):
        error = tolerated(action)
        assert error is None or error.hint
    error = tolerated(lambda: run(out, "export=[alpaca]"))
    if error is not None and "remove it" in (error.hint or ""):
        file.unlink()
        error = tolerated(lambda: run(out, "export=[alpaca]"))
    if error is not None:
        # nothing of the journal can be read, and the user is told of the two ways on
        assert name == "journal.sqlite"
        assert "--fresh" in (error.hint or "")
        return
    assert verify(out).ok
    assert [r["id"] for r in _rows(out)] == accepted


def _rows(run: Path) -> list[dict[str, object]]:
    from synthgen.store.record_files import dataset_files, read_rows

    return [row for path in dataset_files(run / "dataset") for row in read_rows(path, ["id"])]


def test_nothing_is_bought_again_where_the_journal_is_whole(project: Path, finished: Path) -> None:
    out = project / "run"
    shutil.copytree(finished, out)
    bought = RunFolder.open(out).run_report().requests.bought
    for name in ("report.json", "manifest.json", "rejected.parquet"):
        (out / name).write_bytes(b"")
        assert run(out, "export=[alpaca]").requests.bought == bought


def test_a_journal_that_is_gone_is_not_bought_again_in_silence(project: Path, finished: Path) -> None:
    out = project / "run"
    shutil.copytree(finished, out)
    (out / "journal.sqlite").unlink()
    assert run(out, "export=[alpaca]").accepted == 6  # there is nothing to do
    with pytest.raises(SynthgenError, match=r"journal\.sqlite is missing: the \d+ replies .* would be bought again"):
        run(out, "export=[alpaca]", "target=9")


def test_a_database_of_another_program_is_left_alone(project: Path) -> None:
    with sqlite3.connect(project / "journal.sqlite") as base:
        base.execute("CREATE TABLE addresses (name TEXT)")
    base.close()
    before = (project / "journal.sqlite").read_bytes()
    with pytest.raises(SynthgenError, match="another program's database"):
        Journal(project / "journal.sqlite")
    assert (project / "journal.sqlite").read_bytes() == before


LINKS = (".lock", ".ready", ".old", ".partial", "journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm",
         "config.yaml", "report.json", "manifest.json", "seeds.jsonl", "dataset", "rejected.parquet", "report.html",
         "exports", "exports/alpaca", "exports/messages", "dataset/data", ".config.yaml.tmp", ".seeds.jsonl.tmp",
         ".journal.sqlite.rescued", "train.yaml")  # fmt: skip


@pytest.mark.parametrize("to", ["file", "folder", "nothing"])
@pytest.mark.parametrize("name", LINKS)
def test_no_link_is_followed_out_of_the_folder(project: Path, finished: Path, name: str, to: str) -> None:
    out, ours = project / "run", project / "ours"
    shutil.copytree(finished, out)
    (ours / "below").mkdir(parents=True)
    (ours / "letter.txt").write_text("a letter")
    before = sorted((str(p), p.read_bytes() if p.is_file() else b"") for p in ours.rglob("*"))
    place = out / name
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.symlink_to({"file": ours / "letter.txt", "folder": ours, "nothing": ours / "new"}[to])
    for action in (lambda: run(out, "export=[alpaca]", "target=9"), lambda: export(out, ["messages"])):
        error = tolerated(action)
        assert error is not None
        assert "is a link to" in error.message or "it has no config.yaml" in error.message
    assert sorted((str(p), p.read_bytes() if p.is_file() else b"") for p in ours.rglob("*")) == before
