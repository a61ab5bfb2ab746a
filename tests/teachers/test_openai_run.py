"""Whole runs with the openai teacher: faults, a stop in the middle, and no secret in any file."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq
import pytest
from openai_parts import OpenAIServer, Plan

from synthgen.api import run_recipe
from synthgen.config import load
from synthgen.errors import TeacherError
from synthgen.journal.journal import Journal
from synthgen.store import RunReport

KEY = "sk-planted-0a1b2c3d4e"
PASSWORD = "word-planted-55"

RECIPE = """
name: run
teacher: {{use: openai, base_url: "{url}", model: test-model, give_up_after_s: 0.3, sampling: {{max_tokens: 60}}}}
source: {{use: dataset, path: tasks.jsonl, chunk: 1}}
stages: [{{use: respond}}, {{use: empty, output_required: true}}]
concurrency: {concurrency}
"""
ROWS = 120


@contextmanager
def serving(plan: Plan) -> Iterator[OpenAIServer]:
    """A server in a thread of its own, for runs in other processes."""
    loop = asyncio.new_event_loop()
    server = OpenAIServer(plan)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def do(work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(30)

    do(server.__aenter__())
    try:
        yield server
    finally:
        do(server.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def write(folder: Path, url: str, concurrency: int = 20) -> Path:
    rows = (f'{{"instruction": "Task number {n}: say what {n * 7919} means."}}\n' for n in range(ROWS))
    (folder / "tasks.jsonl").write_text("".join(rows))
    (folder / "run.yaml").write_text(RECIPE.format(url=url, concurrency=concurrency))
    return folder / "run.yaml"


def synthgen(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "synthgen", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def run_here(folder: Path, config: Path) -> RunReport:
    return asyncio.run(run_recipe(load(config), out=folder / "run"))


def journaled(folder: Path) -> int:
    with Journal(folder / "run" / "journal.sqlite", readonly=True) as journal:
        return len(list(journal))


def test_a_run_through_all_faults_keeps_nothing_bad(tmp_path: Path) -> None:
    kinds = ("429", "500", "reset", "malformed", "cut", "empty", "null")
    plan = Plan(latency_s=0.01, faults=tuple((kind, 0.04) for kind in kinds), retry_after_s=0.05)
    with serving(plan) as server:
        report = run_here(tmp_path, write(tmp_path, server.url))
        stats = server.stats()
    assert (report.accepted, report.rejected) == (ROWS, 0)
    assert set(stats["outcomes"]) == {"good", *kinds}
    assert stats["prompts_good"] == ROWS
    assert stats["paid_twice"] == 0


@pytest.mark.parametrize("many", ["ignored", "refused"])
def test_a_vote_is_complete_with_a_server_that_gives_one_choice_at_a_time(
    tmp_path: Path, many: Literal["ignored", "refused"]
) -> None:
    with serving(Plan(many=many)) as server:
        config = write(tmp_path, server.url)
        config.write_text(config.read_text().replace("use: respond", "use: majority, votes: 3, least: 3"))
        report = run_here(tmp_path, config)
        assert run_here(tmp_path, config).requests.bought == report.requests.bought
    assert (report.accepted, report.requests.bought) == (ROWS, 3 * ROWS)
    [part] = (tmp_path / "run" / "dataset").rglob("*.parquet")
    assert {len(set(requests)) for requests in pq.read_table(part)["requests"].to_pylist()} == {3}


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (401, "invalid_api_key", "wrong or revoked"),
        (404, "model_not_found", "model"),
        (429, "insufficient_quota", "balance is spent"),
    ],
)
def test_what_stops_a_run_in_the_middle_stops_it_at_once_with_its_state_saved(
    tmp_path: Path, status: int, code: str, said: str
) -> None:
    plan = Plan(latency_s=0.02, fatal_from=50, fatal_status=status, fatal_code=code)
    with serving(plan) as server:
        config = write(tmp_path, server.url)
        with pytest.raises(TeacherError, match=f"HTTP {status}|no model") as stopped:
            run_here(tmp_path, config)
        assert said in str(stopped.value)
        assert journaled(tmp_path) == 49
        assert server.requests <= 49 + 2 * 20
        plan.fatal_from = None
        assert run_here(tmp_path, config).accepted == ROWS
        assert server.stats()["paid_twice"] == 0
        assert server.stats()["prompts_good"] == ROWS


@pytest.mark.parametrize("status", [None, 401, 500])
def test_no_file_and_no_output_holds_the_key_or_the_password(tmp_path: Path, status: int | None) -> None:
    plan = Plan() if status is None else Plan(fatal_from=30, fatal_status=status)
    with serving(plan) as server:
        url = server.url.replace("http://", "http://user:${LLM_WORD}@")
        config = write(tmp_path, url)
        keys = {"OPENAI_API_KEY": KEY, "LLM_WORD": PASSWORD}
        done = synthgen(tmp_path, "run", str(config), "--out", "run", **keys)
        told = [done, synthgen(tmp_path, "check", str(config), **keys)]
        told += [synthgen(tmp_path, "doctor", str(config), **keys)]
    assert done.returncode == (0 if status is None else 1), done.stderr
    assert "Traceback" not in done.stderr
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"journal.sqlite", "config.yaml"} <= {path.name for path in written}
    assert status is not None or {"report.html", "report.json", "manifest.json"} <= {path.name for path in written}
    for path in written:
        data = path.read_bytes()
        assert KEY.encode() not in data, path
        assert PASSWORD.encode() not in data, path
    for secret in (KEY, PASSWORD):
        assert not any(secret in text.stdout + text.stderr for text in told)


@pytest.mark.parametrize(
    ("kind", "reason"), [("length", "truncated"), ("empty", "empty_reply"), ("null", "empty_reply")]
)
def test_content_that_is_never_usable_is_rejected_with_its_reason_and_tries(
    tmp_path: Path, kind: str, reason: str
) -> None:
    with serving(Plan(faults=((kind, 0.5),))) as server:
        config = write(tmp_path, server.url)
        report = run_here(tmp_path, config)
        stats = server.stats()
        again = asyncio.run(run_recipe(load(config), out=tmp_path / "again", reuse=tmp_path / "run"))
        assert server.stats() == stats  # the second time the journal answers, bad replies included
    assert report.accepted + report.rejected == ROWS
    assert report.rejected > 0
    assert {stage.stage: stage.dropped for stage in report.funnel if stage.dropped} == {
        "respond": {reason: report.rejected}
    }
    assert report.requests.bought == stats["requests"] == ROWS + report.requests.retried
    assert report.requests.unusable == {reason: stats["outcomes"][kind]}
    assert again.requests.unusable == report.requests.unusable
    assert again.requests.retried == report.requests.retried
    rejected = [(tmp_path / run / "rejected.parquet").read_bytes() for run in ("run", "again")]
    assert rejected[0] == rejected[1]
    details = pq.read_table(tmp_path / "run" / "rejected.parquet")["detail"].to_pylist()
    assert all("asked 3 times" in text for text in details)


def test_cost_and_cached_share_are_told_and_the_card_is_the_same_at_any_concurrency(tmp_path: Path) -> None:
    cards, reports = [], []
    for concurrency in (1, 20):
        folder = tmp_path / str(concurrency)
        folder.mkdir()
        with serving(Plan(cached=0.5, faults=(("empty", 0.2),))) as server:
            config = write(folder, server.url, concurrency)
            recipe = load(
                config, ["teacher.price.input=1.0", "teacher.price.output=2.0", "teacher.price.cached_input=0.5"]
            )
            reports.append(asyncio.run(run_recipe(recipe, out=folder / "run")))
        cards.append((folder / "run" / "dataset" / "README.md").read_text())
        page = (folder / "run" / "report.html").read_text()
        assert "from the server" in page
        assert "$0.0" in page
    assert cards[0] == cards[1]
    tokens = reports[0].tokens
    assert 0.45 < tokens.cached_share < 0.5
    cost = (tokens.prompt - tokens.cached + 2 * tokens.completion + 0.5 * tokens.cached) / 1e6
    assert reports[0].cost_usd == pytest.approx(cost)
    assert reports[0].took.cost_usd == pytest.approx(cost, abs=1e-6)
    assert reports[0].took.requests == reports[0].requests.bought > ROWS
    assert f"{tokens.cached_share:.1%} of them from a server's prefix cache" in cards[0]
    assert f"\\${cost:,.2f} by the prices known" in cards[0]


@contextmanager
def started(folder: Path, config: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "synthgen", "run", str(config), "--out", str(folder / "run")]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield process


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_stopped_at_half_goes_on_and_pays_no_more_twice_than_it_must(
    tmp_path: Path, number: signal.Signals
) -> None:
    with serving(Plan(latency_s=0.05)) as server:
        config = write(tmp_path, server.url, concurrency=5)
        with started(tmp_path, config) as process:
            while server.stats()["paid"] < ROWS // 2:
                assert process.poll() is None
                time.sleep(0.005)
            process.send_signal(number)
            code = process.wait(60)
        assert code == (130 if number == signal.SIGINT else -signal.SIGKILL)
        before = journaled(tmp_path)
        assert ROWS // 2 - 5 <= before < ROWS
        report = run_here(tmp_path, config)
        assert report.accepted == ROWS
        assert report.requests.replayed == before
        # what was with the server at the kill, or had come in the milliseconds before the journal's next commit
        assert server.stats()["paid_twice"] <= (0 if number == signal.SIGINT else 2 * 5)


@pytest.mark.slow
def test_a_batch_outlives_the_process_that_sent_it(tmp_path: Path) -> None:
    with serving(Plan()) as server:
        server.batches.held = True
        config = write(tmp_path, server.url)
        config.write_text(config.read_text().replace("use: openai", "use: openai, batch: true").split("concurrency")[0])
        with started(tmp_path, config) as process:
            while not server.batches.batches:
                assert process.poll() is None
                time.sleep(0.01)
            process.kill()
        server.batches.held = False
        assert journaled(tmp_path) == 0
        assert run_here(tmp_path, config).accepted == ROWS
        # how many are in the first one is a matter of time; none is in two of them
        assert sum(batch.total for batch in server.batches.batches.values()) == ROWS
        assert server.stats()["paid_twice"] == 0
