"""Crashes in the middle of things: simulated at every single step, and real ones by SIGKILL."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from store_parts import CONFIG, accepted, bytes_of, rejected, write_run

from synthgen.store import RunFolder, verify
from synthgen.store.record_files import dataset_files, read_rows

OLD = [accepted(i) for i in range(3)]
NEW = [accepted(i) for i in range(5)]


class Crash(BaseException):
    pass


def crash_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Lets the process die before the file system operation with this number."""
    count = iter(range(10_000))

    def dying(name: str) -> None:
        real = getattr(Path, name)

        def operation(self: Path, *args: object, **kwargs: object) -> object:
            if next(count) == step:
                raise Crash
            return real(self, *args, **kwargs)

        monkeypatch.setattr(Path, name, operation)

    for name in ("rename", "replace", "mkdir", "rmdir"):
        dying(name)


@pytest.mark.parametrize("first", [True, False])
def test_a_crash_at_any_step_leaves_the_old_files_or_the_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    old = {} if first else bytes_of(write_run(tmp_path / "old", OLD, [rejected(1)], exports=["alpaca"]))
    new = bytes_of(write_run(tmp_path / "new", NEW, [rejected(1)], exports=["alpaca"]))
    outcomes = []
    for step in range(1000):
        run = tmp_path / f"run{step}"
        if not first:
            write_run(run, OLD, [rejected(1)], exports=["alpaca"])
        crashed = False
        with monkeypatch.context() as patch:
            crash_at(patch, step)
            try:
                write_run(run, NEW, [rejected(1)], exports=["alpaca"])
            except Crash:
                crashed = True
        RunFolder.create_or_open(run, CONFIG).close()
        found = bytes_of(run) if (run / "rejected.parquet").exists() else {}
        assert found in (old, new)
        assert {p.name for p in run.iterdir() if p.name.startswith(".")} == {".lock"}
        if found:
            assert verify(run).ok
        outcomes.append(found == new)
        if not crashed:
            break
    assert outcomes[0] is False
    assert outcomes == sorted(outcomes), "once the new files count, no later crash brings back the old ones"
    assert outcomes.count(True) > 5


WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from store_parts import accepted, rejected, write_run
for size in range(1, 1000):
    kept, dropped = [accepted(i) for i in range(size)], [rejected(i) for i in range(size)]
    write_run(Path(sys.argv[1]), kept, dropped, exports=["messages"])
    print(size, flush=True)
"""


def test_kill_9_while_writing(tmp_path: Path) -> None:
    run = tmp_path / "run"
    delays = random.Random(0)
    sizes = []
    for written in (2, 5, 9, 4):
        command = [sys.executable, "-c", WRITER, str(run), str(Path(__file__).parents[1])]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            while (line := writer.stdout.readline()) and int(line) < written:
                pass
            assert line
            time.sleep(delays.random() * 0.3)
            writer.kill()
        RunFolder.create_or_open(run, CONFIG).close()
        assert verify(run).ok
        report = RunFolder.open(run).report()
        rows = [row["id"] for path in dataset_files(run / "dataset") for row in read_rows(path, ["id"])]
        assert len(rows) == report["accepted"] == report["rejected"] >= written
        assert {p.name for p in run.iterdir() if p.name.startswith(".")} == {".lock"}
        sizes.append(len(rows))
    assert len(set(sizes)) > 1
