"""A process that may open few files: no more connections than it may have, and the journal is open before any."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from synthgen.errors import TeacherError
from synthgen.teachers.openai import transport
from synthgen.teachers.openai.transport import SPARE, Descriptors

FEW = """
import asyncio, json, resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]), int(sys.argv[2])))
sys.path.insert(0, "teachers")
from openai_parts import request
from synthgen.engine.asking import Asker
from synthgen.journal.journal import Journal
from synthgen.teachers.openai import OpenAI

async def main():
    teacher = OpenAI(base_url=sys.argv[1], model="test-model", give_up_after_s=20)
    await teacher.open()
    with Journal(Path(sys.argv[3])) as journal:
        asker = Asker({"teacher": teacher}, journal, concurrency=400)
        await asyncio.gather(*(asker.ask("teacher", request(f"p{n}")) for n in range(400)))
        print(json.dumps([asker.spending.requests, asker.spending.lost.requests]))
    await teacher.close()

asyncio.run(main())
"""


def test_a_process_that_may_open_few_files_sends_as_much_as_it_can(tmp_path: Path) -> None:
    here = Path(__file__).parents[1]
    serve = [sys.executable, "-u", "servers/openai_server.py", "--port", "0", "--set", "latency_s=0.05"]
    with subprocess.Popen(serve, cwd=here, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = next(word for word in server.stdout.readline().split() if word.startswith("http")).rstrip(",")
            run = [sys.executable, "-c", FEW, url, "200", str(tmp_path / "j")]
            done = subprocess.run(run, cwd=here, capture_output=True, text=True, timeout=60)
        finally:
            server.terminate()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [400, 0]
    assert "ulimit -n" in done.stderr


def limited(monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, in_use: int) -> list[tuple[int, int]]:
    """The limits are these; returns what they are set to."""
    was_set: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda what: was_set[-1] if was_set else (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda what, limits: was_set.append(limits))
    monkeypatch.setattr(transport, "_in_use", lambda: in_use)
    return was_set


def test_the_soft_limit_is_raised_to_the_hard_one(monkeypatch: pytest.MonkeyPatch) -> None:
    was_set = limited(monkeypatch, 256, 4096, 20)
    assert Descriptors().take(1024) == 1024
    assert was_set == [(4096, 4096)]


def test_each_teacher_gets_half_of_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, 256, 256, 20)
    given, room = Descriptors(), 256 - 20 - SPARE
    first, second = given.take(None), given.take(512)
    assert (first, second) == (room // 2, (room - room // 2) // 2)
    given.give_back(first)
    given.give_back(second)
    assert given.take(512) == room // 2


def test_where_no_connection_is_possible_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, 80, 80, 30)
    with pytest.raises(TeacherError, match="may open 80 files"):
        Descriptors().take(8)


def test_a_limit_that_may_not_be_raised_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, 256, resource.RLIM_INFINITY, 0)

    def refuse(what: int, limits: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert Descriptors().take(None) == (256 - SPARE) // 2
    limited(monkeypatch, resource.RLIM_INFINITY, resource.RLIM_INFINITY, 0)
    assert Descriptors().take(None) is None
