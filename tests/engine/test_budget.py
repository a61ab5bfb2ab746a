"""One ledger: every request that leaves is in the budget, in whatever way it ends and whatever becomes of us."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.engine.asking import Asker
from synthgen.engine.budget import Budget, Cost, Ledger, worst_case
from synthgen.journal import Journal, rescue
from synthgen.journal.rows import FAILED, SENT
from synthgen.protocols import Teacher
from synthgen.requests.metering import Meter, Price, current_meter
from synthgen.requests.request import Choice, Completion, Draining, Request, Sampling, Usage

SAMPLING = Sampling(max_tokens=100)


def request(text: str = "q", **fields: object) -> Request:
    return Request("m", ({"role": "user", "content": text},), SAMPLING, **fields)  # type: ignore[arg-type]


WORST = worst_case(request("0")).total


class Flaky(Teacher):
    """Tries each request as often as its list of failures says, and then replies. Counts what leaves."""

    model, sampling, metered = "m", None, True
    price = Price(input=1, output=1)

    def __init__(self, failures: Callable[[int], list[str]]) -> None:
        self.failures = failures
        self.left = self.asked = 0
        self.cost = 0

    async def complete(self, request: Request) -> Completion:
        meter, number = current_meter(), self.asked
        self.asked += 1
        for failure in [*self.failures(number), ""]:
            await meter.reserve()
            await asyncio.sleep(0)
            await meter.leaves()
            if failure == "unreachable":
                meter.returned()
                continue
            self.left += 1
            if failure == "final":
                meter.failed(paid=False)
                return Completion((Choice(None, "server_error"),))
            if not failure:
                break
            self.cost += WORST if failure == "paid" else 0
            meter.failed(paid=failure == "paid")
        self.cost += 12
        return Completion((Choice("fine"),), Usage(11, 1))


def asking(path: Path, teacher: object, budget: Budget, number: int, *, shared: Path | None = None) -> Asker:
    """The asker after `number` requests, all at once, were asked for as far as the budget goes."""

    async def main() -> Asker:
        with Journal(path) as journal:
            others = [Journal(shared, readonly=True)] if shared else []
            asker = Asker({"teacher": teacher}, journal, concurrency=4, budget=budget, shared=others)  # type: ignore[dict-item]
            asked = (asker.ask("teacher", request(str(n))) for n in range(number))
            ended = await asyncio.gather(*asked, return_exceptions=True)
            assert all(isinstance(one, (Completion, Draining)) for one in ended), ended
            await asker.drained()
            for other in others:
                other.close()
        return asker

    return asyncio.run(asyncio.wait_for(main(), 30))


kinds = st.lists(st.sampled_from(["paid", "free", "unreachable", "final"]), max_size=3)


@settings(max_examples=25, deadline=None)
@given(st.lists(kinds, min_size=8, max_size=8), st.integers(0, 14), st.integers(0, 9))
def test_no_mix_of_failures_crosses_a_budget(
    tmp_path_factory: pytest.TempPathFactory, failures: list[list[str]], requests: int, worst: int
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    teacher = Flaky(lambda number: failures[number])
    budget = Budget(requests=requests, tokens=worst * WORST)
    spending = asking(folder / "j", teacher, budget, 8).spending
    assert teacher.left <= requests
    assert teacher.cost <= worst * WORST
    assert spending.requests + spending.lost.requests == teacher.left
    assert spending.tokens + spending.lost.tokens == teacher.cost
    with Journal(folder / "j") as journal:  # the next session knows it all
        ledger = Ledger(budget, journal)
        assert ledger.spending.requests + ledger.spending.lost.requests == teacher.left
        assert ledger.spending.tokens + ledger.spending.lost.tokens == teacher.cost


def test_without_a_budget_failures_are_counted_all_the_same(tmp_path: Path) -> None:
    teacher = Flaky(lambda number: ["paid", "free"])
    asker = asking(tmp_path / "j", teacher, Budget(), 3)
    assert (asker.spending.requests, asker.spending.lost.requests) == (3, 6)
    later = asking(tmp_path / "j", Flaky(lambda number: []), Budget(requests=10), 5)
    assert (later.spending.requests, later.spending.lost.requests) == (4, 6)
    assert "requests without a reply: 6" in later.budget_message


KILLED = """
import asyncio, os, signal, sys
from test_budget import Flaky, asking
from synthgen.engine.budget import Budget

class Dying(Flaky):
    async def complete(self, request):
        from synthgen.requests.metering import current_meter
        meter = current_meter()
        await meter.reserve()
        await meter.leaves()
        self.left += 1
        if self.left == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(60)

asking(__import__("pathlib").Path(sys.argv[1]), Dying(lambda number: []), Budget(requests=5), 8)
"""


def test_a_kill_forgets_nothing_that_has_left(tmp_path: Path) -> None:
    run = [sys.executable, "-c", KILLED, str(tmp_path / "j")]
    ended = subprocess.run(run, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=60)
    assert ended.returncode == -9, ended.stderr
    with Journal(tmp_path / "j") as journal:
        lost = Ledger(Budget(requests=5, tokens=9), journal).spending.lost
    assert 3 <= lost.requests <= 4
    teacher = Flaky(lambda number: [])
    asking(tmp_path / "j", teacher, Budget(requests=5), 8)
    assert teacher.left == 5 - lost.requests


class Holding(Flaky):
    """Has the requests of an earlier session, as batches do."""

    def holds(self, key: str) -> bool:
        return True

    async def complete(self, request: Request) -> Completion:
        await current_meter().reserve()
        return Completion((Choice("fine"),), Usage(11, 1))


def test_what_an_earlier_session_has_sent_and_the_teacher_still_has_is_counted_once(tmp_path: Path) -> None:
    async def sent() -> None:
        with Journal(tmp_path / "j") as journal:
            for number in range(3):
                await journal.note(request(str(number)).key, SENT, (1, 50, 0.0))

    asyncio.run(sent())
    asker = asking(tmp_path / "j", Holding(lambda number: []), Budget(requests=3), 3)
    assert (asker.spending.requests, asker.spending.lost) == (3, Cost())


def test_what_a_shared_journal_has_bought_is_part_of_the_budget(tmp_path: Path) -> None:
    asking(tmp_path / "preview", Flaky(lambda number: ["paid"]), Budget(), 2)
    teacher = Flaky(lambda number: [])
    asker = asking(tmp_path / "j", teacher, Budget(requests=6), 9, shared=tmp_path / "preview")
    assert teacher.left == 2
    assert "requests of previews: 4" in asker.budget_message


def test_a_journal_of_an_older_version_has_no_tries(tmp_path: Path) -> None:
    asking(tmp_path / "j", Flaky(lambda number: []), Budget(), 2)
    with sqlite3.connect(tmp_path / "j") as base:
        base.execute("DROP TABLE tries")
    with Journal(tmp_path / "j", readonly=True) as journal:
        assert journal.tries().failed == (0, 0, 0.0)
    teacher = Flaky(lambda number: ["paid"])
    assert asking(tmp_path / "j", teacher, Budget(requests=5), 4).spending.requests == 3
    assert teacher.left == 3  # the third request, its second try, and the first try of the fourth


def test_numbers_that_sqlite_cannot_hold_are_kept_as_its_largest(tmp_path: Path) -> None:
    async def main() -> None:
        with Journal(tmp_path / "j") as journal:
            await journal.note("k", SENT, (1, 10**30, 0.0))
            await journal.note("k", FAILED, (1, 0, 0.0))
            assert journal.tries().open == {}

    asyncio.run(main())


def test_a_teacher_used_without_a_run_is_counted_by_nobody() -> None:
    async def main() -> None:
        meter = current_meter()
        assert type(meter) is Meter
        await meter.reserve()
        await meter.leaves()
        meter.returned()
        meter.failed(paid=True)

    asyncio.run(main())


def test_a_damaged_journal_keeps_what_is_known_of_its_tries(tmp_path: Path) -> None:
    asking(tmp_path / "j", Flaky(lambda number: ["paid", "free"]), Budget(requests=40), 4)
    with sqlite3.connect(tmp_path / "j") as base:
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        kept = base.execute("SELECT count(*) FROM tries").fetchone()[0]
    base.close()
    assert kept == 20  # for each request three that left and two that failed
    found = rescue.rescue(tmp_path / "j", tmp_path / "j")
    assert found[:2] == (4, 0)
    with Journal(tmp_path / "j") as journal:
        spending = Ledger(Budget(), journal).spending
        assert (spending.requests, spending.lost.requests, spending.lost.tokens) == (4, 8, 4 * WORST)
