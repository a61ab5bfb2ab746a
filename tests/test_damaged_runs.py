"""Runs whose files were damaged in any way: no command breaks, and the same command makes again what it made."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

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
MADE = ("r/dataset/data", "r/rejected.parquet")

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
IN_ONE_PROCESS = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import dying
folder = Path(sys.argv[2])
ends = [dying.status(folder, command) for command in json.loads(sys.argv[3])]
print(json.dumps([ends, dying.made(folder, json.loads(sys.argv[4]))]))
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


def told(folder: Path, *commands: list[str]) -> tuple[list[int], dict[str, str], str]:
    """The commands' exit codes, the hashes of what is made, and all that was said."""
    arguments = [str(Path(__file__).parent), str(folder), json.dumps(commands), json.dumps(MADE)]
    done = subprocess.run(
        [sys.executable, "-c", IN_ONE_PROCESS, *arguments], capture_output=True, text=True, timeout=300, check=True
    )
    ends, made = json.loads(done.stdout)
    return ends, made, (folder.parent / "output").read_text(errors="replace")


@pytest.mark.slow
@pytest.mark.parametrize("killed", [True, False])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_run_ends_with_the_bytes_of_a_whole_one_or_with_a_clear_error(
    tmp_path: Path, damage: str, killed: bool
) -> None:
    whole, base = tmp_path / "whole" / "project", tmp_path / "base" / "project"
    for folder in (whole, base):
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(CONFIG)
    _, wanted, _ = told(whole, RUN)
    if killed:
        subprocess.run(
            [sys.executable, "-c", KILLED_AT_THE_SIXTH_REPLY, *RUN], cwd=base, capture_output=True, timeout=60
        )
        assert (base / "r" / "journal.sqlite-wal").stat().st_size > 0
    else:
        told(base, RUN)
    rng = random.Random(f"{damage}{killed}")
    files = sorted(file.relative_to(base) for file in (base / "r").rglob("*") if file.is_file() and file.stat().st_size)
    for number, file in enumerate(files if "EVERY_KILL" in os.environ else rng.sample(files, 3)):
        folder = tmp_path / str(number) / "project"
        shutil.copytree(base, folder)
        (folder / file).write_bytes(DAMAGE[damage](bytearray((folder / file).read_bytes()), rng))
        ends, made, said = told(folder, *COMMANDS, RUN)
        assert set(ends) <= {0, 1, 2}, (file, ends, said)
        assert "Traceback" not in said, (file, said)
        assert ends[-1] != 0 or made == wanted, (file, said)
        shutil.rmtree(folder.parent)
