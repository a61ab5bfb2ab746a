"""The journal: every reply of every teacher, durable before it is used.

One SQLite file in WAL mode. A writer thread gathers the replies of ten milliseconds into one transaction (group
commit); `put` returns when the reply is on disk. Reading is synchronous and takes some ten microseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from synthgen.errors import StoreError
from synthgen.journal.opening import Database, Lost, explained
from synthgen.journal.rows import COSTS, MOST_INTEGER, completion_in, request_in, row_of
from synthgen.requests.metering import Bought
from synthgen.requests.request import Completion, Request

COMMIT_INTERVAL_S = 0.01
"""How long a transaction gathers replies. At 500 replies/s five share an fsync and a change of threads, which saves an
eighth of a run's CPU time; beside a model's latency none waits noticeably."""

_INSERT = {
    "replies": ("INSERT INTO replies VALUES", "(?,?,?,?,?,?,?,?,?)", " ON CONFLICT (key) DO NOTHING"),
    "tries": ("INSERT INTO tries VALUES", "(?,?,?,?,?)", ""),
}
"""A statement's beginning, its row and its end, by table."""

MOST_ROWS = 1000
"""Rows of one transaction, of one statement for each table: SQLite takes 32,766 parameters."""


@dataclass(slots=True)
class Totals(Bought):
    """What the replies in a journal amount to; the reused ones cost nothing and are counted apart."""

    reused: int = 0


@dataclass(frozen=True, slots=True)
class Tries:
    """Requests that brought no reply, each as requests, tokens and dollars that it can have cost at most.

    `failed` is the sum of those whose end is known; `open` has those of each key that left and were never heard of.
    """

    failed: tuple[int, int, float] = (0, 0, 0.0)
    open: Mapping[str, tuple[int, int, float]] = field(default_factory=dict)


@dataclass(slots=True)
class _Entry:
    row: tuple[object, ...]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]
    table: str = "replies"


class Journal:
    """A durable map from request keys to completions. Opened `readonly`, it can only be read, wherever it lies.

    It is looked through when it is opened. What cannot be read counts as not there and is said at once, before anything
    is asked for: a damaged file is replaced by one with all that can be read of it (and kept beside it); where it may
    only be read, by a copy elsewhere. A damaged reply is set aside.

    Raises:
        StoreError: the file cannot be opened, read or written, or was written by another program or format version.
    """

    def __init__(self, path: Path | str, *, readonly: bool = False) -> None:
        self.path = Path(path)
        self._database = Database(self.path, readonly=readonly)
        self._reader = self._database.reader
        self._writer: sqlite3.Connection | None = None
        if not readonly:
            try:
                self._writer = self._connect_writer()
            except BaseException as error:
                self._database.close()
                if isinstance(error, sqlite3.Error):
                    raise explained(error, self.path) from error
                raise
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        if not readonly:
            self._thread = threading.Thread(target=self._write, name="synthgen-journal", daemon=True)
            self._thread.start()

    @property
    def lost(self) -> Lost:
        """What could not be read when the journal was opened."""
        return self._database.lost

    def _connect_writer(self) -> sqlite3.Connection:
        connection = self._database.connect()
        connection.execute("PRAGMA synchronous=FULL")
        # before anything is bought: that a reply can be kept
        connection.execute("INSERT OR REPLACE INTO facts VALUES ('opened', ?)", (str(int(time.time())),))
        return connection

    def get(self, key: str) -> Completion | None:
        """The reply to the request with this key, or None where there is none, or none that can be read."""
        row = self._one("SELECT CAST(reply AS BLOB) FROM replies WHERE key = ?", key)
        return completion_in(row[0], key) if row else None

    def request(self, key: str) -> dict[str, object] | None:
        """The request with this key as `Request.to_dict` gave it, or None."""
        row = self._one("SELECT request FROM replies WHERE key = ?", key)
        return request_in(row[0]) if row else None

    def _one(self, sql: str, key: str) -> tuple[bytes] | None:
        try:
            row: tuple[bytes] | None = self._reader.execute(sql, (key,)).fetchone()
        except sqlite3.Error as error:
            raise explained(error, self.path) from error
        return row

    def __iter__(self) -> Iterator[str]:
        """All keys, in the order of arrival."""
        try:
            for (key,) in self._reader.execute("SELECT key FROM replies ORDER BY rowid"):
                yield str(key)
        except sqlite3.Error as error:
            raise explained(error, self.path) from error

    def fact(self, name: str) -> str | None:
        """Something that a run has settled once for all its sessions, or None."""
        row = self._one("SELECT value FROM facts WHERE name = ?", name)
        return None if row is None else str(row[0])

    def settle(self, name: str, value: str) -> None:
        """Keeps a fact."""
        try:
            self._reader.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))
        except sqlite3.Error as error:
            raise explained(error, self.path) from error

    def totals(self) -> Totals:
        """What has been bought and reused so far, with what is lost of it."""
        try:
            tables = {name for (name,) in self._reader.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            lost = f" UNION ALL SELECT {COSTS} FROM lost" if "lost" in tables else ""
            reused = self._reader.execute("SELECT count(*) FROM replies WHERE reused = 1").fetchone()[0]
            bought = self._reader.execute(
                "SELECT count(*), total(max(prompt_tokens, 0)), total(max(completion_tokens, 0)),"
                " total(max(cached_tokens, 0)), total(max(usd, 0))"
                f" FROM (SELECT {COSTS} FROM replies{lost}) WHERE reused = 0"
            ).fetchone()
        except sqlite3.Error as error:
            raise explained(error, self.path) from error
        return Totals(bought[0], int(bought[1]), int(bought[2]), int(bought[3]), bought[4], reused)

    def tries(self) -> Tries:
        """What has left in all sessions and brought no reply."""
        try:
            if not self._reader.execute("SELECT 1 FROM sqlite_master WHERE name = 'tries'").fetchone():
                return Tries()
            failed = self._reader.execute(
                "SELECT total(requests), total(tokens), total(usd) FROM tries WHERE event != 'sent'"
            ).fetchone()
            rows = self._reader.execute(
                "SELECT key, sum(event = 'sent') - sum(event = 'failed'), max(tokens), max(usd),"
                " EXISTS (SELECT 1 FROM replies WHERE replies.key = tries.key AND reused = 0) AS answered"
                " FROM tries GROUP BY key HAVING sum(event = 'sent') - sum(event = 'failed') > answered"
            ).fetchall()
        except sqlite3.Error as error:
            raise explained(error, self.path) from error
        still_out = {key: (n, n * tokens, n * usd) for key, away, tokens, usd, got in rows if (n := away - got)}
        return Tries((int(failed[0]), int(failed[1]), failed[2]), still_out)

    async def note(self, key: str, event: str, numbers: tuple[int, int, float]) -> None:
        """Returns when it is on disk that a request has left, or has failed: requests, tokens, dollars at most."""
        await self._note(key, event, numbers)

    def note_soon(self, key: str, event: str, numbers: tuple[int, int, float]) -> None:
        """As `note`, without waiting; it is on disk when the journal is closed."""
        self._note(key, event, numbers).add_done_callback(lambda done: done.cancelled() or done.exception())

    def _note(self, key: str, event: str, numbers: tuple[int, int, float]) -> asyncio.Future[None]:
        requests, tokens, usd = numbers
        if self._thread is None or not self._thread.is_alive():
            raise StoreError(f"the journal {self.path} is closed: what has left could not be noted")
        loop = asyncio.get_running_loop()
        entry = _Entry((key, event, requests, min(tokens, MOST_INTEGER), usd), loop, loop.create_future(), "tries")
        self._queue.put(entry)
        return entry.done

    async def put(
        self, key: str, request: Request, completion: Completion, *, usd: float = 0.0, reused: bool = False
    ) -> None:
        """Returns when the reply is on disk. A key that is there already keeps its first reply.

        Raises:
            StoreError: the reply could not be written, or is none that could be read again.
        """
        row = (key, *row_of(request, completion, usd), int(reused))
        if self._thread is None or not self._thread.is_alive():
            raise StoreError(f"the journal {self.path} is closed: a reply could not be kept")
        loop = asyncio.get_running_loop()
        entry = _Entry(row, loop, loop.create_future())
        self._queue.put(entry)
        await entry.done

    def _write(self) -> None:
        while (first := self._queue.get()) is not None:
            time.sleep(COMMIT_INTERVAL_S)
            batch = [first]
            stop = False
            while len(batch) < MOST_ROWS and not self._queue.empty():
                entry = self._queue.get()
                if entry is None:
                    stop = True
                    break
                batch.append(entry)
            failure = self._insert(batch)
            if failure is None or len(batch) == 1:
                self._tell(batch, failure)
            else:  # one of them, maybe: the others are kept
                for entry in batch:
                    self._tell([entry], self._insert([entry]))
            if stop:
                break
        if self._writer is not None:
            self._writer.close()

    def _insert(self, batch: list[_Entry]) -> StoreError | None:
        """Writes the rows in one transaction; what went wrong, if anything did."""
        try:
            if self._writer is None:
                self._writer = self._connect_writer()
            tables = [table for table in _INSERT if any(entry.table == table for entry in batch)]
            if len(tables) > 1:
                self._writer.execute("BEGIN IMMEDIATE")
            for table in tables:
                rows = [entry.row for entry in batch if entry.table == table]
                insert, row, end = _INSERT[table]
                # one statement, so that this thread has to win the GIL back once and not once a row
                self._writer.execute(
                    f"{insert} {','.join([row] * len(rows))}{end}", [value for values in rows for value in values]
                )
            if len(tables) > 1:
                self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            if self._writer is not None:
                self._writer.close()  # which also takes back a transaction that was begun
                self._writer = None
            return explained(error, self.path)
        except (ArithmeticError, ValueError, TypeError, MemoryError, OSError) as error:
            # `row_of` has seen to it that there is nothing of the kind; but without this thread all would wait for ever
            if self._writer is not None and self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            return StoreError(f"the journal {self.path} failed: {type(error).__name__}: {error}")
        return None

    @staticmethod
    def _tell(batch: list[_Entry], failure: StoreError | None) -> None:
        def resolve() -> None:
            for entry in batch:
                if entry.done.done() or entry.loop is not asyncio.get_running_loop():
                    continue
                if failure is None:
                    entry.done.set_result(None)
                else:
                    entry.done.set_exception(failure)

        for loop in {entry.loop for entry in batch}:
            with contextlib.suppress(RuntimeError):  # it is closed: nobody waits
                loop.call_soon_threadsafe(resolve)

    def close(self) -> None:
        """Writes what is still queued and closes the file."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        self._database.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
