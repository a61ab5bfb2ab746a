"""Commands in forks of one process that has imported the package: a start costs milliseconds in place of a second.

What a test may do to a process of its own it may do to a fork: signals, `kill -9`, another folder and environment.

`python forks.py [MODULE...]` is that process, which imports these modules too. It reads a JSON object for each command
(`arguments`, `cwd`, `env`, `output`, `errors`: files to write to), and answers with the fork's process id and, when it
has ended, its exit code. Before all it writes its own process id, when it is ready.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import synthgen
from synthgen.cli.main import _run, main

MOST_S = 300
"""Seconds that a command may take; then it ends by a signal."""


@dataclass
class Fork:
    """One command: running until `wait` has returned."""

    pid: int
    _forks: Forks
    code: int | None = None

    def kill(self) -> None:
        """Kills it with -9, if it has not ended, and what it has just started: that may hold its locks for a moment."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return Path(f"/proc/{self.pid}").exists()

    def wait(self) -> int:
        """Its exit code; negative for a signal."""
        if self.code is None:
            self.code = self._forks.read()
        return self.code


class Forks:
    """The process, with further modules that commands will need. One command runs at a time."""

    def __init__(self, *modules: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [sys.executable, __file__, *modules], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.read() == self._process.pid, "it has imported everything"

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.communicate()
        self._folder.cleanup()

    def read(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def start(self, arguments: list[str], cwd: Path) -> Fork:
        """`synthgen` with these arguments in this folder, and with this process's environment."""
        output, errors = (Path(self._folder.name) / name for name in ("output", "errors"))
        for path in (output, errors):
            path.write_text("")
        asked: dict[str, Any] = {"arguments": arguments, "cwd": str(cwd), "env": dict(os.environ)}
        asked |= {"output": str(output), "errors": str(errors)}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Fork(self.read(), self)

    def run(self, arguments: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
        """The same, to its end."""
        code = self.start(arguments, cwd).wait()
        return subprocess.CompletedProcess(arguments, code, *self.said())

    def said(self) -> tuple[str, str]:
        """What the last command has written to standard output and standard error."""
        output, errors = ((Path(self._folder.name) / n).read_text(errors="replace") for n in ("output", "errors"))
        return output, errors


def heard() -> None:
    """Lets a terminal's signals do what they do by default; for `preexec_fn`.

    Where the tests run under nohup or in the background they are ignored, and by children too.
    """
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def forked(asked: dict[str, Any]) -> Iterator[int]:
    """Its process id, and its exit code."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.setpgid(0, 0)
            os.chdir(asked["cwd"])
            for number, name in ((1, "output"), (2, "errors")):
                os.dup2(os.open(asked[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.environ.clear()
            os.environ.update(asked["env"])
            signal.alarm(MOST_S)
            sys.argv = ["synthgen", *asked["arguments"]]
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        except BaseException:  # noqa: BLE001 - it must not go on as the process that it was forked from
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    with contextlib.suppress(PermissionError, ProcessLookupError):  # it has begun or ended before
        os.setpgid(child, child)
    yield child
    yield os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def imported(*modules: str) -> None:
    """Imports what each fork would import by itself, and these modules."""
    for name in modules:
        importlib.import_module(name)
    for found in pkgutil.walk_packages(synthgen.__path__, "synthgen."):
        if not found.name.endswith("__main__") and not found.name.startswith("synthgen.checkpoints."):  # need torch
            importlib.import_module(found.name)
    for name in ("dotenv", "pandas", "pyarrow.parquet", "rich.progress", "uvloop"):  # pandas by pyarrow, if it is there
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        _run(["check", "quickstart"])  # for what it caches
    gc.freeze()  # a collection in a fork would copy every page


if __name__ == "__main__":
    imported(*sys.argv[1:])
    heard()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print(os.getpid(), flush=True)
    for line in sys.stdin:
        for number in forked(json.loads(line)):
            print(number, flush=True)
