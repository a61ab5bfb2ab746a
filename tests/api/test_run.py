from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from engine_parts import Demonstrations, HashTeacher, pipeline

from synthgen.api.run import run
from synthgen.engine.pipeline import Pipeline, Progress
from synthgen.errors import StageError, StoreError
from synthgen.journal.journal import Journal
from synthgen.records import Record
from synthgen.store import RunFolder, RunReport


def go(path: Path, pipe: Pipeline, reuse: Path | None = None, progress: Progress | None = None) -> RunReport:
    with RunFolder.create_or_open(path, {"name": "test"}) as folder:
        return asyncio.run(asyncio.wait_for(run(pipe, folder, reuse=reuse, progress=progress), 60))


def contents(path: Path) -> dict[str, bytes]:
    """The bytes of what has to be the same in equal runs."""
    files = [*sorted((path / "dataset").rglob("*")), path / "rejected.parquet"]
    return {str(f.relative_to(path)): f.read_bytes() for f in files if f.is_file()}


def test_a_run_folder_holds_dataset_rejects_report_and_manifest(tmp_path: Path) -> None:
    report = go(tmp_path / "r", pipeline(HashTeacher()))
    assert (report.status, report.accepted) == ("done", 60)
    written = json.loads((tmp_path / "r" / "report.json").read_text())
    assert written["generated"] == written["accepted"] + written["rejected"]
    assert pq.read_table(tmp_path / "r" / "rejected.parquet").num_rows == report.rejected
    assert len(list((tmp_path / "r" / "dataset" / "data").iterdir())) == 1
    assert report.requests.bought > 60
    assert [flow.stage for flow in report.funnel][:4] == ["source", "write", "novel", "respond"]


def test_equal_runs_have_equal_bytes(tmp_path: Path) -> None:
    go(tmp_path / "a", pipeline(HashTeacher(), concurrency=1))
    for name, concurrency in (("b", 8), ("c", 64)):
        go(tmp_path / name, pipeline(HashTeacher(delay_s=0.002, seed=concurrency), concurrency=concurrency))
        assert contents(tmp_path / name) == contents(tmp_path / "a")


class Longest:
    """Keeps the first `k` in the order of their outputs."""

    def select(self, records: Sequence[Record], rng: random.Random) -> list[Record]:
        ranked = sorted(records, key=lambda r: r.output or "")
        return [r if i < 20 else r.dropped("not_selected", score=i, limit=20) for i, r in enumerate(ranked)]


def test_selectors_see_the_whole_set_and_what_they_leave_out_is_rejected(tmp_path: Path) -> None:
    report = go(tmp_path / "r", pipeline(HashTeacher(), selectors=(("longest", Longest()),)))
    assert report.accepted == 20
    assert report.generated == report.accepted + report.rejected
    table = pq.read_table(tmp_path / "r" / "rejected.parquet").to_pylist()
    left_out = [row for row in table if row["reason"] == "not_selected"]
    assert len(left_out) == 40
    assert {row["stage"] for row in left_out} == {"longest"}
    assert report.funnel[-1].dropped == {"not_selected": 40}


class Forgetful(Longest):
    def select(self, records: Sequence[Record], rng: random.Random) -> list[Record]:
        return list(records)[1:]


class Raising(Longest):
    def select(self, records: Sequence[Record], rng: random.Random) -> list[Record]:
        raise KeyError("score")


@pytest.mark.parametrize(("selector", "words"), [(Forgetful(), "59 of 60"), (Raising(), "KeyError")])
def test_a_broken_selector_stops_the_run_and_is_named(tmp_path: Path, selector: Longest, words: str) -> None:
    with pytest.raises(StageError, match=f"selector mine.*{words}"):
        go(tmp_path / "r", pipeline(HashTeacher(), selectors=(("mine", selector),)))
    assert not (tmp_path / "r" / "dataset").exists()
    teacher = HashTeacher()
    go(tmp_path / "r", pipeline(teacher))
    assert teacher.asked == []


def test_sigint_drains_and_the_same_run_goes_on(tmp_path: Path) -> None:
    teacher = HashTeacher(delay_s=0.005)
    progress = Progress()

    def interrupt() -> None:
        while len(teacher.asked) < 50:
            pass
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    report = go(tmp_path / "r", pipeline(teacher, target=150), progress=progress)
    thread.join()
    assert report.status == "interrupted"
    assert 0 < report.accepted < 150
    assert pq.read_table(tmp_path / "r" / "dataset" / "data").num_rows == report.accepted
    again = HashTeacher()
    assert go(tmp_path / "r", pipeline(again, target=150)).status == "done"
    assert not set(again.asked) & set(teacher.asked)
    go(tmp_path / "s", pipeline(HashTeacher(), target=150))
    assert contents(tmp_path / "r") == contents(tmp_path / "s")


def test_two_sigints_end_the_run_at_once(tmp_path: Path) -> None:
    teacher = HashTeacher(delay_s=300)

    def interrupt() -> None:
        while not teacher.asked:
            pass
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    report = go(tmp_path / "r", pipeline(teacher))
    thread.join()
    assert (report.status, report.accepted) == ("interrupted", 0)


def test_reuse_takes_replies_over_and_says_how_many(tmp_path: Path) -> None:
    first = go(tmp_path / "a", pipeline(HashTeacher()))
    teacher = HashTeacher()
    second = go(tmp_path / "b", pipeline(teacher), reuse=tmp_path / "a")
    assert teacher.asked == []
    assert second.requests.bought == 0
    assert 0 < second.requests.reused <= first.requests.bought
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    with pytest.raises(StoreError, match="nothing to reuse"):
        go(tmp_path / "c", pipeline(HashTeacher()), reuse=tmp_path / "none")


def test_a_raised_target_keeps_the_window_it_began_with(tmp_path: Path) -> None:
    first = HashTeacher(vocabulary=20)
    go(tmp_path / "a", pipeline(first, target=480))
    raised = HashTeacher(vocabulary=20)
    go(tmp_path / "a", pipeline(raised, target=960))
    assert not set(raised.asked) & set(first.asked)
    fresh = HashTeacher(vocabulary=20)
    go(tmp_path / "b", pipeline(fresh, target=960, window=10))
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert len(raised.asked) < 0.7 * len(fresh.asked)
    reused = HashTeacher(vocabulary=20)
    go(tmp_path / "c", pipeline(reused, target=960), reuse=tmp_path / "a")
    assert reused.asked == []


@pytest.mark.parametrize("damaged", ["", "null", "-3", "0", "1e3", "٣", "9" * 5000, "10.0"])
def test_a_window_that_the_journal_keeps_damaged_is_told_of(
    tmp_path: Path, damaged: str, caplog: pytest.LogCaptureFixture
) -> None:
    go(tmp_path / "a", pipeline(HashTeacher(), target=480))
    before = contents(tmp_path / "a")
    with Journal(tmp_path / "a" / "journal.sqlite") as journal:
        window = journal.fact("window")
        journal.settle("window", damaged)
    again = HashTeacher()
    go(tmp_path / "a", pipeline(again, target=480))
    assert contents(tmp_path / "a") == before
    assert len(again.asked) <= 2  # an attempt behind the target may have begun: the first run sent none for it
    assert "the window that the journal keeps is damaged" in caplog.text or not damaged
    with Journal(tmp_path / "a" / "journal.sqlite") as journal:
        assert journal.fact("window") == window


def test_a_run_without_records_is_still_a_dataset(tmp_path: Path) -> None:
    report = go(tmp_path / "r", pipeline(HashTeacher(), source=Demonstrations(attempts=0)))
    assert (report.status, report.generated) == ("short", 0)
    assert pq.read_table(tmp_path / "r" / "dataset" / "data").num_rows == 0
