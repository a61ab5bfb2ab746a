from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.errors import StoreError
from synthgen.journal.journal import Journal, Totals
from synthgen.requests.request import Choice, Completion, Request, Sampling, Usage


def request(text: str, **fields: object) -> Request:
    return Request("m", ({"role": "user", "content": text},), **fields)  # type: ignore[arg-type]


def store(path: Path, pairs: list[tuple[Request, Completion]], reused: bool = False) -> None:
    async def body(journal: Journal) -> None:
        await asyncio.gather(*(journal.put(r.key, r, c, reused=reused) for r, c in pairs))

    with Journal(path) as journal:
        asyncio.run(body(journal))


def test_what_is_put_is_read_back_by_another_process_of_reading(tmp_path: Path) -> None:
    full = Completion(
        (
            Choice("a", "stop", reasoning="r", logprobs={"x": [1.5]}),
            Choice(None, "tool_calls", tool_calls=({"id": "1", "function": {"name": "f", "arguments": "{}"}},)),
        ),
        Usage(10, 5, 3),
        "served",
        "req-1",
    )
    asked = request("é 😀", sampling=Sampling(temperature=0.5, stop=("x",)), sample=3)
    store(tmp_path / "j", [(asked, full)])
    with Journal(tmp_path / "j", readonly=True) as journal:
        read = journal.get(asked.key)
        assert read is not None
        assert read.key == asked.key
        assert read.to_dict() == full.to_dict()
        assert journal.request(asked.key) == asked.to_dict()
        assert journal.get("unknown") is None
        assert journal.request("unknown") is None
        assert journal.totals() == Totals(1, 10, 5, 3)


@settings(max_examples=40)
@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=40))
def test_any_text_comes_back_the_same(text: str) -> None:
    completion = Completion((Choice(text),))
    path = Path(f"/tmp/synthgen-journal-{os.getpid()}")
    try:
        asked = request(text)
        store(path, [(asked, completion)])
        with Journal(path, readonly=True) as journal:
            read = journal.get(asked.key)
            assert read is not None
            assert read.text == completion.text  # half a surrogate pair is no text, wherever it comes from
    finally:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)


@pytest.mark.parametrize("text", ["007", "1e5", "", " ", "null", "NaN", "\x00", "true"])
def test_texts_that_look_like_something_else(tmp_path: Path, text: str) -> None:
    asked = request(text)
    store(tmp_path / "j", [(asked, Completion((Choice(text),)))])
    with Journal(tmp_path / "j", readonly=True) as journal:
        read = journal.get(asked.key)
        assert read is not None
        assert read.choices[0].text == text


def test_the_first_reply_stays(tmp_path: Path) -> None:
    asked = request("q")
    store(tmp_path / "j", [(asked, Completion((Choice("first"),)))])
    store(tmp_path / "j", [(asked, Completion((Choice("second"),)))])
    with Journal(tmp_path / "j", readonly=True) as journal:
        read = journal.get(asked.key)
        assert read is not None
        assert read.text == "first"


def test_reused_replies_are_not_bought(tmp_path: Path) -> None:
    store(tmp_path / "j", [(request("a"), Completion((Choice("x"),), Usage(1, 2)))], reused=True)
    store(tmp_path / "j", [(request("b"), Completion((Choice("x"),), Usage(3, 4)))])
    with Journal(tmp_path / "j", readonly=True) as journal:
        assert journal.totals() == Totals(requests=1, reused=1, prompt_tokens=3, completion_tokens=4)


CHANGES: list[dict[str, object]] = [
    {"model": "other"},
    {"messages": ({"role": "system", "content": "s"}, {"role": "user", "content": "q"})},
    {"messages": ({"role": "user", "content": "q "},)},
    {"messages": ({"role": "assistant", "content": "q"},)},
    {"sampling": Sampling(temperature=0.1)},
    {"sampling": Sampling(top_p=0.1)},
    {"sampling": Sampling(max_tokens=7)},
    {"sampling": Sampling(presence_penalty=1)},
    {"sampling": Sampling(frequency_penalty=1)},
    {"sampling": Sampling(stop=("\n",))},
    {"sampling": Sampling(seed=1)},
    {"sampling": Sampling(n=2)},
    {"sampling": Sampling(logprobs=True)},
    {"sampling": Sampling(top_logprobs=2)},
    {"sampling": Sampling(logit_bias={"5": -1})},
    {"sampling": Sampling(extra={"top_k": 4})},
    {"tools": ({"type": "function", "function": {"name": "f"}},)},
    {"response_format": {"type": "json_object"}},
    {"api": "completions"},
    {"sample": 1},
    {"retry": 1},
]


@pytest.mark.parametrize("change", CHANGES, ids=[str(c)[:50] for c in CHANGES])
def test_all_that_changes_a_reply_changes_the_key(change: dict[str, object]) -> None:
    base: dict[str, object] = {"model": "m", "messages": ({"role": "user", "content": "q"},)}
    assert Request(**{**base, **change}).key != Request(**base).key  # type: ignore[arg-type]


def test_every_field_of_a_request_is_in_the_table_above() -> None:
    covered = {name for change in CHANGES for name in change}
    assert covered == set(Request.__dataclass_fields__)
    sampled = {n for c in CHANGES if isinstance(c.get("sampling"), Sampling) for n in c["sampling"].model_fields_set}  # type: ignore[union-attr, attr-defined]
    assert sampled == set(Sampling.model_fields) - {"retry_max_tokens"}  # it is not sent


def test_order_of_keys_does_not_change_the_key() -> None:
    a = Request("m", ({"role": "user", "content": "q"},))
    b = Request("m", ({"content": "q", "role": "user"},))
    assert a.key == b.key


def test_not_a_journal(tmp_path: Path) -> None:
    (tmp_path / "j").write_text("this is some text that is no database " * 50)
    with pytest.raises(StoreError, match="damaged or not a journal"):
        Journal(tmp_path / "j")
    with pytest.raises(StoreError, match="no journal"):
        Journal(tmp_path / "none", readonly=True)


def test_another_format(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "j")
    connection.execute("PRAGMA user_version=99")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="format 99"):
        Journal(tmp_path / "j")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot write"):
        Journal(tmp_path / "missing" / "j")


WRITER = """
import asyncio, sys
from synthgen.journal.journal import Journal
from synthgen.requests.request import Choice, Completion, Request

async def main():
    with Journal(sys.argv[1]) as journal:
        async def one(i):
            r = Request("m", ({"role": "user", "content": str(i)},))
            await journal.put(r.key, r, Completion((Choice("x" * 500),)))
            print(r.key, flush=True)
        for start in range(0, 10**6, 50):
            await asyncio.gather(*(one(start + i) for i in range(50)))

asyncio.run(main())
"""


def test_what_put_has_returned_for_survives_kill_9(tmp_path: Path) -> None:
    for trial in range(3):
        path = tmp_path / f"j{trial}"
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(120 + 37 * trial)]
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split("\n")
        told += rest[:-1]  # the last line may be cut
        process.stdout.close()
        process.wait()
        with Journal(path) as journal:
            kept = set(journal)
        assert set(told) <= kept


def test_a_full_disk_is_told_to_everyone_who_waits(tmp_path: Path) -> None:
    code = (
        "import asyncio, resource, signal, sys\n"
        "from synthgen.errors import StoreError\n"
        "from synthgen.journal.journal import Journal\n"
        "from synthgen.requests.request import Choice, Completion, Request\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "journal = Journal(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "async def one(i):\n"
        "    r = Request('m', ({'role': 'user', 'content': str(i)},))\n"
        "    await journal.put(r.key, r, Completion((Choice('x' * 5000),)))\n"
        "async def main():\n"
        "    return await asyncio.gather(*(one(i) for i in range(300)), return_exceptions=True)\n"
        "results = asyncio.run(main())\n"
        "assert any(isinstance(r, StoreError) for r in results), results[:3]\n"
        "assert all(r is None or isinstance(r, StoreError) for r in results)\n"
        "print(next(r for r in results if r is not None))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "j")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "journal" in done.stdout or "disk" in done.stdout
