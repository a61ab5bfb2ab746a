from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from terminal import Finished, Synthgen, environment


@pytest.fixture
def synthgen(tmp_path: Path) -> Synthgen:
    """Runs `synthgen` with these arguments in the test's folder, as a user does."""

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
