"""Runs whose files were damaged in any way: no command breaks, and the same command makes again what it made."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dying import made
from forks import Forks

CONFIG = """\
name: mine
target: 20
teacher: {use: procedural, flaws: 0.2}
source: {use: seeds, human: 3, machine: 0}
stages:
  - {use: generate, prompt: alpaca/tasks, count: 4}
  - {use: length, min_words: 4}
"""
RUN = ["run", "config.yaml", "--out", "r"]
COMMANDS = (["explain", "r", "Which"], ["stats", "r"], ["view", "r"], ["export", "r", "messages"])
MADE = ["r/dataset/data", "r/rejected.parquet"]

KILLED_AT_THE_SIXTH_REPLY = """
import os, sys
from synthgen.cli.main import main
from synthgen.journal.journal import Journal
put, count = Journal.put, 0
async def dying(self, *arguments, **options):
    global count
    await put(self, *arguments, **options)
    count += 1
    if count == 6:
        os.kill(os.getpid(), 9)
Journal.put = dying
main()
"""


def flipped(data: bytearray, rng: random.Random) -> bytes:
    for _ in range(rng.choice([1, 1, 30])):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def zeroed(data: bytearray, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return bytes(data[:at] + bytes(len(data[at : at + 4096])) + data[at + 4096 :])


DAMAGE: dict[str, Callable[[bytearray, random.Random], bytes]] = {
    "flipped": flipped,
    "zeroed": zeroed,
    "cut": lambda data, rng: bytes(data[: rng.randrange(len(data))]),
    "longer": lambda data, rng: bytes(data) + rng.randbytes(50),
    "other": lambda data, rng: rng.choice([b"", b"null", b"[]", b"{}", b"3", b"\xff\xfe", b"a: [", b"[" * 100_000]),
}


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as process:
        yield process


def told(forks: Forks, folder: Path, *commands: list[str]) -> tuple[list[int], str]:
    """The commands' exit codes, and all that was said."""
    done = [forks.run(command, folder) for command in commands]
    return [end.returncode for end in done], "".join(end.stdout + end.stderr for end in done)


@pytest.fixture(scope="module")
def runs(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A whole run and one that was killed; all projects have one name: it is in what is made."""
    found = {name: tmp_path_factory.mktemp(name) / "project" for name in ("whole", "killed")}
    for folder in found.values():
        folder.mkdir()
        (folder / "config.yaml").write_text(CONFIG)
    told(forks, found["whole"], RUN)
    subprocess.run(
        [sys.executable, "-c", KILLED_AT_THE_SIXTH_REPLY, *RUN], cwd=found["killed"], capture_output=True, timeout=60
    )
    assert (found["killed"] / "r" / "journal.sqlite-wal").stat().st_size > 0
    return found


@pytest.mark.slow
@pytest.mark.parametrize("killed", [True, False])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_run_ends_with_the_bytes_of_a_whole_one_or_with_a_clear_error(
    tmp_path: Path, forks: Forks, runs: dict[str, Path], damage: str, killed: bool
) -> None:
    base, wanted = runs["killed" if killed else "whole"], made(runs["whole"], MADE)
    assert wanted
    rng = random.Random(f"{damage}{killed}")
    files = sorted(file.relative_to(base) for file in (base / "r").rglob("*") if file.is_file() and file.stat().st_size)
    for number, file in enumerate(files if "EVERY_KILL" in os.environ else rng.sample(files, 3)):
        folder = tmp_path / str(number) / "project"
        shutil.copytree(base, folder)
        (folder / file).write_bytes(DAMAGE[damage](bytearray((folder / file).read_bytes()), rng))
        ends, said = told(forks, folder, *COMMANDS, RUN)
        assert set(ends) <= {0, 1, 2}, (file, ends, said)
        assert "Traceback" not in said, (file, said)
        assert ends[-1] != 0 or made(folder, MADE) == wanted, (file, said)
        shutil.rmtree(folder.parent)
