from __future__ import annotations

import asyncio
import os
import pty
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from terminal import environment

from synthgen.cli import progress as module
from synthgen.cli.progress import Rate, duration, progress_lines, progress_shown, rejected_line
from synthgen.engine.budget import Spending
from synthgen.engine.pipeline import Flow, Progress


def halfway() -> Progress:
    progress = Progress(target=1000, accepted=250, rejected=60, generated=310)
    progress.flows = {
        "length": Flow(dropped=Counter(too_short=30, too_long=5)),
        "novel": Flow(dropped=Counter(near_duplicate=20, duplicate=3)),
        "late": Flow(dropped=Counter(refused=2)),
    }
    progress.spending = Spending(requests=1200, prompt_tokens=9000, completion_tokens=1000, replayed=7, reused=3)
    return progress


def test_the_facts_of_a_run() -> None:
    assert progress_lines(halfway(), 2.5) == [
        "250 of 1,000 accepted, 2.5/s, 5 min 0 s left",
        "60 rejected: 30 too_short, 20 near_duplicate, 5 too_long, 3 duplicate, 2 for other reasons",
        "requests: 1,200 bought, 10 from the journal, 0 in flight; 10,000 tokens",
    ]


def test_money_is_named_where_it_is_spent_and_time_left_where_there_is_a_target() -> None:
    progress = halfway()
    progress.target, progress.spending.usd = None, 1.5
    assert progress_lines(progress, 2.5)[0] == "250 accepted, 2.5/s"
    assert progress_lines(progress, 2.5)[2].endswith("10,000 tokens, $1.50")
    progress.spending.cached_tokens = 3000
    assert progress_lines(progress, 2.5)[2].endswith("10,000 tokens, 33% of the prompts' cached, $1.50")
    assert progress_lines(halfway(), 0)[0] == "250 of 1,000 accepted, 0.0/s"
    assert rejected_line(Progress()) == "0 rejected"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.24, "0.2 s"), (9.96, "10 s"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_rate_forgets_the_replay_at_the_beginning() -> None:
    now = [0.0]
    rate = Rate(lambda: now[0])
    for second in range(1, 101):
        now[0] = float(second)
        found = rate.update(10_000 + 2 * second)
    assert found == pytest.approx(2.0)


def test_a_rate_at_the_very_beginning() -> None:
    assert Rate(lambda: 5.0).update(3) == 0.0


def test_a_plain_line_every_few_seconds(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "LINE_S", 0.0)
    monkeypatch.setattr(module, "REDRAW_S", 0.0)
    progress = halfway()

    async def watch() -> None:
        async with progress_shown(progress):
            while "rejected" not in (seen := capsys.readouterr().err):
                await asyncio.sleep(0)
            lines.append(seen)
            progress.message = "asked to stop"
            while "asked to stop" not in (seen := capsys.readouterr().err):
                await asyncio.sleep(0)

    lines: list[str] = []
    asyncio.run(asyncio.wait_for(watch(), 30))
    assert lines[0].startswith("250 of 1,000 accepted, ")
    assert "60 rejected: 30 too_short" in lines[0].splitlines()[0]


CONFIG = """\
name: mine
target: 24
teacher: {use: procedural, latency_s: 0.1}
source: {use: seeds, human: 3, machine: 0}
stages: [{use: generate, prompt: alpaca/tasks, count: 2}]
concurrency: 2
"""


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}])
def test_a_terminal_gets_a_bar_unless_plain_lines_are_asked_for(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "synthgen", "run"],
        cwd=tmp_path,
        env=environment(TERM="xterm", **env),
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        seen += chunk
    os.close(ours)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    assert b"done: the target is reached" in out
    bars = re.findall("━+", seen.decode())
    assert bool(bars) is not bool(env)
    assert (b"of 24 accepted" in seen) is not bool(env)
