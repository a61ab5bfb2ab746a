"""`synthgen view` as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from store_parts import accepted, write_run


def view(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "synthgen", "view", *arguments]
    return subprocess.run(command, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, timeout=60)


def test_it_prints_where_the_page_is(tmp_path: Path) -> None:
    write_run(tmp_path / "outputs" / "demo", [accepted(1)])
    assert view(tmp_path, "demo").stdout == "outputs/demo/report.html\n"
    assert json.loads(view(tmp_path, "outputs/demo", "--json").stdout) == {"page": "outputs/demo/report.html"}


def test_it_opens_the_page(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a run", [accepted(1)])
    browser = tmp_path / "browser.sh"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{tmp_path}/opened"\n')
    browser.chmod(0o755)
    done = view(tmp_path, str(run), "--open", BROWSER=f"{browser} %s")
    assert (done.returncode, done.stdout) == (0, f"{run}/report.html\n")
    assert (tmp_path / "opened").read_text() == (run / "report.html").as_uri()


def test_a_folder_that_is_no_run_is_an_error(tmp_path: Path) -> None:
    done = view(tmp_path, "nothing")
    assert done.returncode == 1
    assert "nothing does not exist" in done.stderr
