"""Runs a command in forks of one process, each killed by SIGKILL at another rename or fsync, and then once more.

`python dying.py` reads the arguments of one `trial` after the other, a JSON list on each line, and prints what came of
it; `trials` is how tests ask.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from forks import imported

from synthgen.cli.main import main

MOMENTS = ("rename", "replace", "fsync")


PASSED = mmap.mmap(-1, 8)
"""How many moments the last fork passed, in memory that all forks share."""


def arm(step: int) -> Callable[..., None]:
    """Lets this process die before the call with this number of one of `MOMENTS`.

    What is returned is called at each further moment; what it is given is done last of all where that is the one.
    """
    fsync = os.fsync
    PASSED[:] = bytes(8)

    def moment(last: Callable[[], object] = lambda: None) -> None:
        passed = int.from_bytes(PASSED[:], "little")
        if passed == step:
            last()
            os.kill(os.getpid(), signal.SIGKILL)
        PASSED[:] = (passed + 1).to_bytes(8, "little")

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*args: Any, **kwargs: Any) -> Any:
            moment()
            # no power is lost here, so nothing has to reach the disk, which takes most of the time
            return None if real is fsync else real(*args, **kwargs)

        return operation

    for name in MOMENTS:
        setattr(os, name, dying(getattr(os, name)))
    return moment


def status(folder: Path, command: list[str], step: int | None = None, armed: Callable[[int], object] = arm) -> int:
    """The exit code of the command in a fork; negative for a signal."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.chdir(folder)
            output = os.open(folder.parent / "output", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(output, 1)
            os.dup2(output, 2)
            sys.argv = ["synthgen", *command]
            if step is not None:
                armed(step)
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        finally:
            sys.stdout.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def made(folder: Path, names: list[str]) -> dict[str, str]:
    """The hashes of the files."""
    found: dict[str, str] = {}
    for name in names:
        paths = [folder / name, *sorted((folder / name).rglob("*"))]
        found |= {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths if p.is_file()}
    return found


def fresh(folder: Path, template: Path, name: str) -> Path:
    place = folder / name / "project"  # of one name: it is in no file, but it is in the outputs
    shutil.copytree(template, place, symlinks=True)
    return place


def trial(folder: Path, prepare: list[list[str]], command: list[str], names: list[str], stride: int) -> dict[str, Any]:
    """Kills `command` at every moment that is a multiple of `stride`, after the commands of `prepare`.

    The bytes of the files and folders `names` are compared. Returns `steps`, the exit codes of a command that came to
    its end (`expected`, and `unharmed`, when its moment never came), and `wrong`: what, by the moment.
    """
    template = folder / "project"
    for earlier in prepare:
        assert status(template, earlier) == 0, (folder / "output").read_text()
    whole = fresh(folder, template, "whole")
    expected = status(whole, command)
    wanted = made(whole, names)
    assert wanted, (folder / "whole/output").read_text()
    repeated = status(whole, command)
    wrong: dict[int, str] = {}
    for step in range(0, 10_000, stride):
        place = fresh(folder, template, f"step{step}")
        died = status(place, command, step)
        if died != -signal.SIGKILL:
            return {"steps": step, "expected": expected, "unharmed": died, "wrong": wrong}
        again = status(place, command)
        found = made(place, names)
        if again not in (expected, repeated) or found != wanted:
            differ = [n for n in {**found, **wanted} if found.get(n) != wanted.get(n)]
            wrong[step] = f"rc {again}, {differ}: {(place.parent / 'output').read_text()[-300:]}"
        shutil.rmtree(place.parent)
    raise AssertionError("it does not end")


@contextmanager
def trials() -> Iterator[Callable[..., dict[str, Any]]]:
    """`trial`, in a process that imports once for all of them: its folder first, the rest as JSON can hold it."""
    process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    given, found = process.stdin, process.stdout

    def ask(folder: Path, *arguments: Any) -> dict[str, Any]:
        given.write(json.dumps([str(folder), *arguments]) + "\n")
        given.flush()
        return dict(json.loads(found.readline()))

    yield ask
    process.communicate()


if __name__ == "__main__":
    imported()
    for line in sys.stdin:
        at, *arguments = json.loads(line)
        print(json.dumps(trial(Path(at), *arguments)), flush=True)
