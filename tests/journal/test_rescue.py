"""Damaged journals: what can be read is read, what is lost is said, and nobody has to pay for the rest again."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from synthgen.errors import StoreError
from synthgen.journal.journal import Journal
from synthgen.journal.salvage import PAGE_SIZE, log_is_broken
from synthgen.requests.request import Choice, Completion, Request, Usage

FIRST = Path(__file__).parents[1] / "store/folders/earlier"


def request(number: int) -> Request:
    return Request("m", ({"role": "user", "content": f"question {number} " + "y" * (number % 7) * 200},))


def reply(number: int) -> Completion:
    return Completion((Choice(f"answer {number} é😀 " + "x" * (number % 9) * 900),), Usage(10, number, 0))


def fill(path: Path, count: int = 60) -> list[Request]:
    requests = [request(number) for number in range(count)]

    async def put(journal: Journal) -> None:
        await asyncio.gather(*(journal.put(r.key, r, reply(i), usd=0.5) for i, r in enumerate(requests)))

    with Journal(path) as journal:
        asyncio.run(put(journal))
        journal.settle("window", "12")
    return requests


def readable(path: Path, requests: list[Request], *, readonly: bool = False) -> list[int]:
    """The numbers of the replies that are there, each of which must be as it was."""
    found = []
    with Journal(path, readonly=readonly) as journal:
        for number, asked in enumerate(requests):
            completion = journal.get(asked.key)
            if completion is not None:
                assert completion.to_dict() == reply(number).to_dict()
                assert journal.request(asked.key) == asked.to_dict()
                found.append(number)
    return found


@pytest.mark.parametrize("readonly", [True, False])
def test_a_damaged_page_costs_its_own_replies_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, readonly: bool
) -> None:
    requests = fill(tmp_path / "whole.sqlite")
    data = (tmp_path / "whole.sqlite").read_bytes()
    lost_somewhere = 0
    for at in range(0, len(data), PAGE_SIZE):
        path = tmp_path / f"{at}" / "journal.sqlite"
        path.parent.mkdir()
        path.write_bytes(data[:at] + b"\xa5" * PAGE_SIZE + data[at + PAGE_SIZE :])
        caplog.clear()
        before = path.read_bytes()
        found = readable(path, requests, readonly=readonly)
        assert len(found) >= len(requests) - PAGE_SIZE // 100
        lost = len(requests) - len(found)
        lost_somewhere += lost
        assert f"{len(found)} replies can be read, {lost} are lost" in caplog.text
        assert "bought again" in caplog.text
        if readonly:
            assert path.read_bytes() == before
            assert [p.name for p in path.parent.iterdir()] == ["journal.sqlite"]
        else:
            assert (path.parent / "journal.damaged-1.sqlite").read_bytes() == before
            caplog.clear()
            assert readable(path, requests) == found
            assert caplog.text == ""  # it is said once, and what is lost stays counted
            with Journal(path) as journal:
                assert journal.totals().requests == len(requests)
        shutil.rmtree(path.parent)
    assert lost_somewhere > 0


def test_a_cut_file_gives_what_is_left_of_it(tmp_path: Path) -> None:
    requests = fill(tmp_path / "whole.sqlite")
    data = (tmp_path / "whole.sqlite").read_bytes()
    path = tmp_path / "journal.sqlite"
    path.write_bytes(data[: len(data) * 2 // 3])
    assert 10 < len(readable(path, requests)) < len(requests)


def test_flipped_bytes_give_no_other_error_than_ours(tmp_path: Path) -> None:
    requests = fill(tmp_path / "whole.sqlite", 30)
    data = (tmp_path / "whole.sqlite").read_bytes()
    rng, hints = random.Random(3), list[str | None]()
    for trial in range(40):
        changed = bytearray(data)
        for _ in range(rng.choice([1, 20, 400])):
            changed[rng.randrange(len(data))] = rng.randrange(256)
        path = tmp_path / f"{trial}.sqlite"
        path.write_bytes(changed)
        try:
            with Journal(path) as journal:
                for asked in requests:
                    journal.get(asked.key)
                    journal.request(asked.key)
                journal.totals()
                list(journal)
        except StoreError as error:
            hints.append(error.hint)
    assert all(hints)


def test_a_flipped_byte_that_leaves_json_is_seen(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "journal.sqlite"
    requests = fill(path, 12)
    with sqlite3.connect(path) as base:
        plain = base.execute("SELECT reply FROM replies WHERE key = ?", (requests[4].key,)).fetchone()[0]
        at = plain.index('"text":"') + 9
        for number, changed in enumerate([plain[:at] + "~" + plain[at + 1 :], plain[:-2] + "~}", plain[:-2] + "}"], 4):
            base.execute("UPDATE replies SET reply = ? WHERE key = ?", (changed, requests[number].key))
        # as an earlier version wrote it
        old = plain[: plain.rindex(',"crc"')] + "}"
        base.execute("UPDATE replies SET reply = ? WHERE key = ?", (old, requests[7].key))
    base.close()
    with Journal(path) as journal:
        assert [journal.get(asked.key) is None for asked in requests] == [n in (4, 5, 6) for n in range(12)]
        assert journal.totals().requests == 12
    assert "3 replies (45 tokens, $1.5000) cannot be read" in caplog.text


def test_one_cut_reply_is_not_there_and_its_cost_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "journal.sqlite"
    requests = fill(path, 10)
    with sqlite3.connect(path) as base:
        base.execute("UPDATE replies SET reply = substr(reply, 1, 20) WHERE key = ?", (requests[4].key,))
        base.execute("UPDATE replies SET reply = 'null' WHERE key = ?", (requests[5].key,))
        base.execute("UPDATE replies SET reply = CAST(x'fffe00' AS TEXT) WHERE key = ?", (requests[6].key,))
    base.close()
    with Journal(path, readonly=True) as journal:
        assert journal.get(requests[4].key) is None
        assert journal.get(requests[3].key) is not None
        before = journal.totals()
    assert "3 replies (45 tokens, $1.5000) cannot be read" in caplog.text
    with Journal(path) as journal:
        assert journal.totals() == before
        assert journal.totals().requests == 10
        asyncio.run(journal.put(requests[4].key, requests[4], reply(4), usd=0.5))
        assert journal.get(requests[4].key) is not None
        assert journal.totals().requests == 11  # it was paid for twice
        assert journal.totals().usd == 5.5


def killed(folder: Path) -> tuple[Path, list[Request]]:
    """A journal whose writer was killed, with its replies in the log."""
    writer = (
        "import asyncio, sys; sys.path.insert(0, sys.argv[2]); from test_rescue import *\n"
        "async def main():\n"
        "    journal = Journal(sys.argv[1])\n"
        "    for n in range(20): await journal.put(request(n).key, request(n), reply(n))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    folder.mkdir()
    path = folder / "journal.sqlite"
    done = subprocess.run([sys.executable, "-c", writer, str(path), str(Path(__file__).parent)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.with_name("journal.sqlite-wal").stat().st_size > PAGE_SIZE
    return path, [request(n) for n in range(20)]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_log_that_is_damaged_in_the_middle_is_read_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, share: float
) -> None:
    path, requests = killed(tmp_path / "run")
    log = path.with_name("journal.sqlite-wal")
    assert not log_is_broken(path)
    whole = log.read_bytes()
    log.write_bytes(whole[: len(whole) - 3000])  # what a kill cuts off is nothing to tell of
    assert not log_is_broken(path)
    data = bytearray(whole)
    at = int(len(data) * share)
    data[at : at + 64] = bytes(byte ^ 0x5A for byte in data[at : at + 64])
    log.write_bytes(data)
    assert log_is_broken(path)
    found = readable(path, requests)
    assert "is damaged" in caplog.text
    assert len(found) >= 15


class Crash(BaseException):
    pass


def crash_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Lets the process die before the call with this number."""
    count = iter(range(1000))

    def dying(real: Callable[..., object]) -> Callable[..., object]:
        def operation(*args: object, **kwargs: object) -> object:
            if next(count) == step:
                raise Crash
            return real(*args, **kwargs)

        return operation

    for name in ("replace", "fsync", "unlink"):
        monkeypatch.setattr(os, name, dying(getattr(os, name)))


def test_a_rescue_that_was_cut_off_ends_the_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = fill(tmp_path / "whole.sqlite")
    data = bytearray((tmp_path / "whole.sqlite").read_bytes())
    data[PAGE_SIZE * 6 : PAGE_SIZE * 7] = b"\xa5" * PAGE_SIZE
    expected = None
    for step in range(20):
        path = tmp_path / str(step) / "journal.sqlite"
        path.parent.mkdir()
        path.write_bytes(data)
        crashed = False
        with monkeypatch.context() as patch:
            crash_at(patch, step)
            try:
                Journal(path).close()
            except Crash:
                crashed = True
        found = readable(path, requests)
        expected = expected or found
        assert found == expected
        assert not path.with_name(".journal.sqlite.rescued").exists()
        if not crashed:
            break
    assert step > 3


@pytest.mark.parametrize("usage", [Usage(2**63, 1), Usage(1, -1), Usage(1, float("nan")), Usage("7", 1)])  # type: ignore[arg-type]
def test_a_count_that_cannot_be_is_told_and_the_journal_goes_on(tmp_path: Path, usage: Usage) -> None:
    async def put(journal: Journal) -> list[BaseException | None]:
        bad = Completion((Choice("x"),), usage)
        pairs = [(0, reply(0)), (1, bad), (2, reply(2))]
        tasks = (journal.put(request(n).key, request(n), completion) for n, completion in pairs)
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    with Journal(tmp_path / "j") as journal:
        first, second, third = asyncio.run(put(journal))
        assert first is third is None
        assert isinstance(second, StoreError)
        assert "is no number of tokens" in second.message
        assert sorted(journal) == sorted([request(0).key, request(2).key])


@pytest.mark.parametrize("logprobs", [object(), {1: {2}}, float("nan")])
def test_what_json_cannot_hold_is_told(tmp_path: Path, logprobs: object) -> None:
    completion = Completion((Choice("\ud800", logprobs=logprobs),))
    with Journal(tmp_path / "j") as journal:
        if isinstance(logprobs, float):
            asyncio.run(journal.put(request(0).key, request(0), completion))
            assert journal.get(request(0).key) is not None
        else:
            with pytest.raises(StoreError, match="cannot be kept in the journal"):
                asyncio.run(journal.put(request(0).key, request(0), completion))


def test_a_closed_journal_keeps_nobody_waiting(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.close()
    with pytest.raises(StoreError, match="is closed"):
        asyncio.run(journal.put(request(0).key, request(0), reply(0)))


def test_a_killed_runs_replies_are_seen_where_nothing_may_be_written(tmp_path: Path) -> None:
    path, requests = killed(tmp_path / "run")
    subprocess.run(["cp", "-a", str(tmp_path / "run"), str(tmp_path / "copy")], check=True)
    copy = tmp_path / "copy"
    done = subprocess.run(["mount", "--bind", str(copy), str(copy)], capture_output=True)
    if done.returncode:
        pytest.skip("mounting needs root")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(copy)], check=True)
        before = {p.name: p.read_bytes() for p in copy.iterdir()}
        assert readable(copy / path.name, requests, readonly=True) == list(range(20))
        assert {p.name: p.read_bytes() for p in copy.iterdir()} == before
    finally:
        subprocess.run(["umount", "-l", str(copy)], check=True)


def test_the_journal_of_the_first_format_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    shutil.copytree(FIRST / "killed", tmp_path / "killed")
    with Journal(tmp_path / "killed/journal.sqlite") as journal:
        assert journal.totals().requests == 2
    with Journal(FIRST / "finished/journal.sqlite", readonly=True) as journal:
        assert journal.totals().requests == 6
    assert caplog.text == ""
