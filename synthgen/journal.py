"""The journal: every reply of every teacher, durable before it is used.

One SQLite file in WAL mode. A writer thread gathers the replies of ten milliseconds into one transaction (group
commit); `put` returns when the reply is on disk. Reading is synchronous and takes some ten microseconds.
"""

from __future__ import annotations

import asyncio
import json
import queue
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from synthgen.errors import StoreError
from synthgen.exchange import Completion, Request
from synthgen.outward import clear

FORMAT = 1
COMMIT_INTERVAL_S = 0.01
"""How long a transaction gathers replies. At 500 replies/s five share an fsync and a change of threads, which saves an
eighth of a run's CPU time; beside a model's latency none waits noticeably."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY,
    model TEXT NOT NULL,
    request BLOB NOT NULL,
    reply TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    usd REAL NOT NULL,
    reused INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)
"""

_TRIES = """
CREATE TABLE IF NOT EXISTS tries (
    key TEXT NOT NULL,
    event TEXT NOT NULL,
    requests INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    usd REAL NOT NULL
)
"""
"""Requests that left (`sent`, with what they can cost) and those that brought no reply (`failed`, with what they can
have cost). It came later than the other tables, so a journal of the same format may lack it."""
SENT, FAILED, RESOLVED = "sent", "failed", "resolved"
"""`resolved`, with -1 request: the reply in the journal is what the last failure came to, so that counts as one."""

_ROW = "(?,?,?,?,?,?,?,?,?)"
MOST_ROWS = 1000
"""Rows of one transaction, of one statement for each table: SQLite takes 32,766 parameters."""
MOST_INTEGER = 2**63 - 1
"""SQLite's largest."""

_INSERT = {
    "replies": ("INSERT OR IGNORE INTO replies VALUES", _ROW),
    "tries": ("INSERT INTO tries VALUES", "(?,?,?,?,?)"),
}

_REPLY = json.JSONEncoder(separators=(",", ":"))  # keys in their order: a replay must not tell

PLAIN_BYTES = 600
"""Requests up to this size are kept as they are: compressing a short one takes more time than it spares room."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What the replies in a journal amount to; the reused ones cost nothing and are counted apart."""

    requests: int = 0
    reused: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    usd: float = 0.0


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


def _packed(request: Request) -> bytes:
    data = clear(request.text).encode()
    return data if len(data) <= PLAIN_BYTES else zlib.compress(data, 1)


def _unpacked(data: bytes) -> bytes:
    return data if data.startswith(b"{") else zlib.decompress(data)


def _explain(error: sqlite3.Error, path: Path) -> StoreError:
    text = str(error)
    if "full" in text:
        return StoreError(
            f"the disk is full: {path} cannot grow", hint="free some space and run the same command again"
        )
    if "readonly" in text or "unable to open" in text:
        return StoreError(f"cannot write {path}: {text}", hint="make the folder writable or choose another with --out")
    if "not a database" in text or "malformed" in text:
        return StoreError(
            f"{path} is damaged or not a journal: {text}", hint="restore it from a copy, or use a new --out"
        )
    return StoreError(f"the journal {path} failed: {text}")


def _insert(connection: sqlite3.Connection, batch: list[_Entry]) -> None:
    """Writes the rows in one transaction."""
    tables = [table for table in _INSERT if any(entry.table == table for entry in batch)]
    if len(tables) > 1:
        connection.execute("BEGIN IMMEDIATE")
    for table in tables:
        rows = [entry.row for entry in batch if entry.table == table]
        insert, row = _INSERT[table]
        # one statement, so that this thread has to win the GIL back once and not once a row
        connection.execute(f"{insert} {','.join([row] * len(rows))}", [value for values in rows for value in values])
    if len(tables) > 1:
        connection.execute("COMMIT")


class Journal:
    """A durable map from request keys to completions. Opened `readonly`, it can only be read.

    Raises:
        StoreError: the file cannot be opened, read or written, or was written by another format version.
    """

    def __init__(self, path: Path | str, *, readonly: bool = False) -> None:
        self.path = Path(path)
        if readonly and not self.path.is_file():
            raise StoreError(f"there is no journal at {self.path}", hint="name the folder of a run that has started")
        try:
            self._reader = self._connect(readonly)
            if not readonly:
                self._reader.execute("PRAGMA journal_mode=WAL")
                if self._reader.execute("PRAGMA user_version").fetchone()[0] == 0:
                    self._reader.executescript(f"{_SCHEMA}; PRAGMA user_version={FORMAT};")
                self._reader.execute(_TRIES)
            version = self._reader.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.Error as error:
            raise _explain(error, self.path) from error
        if version != FORMAT:
            raise StoreError(
                f"{self.path} has journal format {version}; this version reads {FORMAT}",
                hint="use the synthgen version that wrote it, or start in a new folder",
            )
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        if not readonly:
            # open before anything is paid for: when the replies come, the process may have no file to spare
            self._writer: sqlite3.Connection | None = self._connect_writer()
            self._thread = threading.Thread(target=self._write, name="synthgen-journal", daemon=True)
            self._thread.start()

    def _connect(self, readonly: bool) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode={'ro' if readonly else 'rwc'}"
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=30)

    def _connect_writer(self) -> sqlite3.Connection:
        try:
            connection = self._connect(readonly=False)
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("BEGIN IMMEDIATE")  # this opens the log of SQLite beside the file
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _explain(error, self.path) from error
        return connection

    def get(self, key: str) -> Completion | None:
        """The reply to the request with this key, or None."""
        row = self._one("SELECT reply FROM replies WHERE key = ?", key)
        return Completion.from_dict(json.loads(row[0]), key) if row else None

    def request(self, key: str) -> dict[str, object] | None:
        """The request with this key as `Request.to_dict` gave it, or None."""
        row = self._one("SELECT request FROM replies WHERE key = ?", key)
        return dict(json.loads(_unpacked(row[0]))) if row else None

    def _one(self, sql: str, key: str) -> tuple[bytes] | None:
        try:
            row: tuple[bytes] | None = self._reader.execute(sql, (key,)).fetchone()
        except sqlite3.Error as error:
            raise _explain(error, self.path) from error
        return row

    def __iter__(self) -> Iterator[str]:
        """All keys, in the order of arrival."""
        for (key,) in self._reader.execute("SELECT key FROM replies ORDER BY rowid"):
            yield key

    def fact(self, name: str) -> str | None:
        """Something that a run has settled once for all its sessions, or None."""
        row = self._one("SELECT value FROM facts WHERE name = ?", name)
        return None if row is None else str(row[0])

    def settle(self, name: str, value: str) -> None:
        """Keeps a fact."""
        try:
            self._reader.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))
        except sqlite3.Error as error:
            raise _explain(error, self.path) from error

    def totals(self) -> Totals:
        """What has been bought and reused so far."""
        try:
            reused = self._reader.execute("SELECT count(*) FROM replies WHERE reused = 1").fetchone()[0]
            bought = self._reader.execute(
                "SELECT count(*), total(max(prompt_tokens, 0)), total(max(completion_tokens, 0)),"
                " total(max(cached_tokens, 0)), total(max(usd, 0)) FROM replies WHERE reused = 0"
            ).fetchone()
        except sqlite3.Error as error:
            raise _explain(error, self.path) from error
        return Totals(bought[0], reused, int(bought[1]), int(bought[2]), int(bought[3]), bought[4])

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
            raise _explain(error, self.path) from error
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
        loop = asyncio.get_running_loop()
        entry = _Entry((key, event, requests, min(tokens, MOST_INTEGER), usd), loop, loop.create_future(), "tries")
        self._queue.put(entry)
        return entry.done

    async def put(
        self, key: str, request: Request, completion: Completion, *, usd: float = 0.0, reused: bool = False
    ) -> None:
        """Returns when the reply is on disk. A key that is there already keeps its first reply."""
        usage = completion.usage
        row = (
            key,
            request.model,
            _packed(request),
            _REPLY.encode(completion.to_dict()),
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.cached_tokens,
            usd,
            int(reused),
        )
        loop = asyncio.get_running_loop()
        entry = _Entry(row, loop, loop.create_future())
        self._queue.put(entry)
        await entry.done

    def _write(self) -> None:
        connection = self._writer
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
            failure: StoreError | None = None
            try:
                if connection is None:
                    connection = self._connect_writer()
                _insert(connection, batch)
            except (sqlite3.Error, StoreError) as error:
                failure = error if isinstance(error, StoreError) else _explain(error, self.path)
                if connection is not None:
                    connection.close()
                    connection = None
            self._tell(batch, failure)
            if stop:
                break
        if connection is not None:
            connection.close()

    @staticmethod
    def _tell(batch: list[_Entry], failure: StoreError | None) -> None:
        def resolve() -> None:
            for entry in batch:
                if entry.done.done():
                    continue
                if failure is None:
                    entry.done.set_result(None)
                else:
                    entry.done.set_exception(failure)

        loop = batch[0].loop
        if not loop.is_closed():
            loop.call_soon_threadsafe(resolve)

    def close(self) -> None:
        """Writes what is still queued and closes the file."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        self._reader.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
