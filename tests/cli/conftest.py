from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from terminal import Finished, Synthgen, environment

from synthgen.cli import main


@pytest.fixture
def synthgen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Synthgen:
    """Runs `synthgen` with these arguments in the test's folder, in this process."""

    def run(*arguments: str, cwd: Path | None = None, code: int | None = 0, **env: str) -> Finished:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["synthgen", *arguments])
            patch.setattr(sys, "path", list(sys.path))
            patch.setattr(os, "environ", environment(**env))
            patch.chdir(cwd or tmp_path)
            capfd.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        out, err = capfd.readouterr()
        returned = ended.value.code if isinstance(ended.value.code, int) else 0
        assert code is None or returned == code, f"{returned}\n{out}\n{err}"
        return subprocess.CompletedProcess(list(arguments), returned, out, err)

    return run


@pytest.fixture
def shell(tmp_path: Path) -> Synthgen:
    """Runs `synthgen` with these arguments in the test's folder, in a process of its own."""

    def run(*arguments: str, cwd: Path | None = None, code: int | None = 0, **env: str) -> Finished:
        done = subprocess.run(
            [sys.executable, "-m", "synthgen", *arguments],
            cwd=cwd or tmp_path,
            env=environment(**env),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert code is None or done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run
