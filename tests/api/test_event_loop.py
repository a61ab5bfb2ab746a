"""Coroutines run to their end wherever they are called from: notebooks have a running event loop."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from engine_parts import HashTeacher, pipeline

from synthgen import run_async, run_recipe
from synthgen.api.event_loop import few_collections
from synthgen.api.plan import first_request
from synthgen.api.run import run
from synthgen.config import load
from synthgen.store import RunFolder, RunReport


def in_a_notebook(call: object) -> object:
    """What the call returns where an event loop is running, as in a cell of a notebook."""

    async def cell() -> object:
        return call()  # type: ignore[operator]

    return asyncio.run(asyncio.wait_for(cell(), 60))


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def failing() -> int:
    raise ValueError("wrong")


def test_with_and_without_a_running_loop() -> None:
    assert run_async(answer()) == 42
    assert in_a_notebook(lambda: run_async(answer())) == 42
    for call in (lambda: run_async(failing()), lambda: in_a_notebook(lambda: run_async(failing()))):
        with pytest.raises(ValueError, match="wrong"):
            call()


def test_a_recipe_runs_in_a_notebook_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = load("quickstart", ["target=5"])
    in_thread = in_a_notebook(lambda: run_async(run_recipe(recipe, out="thread")))
    awaited = asyncio.run(run_recipe(load("quickstart", ["target=5"]), out="awaited"))
    assert isinstance(in_thread, RunReport)
    assert (in_thread.accepted, in_thread.generated) == (awaited.accepted, awaited.generated)
    asked = in_a_notebook(lambda: first_request(load("quickstart").pipeline))
    assert asked is not None


def interrupt(times: int, gone_on: threading.Event) -> None:
    """Ctrl-C, when something has begun; and again."""
    gone_on.wait(30)
    for _ in range(times):
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)


class Slow(HashTeacher):
    """Says when it is asked; its first replies come soon, all others late."""

    def __init__(self, late_s: float) -> None:
        super().__init__()
        self.late_s = late_s
        self.begun = threading.Event()

    async def complete(self, request):  # type: ignore[no-untyped-def]
        completion = await super().complete(request)
        if len(self.asked) > 8:
            self.begun.set()
            await asyncio.sleep(self.late_s)
        return completion


@pytest.mark.parametrize(("times", "late_s", "words"), [(1, 0.6, "has come in"), (2, 300, "at once")])
def test_ctrl_c_in_a_notebook_ends_the_run_with_its_report(
    tmp_path: Path, times: int, late_s: float, words: str
) -> None:
    teacher = Slow(late_s)
    pipe = pipeline(teacher, target=100_000)
    thread = threading.Thread(target=interrupt, args=(times, teacher.begun))
    with RunFolder.create_or_open(tmp_path / "r", {"name": "test"}) as folder:
        thread.start()
        report = in_a_notebook(lambda: run_async(run(pipe, folder)))
        thread.join()
    assert isinstance(report, RunReport)
    assert report.status == "interrupted"
    assert words in report.stopped_because
    assert report.requests.bought >= 8


def test_ctrl_c_cancels_what_is_no_run() -> None:
    begun = threading.Event()

    async def waiting() -> None:
        begun.set()
        await asyncio.sleep(300)

    def cell() -> str:
        try:
            run_async(waiting())
        except KeyboardInterrupt:
            return "interrupted"
        return "not"

    thread = threading.Thread(target=interrupt, args=(1, begun))
    thread.start()

    assert in_a_notebook(cell) == "interrupted"
    thread.join()


def test_collections_are_rare_inside_and_as_before_outside() -> None:
    before = gc.get_threshold()
    with few_collections():
        assert gc.get_threshold()[0] > 10 * before[0]
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
