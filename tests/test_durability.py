"""Real runs against a real server, killed with -9 at random moments, until one comes to its end."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "servers"))

from faults import Plan
from forks import Forks, heard
from openai_server import FromTeacher, OpenAIServer

from synthgen.journal.journal import Journal
from synthgen.teachers.procedural import Procedural

pytestmark = pytest.mark.slow

CONFIG = """
name: killed
seed: 3
target: {target}
teacher: {{use: openai, base_url: "{url}", model: test-model}}
source: {{use: seeds, path: builtin, human: 2, machine: 1}}
stages:
  - {{use: generate, prompt: alpaca/tasks, form: tasks, count: 3, sampling: {{max_tokens: 600, seed: 1}}}}
  - {{use: length, min_words: 3}}
  - {{use: near_duplicate}}
  - {{use: respond, name: respond, sampling: {{max_tokens: 400, seed: 1}}}}
  - {{use: empty}}
concurrency: {concurrency}
window: 12
"""


@contextmanager
def served(plan: Plan) -> Iterator[OpenAIServer]:
    """The test server, answering as the procedural teacher does, in a thread of its own."""
    loop = asyncio.new_event_loop()
    server = OpenAIServer(plan, FromTeacher(Procedural()))
    server.keep_bodies = True
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def command(config: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "synthgen", "run", str(config), "--out", str(out)]


def write(folder: Path, url: str, target: int, concurrency: int = 8) -> Path:
    path = folder / "killed.yaml"
    path.write_text(CONFIG.format(url=url, target=target, concurrency=concurrency))
    return path


def contents(path: Path) -> dict[str, bytes]:
    files = [*sorted((path / "dataset").rglob("*")), path / "rejected.parquet"]
    return {str(f.relative_to(path)): f.read_bytes() for f in files if f.is_file()}


def told(body: dict[str, Any]) -> str:
    """A request as the server sees it; the seed holds the sample's and the retry's number."""
    return json.dumps([body["messages"], body["seed"]], sort_keys=True)


def journaled(path: Path) -> set[str]:
    """What the run has replies for, as the server would see the requests."""
    if not (path / "journal.sqlite").is_file():
        return set()
    with Journal(path / "journal.sqlite") as journal:
        requests: list[Any] = [journal.request(key) for key in journal]
    return {
        told({"messages": r["messages"], "seed": r["sampling"]["seed"] + r["sample"] + 1_000_003 * r["retry"]})
        for r in requests
    }


KILLS = 50 if "EVERY_KILL" in os.environ else 12


def test_kills_change_no_byte_and_buy_nothing_twice_that_was_journaled(tmp_path: Path) -> None:
    rng = random.Random(7)
    kills, again, lost = 0, 0, 0
    seen: set[str] = set()
    with served(Plan(latency_s=0.06)) as server, Forks() as forks:
        config = write(tmp_path, server.url, target=10 * KILLS, concurrency=6)
        reference = forks.run(["run", str(config), "--out", str(tmp_path / "whole")], tmp_path)
        assert reference.returncode == 0, reference.stderr
        out = tmp_path / "killed"
        while True:
            before = journaled(out)
            server.bodies.clear()
            run = forks.start(["run", str(config), "--out", str(out)], tmp_path)
            if kills < KILLS:
                while not server.bodies and run.alive():
                    time.sleep(0.002)
                time.sleep(rng.uniform(0, 0.1))
                run.kill()
            code = run.wait()
            again += sum(1 for body in server.bodies if told(body) in before)
            lost += sum(1 for body in server.bodies if told(body) in seen)
            seen.update(told(body) for body in server.bodies)
            if code == -signal.SIGKILL:
                kills += 1
                continue
            assert code == 0, forks.said()[1]
            break
    assert kills >= KILLS
    assert again == 0
    assert contents(out) == contents(tmp_path / "whole")
    # a kill loses what is in flight (6 slots) and what the last commit had not taken yet (a few milliseconds' replies)
    assert 0 < lost <= kills * 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_and_a_closed_terminal_lose_nothing_that_was_sent(tmp_path: Path, number: signal.Signals) -> None:
    with served(Plan(latency_s=0.15)) as server:
        config = write(tmp_path, server.url, target=60)
        process = subprocess.Popen(
            command(config, tmp_path / "r"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=heard,
        )
        while len(server.bodies) < 20 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(number)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 130, output
        first = len(server.bodies)
        done = subprocess.run(command(config, tmp_path / "r"), capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        assert first >= 20
        assert len({told(body) for body in server.bodies}) == len(server.bodies)


def test_two_runs_on_one_folder_at_once(tmp_path: Path) -> None:
    with served(Plan(latency_s=300)) as server:
        config = write(tmp_path, server.url, target=200)
        process = subprocess.Popen(
            command(config, tmp_path / "r"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
        )
        try:
            while not server.bodies and process.poll() is None:
                time.sleep(0.01)
            second = subprocess.run(command(config, tmp_path / "r"), capture_output=True, text=True, timeout=300)
            assert second.returncode == 1
            assert str(process.pid) in second.stderr
        finally:
            process.kill()
            process.wait()
