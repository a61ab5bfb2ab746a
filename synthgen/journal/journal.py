"""The journal: every reply of every teacher, durable before it is used.

One SQLite file in WAL mode. A writer thread gathers the replies of ten milliseconds into one transaction (group
commit); `put` returns when the reply is on disk. Reading is synchronous and takes some ten microseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import queue
import sqlite3
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from synthgen.errors import StoreError
from synthgen.journal import rescue
from synthgen.journal.rescue import COSTS, FORMAT, LATER_TABLES, SCHEMA
from synthgen.requests.request import Completion, Request
from synthgen.safety.outward import clear, logger

log = logger("synthgen.journal.journal")

COMMIT_INTERVAL_S = 0.01
"""How long a transaction gathers replies. At 500 replies/s five share an fsync and a change of threads, which saves an
eighth of a run's CPU time; beside a model's latency none waits noticeably."""

_INSERT = {
    "replies": ("INSERT INTO replies VALUES", "(?,?,?,?,?,?,?,?,?)", " ON CONFLICT (key) DO NOTHING"),
    "tries": ("INSERT INTO tries VALUES", "(?,?,?,?,?)", ""),
}
"""A statement's beginning, its row and its end, by table."""

MOST_CHARACTERS = 500_000_000
"""SQLite holds a row of up to 1,000,000,000 bytes, and a character may take two of them or more."""

MOST_ROWS = 1000
"""Rows of one transaction, of one statement for each table: SQLite takes 32,766 parameters."""

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


MOST_INTEGER = 2**63 - 1
"""The largest integer of SQLite."""


def _row(request: Request, completion: Completion, usd: float) -> tuple[object, ...]:
    """The columns of a reply between `key` and `reused`.

    Raises:
        StoreError: it holds what cannot be written, or not be read again.
    """
    usage = completion.usage
    counts = (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)
    for count in counts:
        if not isinstance(count, int) or not 0 <= count <= MOST_INTEGER:
            raise _unfit(request, f"{_shown(count)} is no number of tokens")
    if not isinstance(usd, int | float) or not math.isfinite(usd):
        raise _unfit(request, f"{_shown(usd)} is no price")
    try:
        reply = _REPLY.encode(completion.to_dict())
        readable = _read(reply.encode(), "") is not None
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _unfit(request, str(error)) from error
    if not readable or len(reply) > MOST_CHARACTERS:
        raise _unfit(request, f"{len(reply):,} characters that cannot be read again")
    return (request.model, _packed(request), reply, *counts, float(usd))


def _unfit(request: Request, what: str) -> StoreError:
    return StoreError(
        f"a reply of {request.model} cannot be kept in the journal: {what}",
        hint="look at what the teacher gives back: a completion holds texts, whole numbers, and what JSON can hold",
    )


def _shown(value: object) -> str:
    try:
        return repr(value)[:40]
    except ValueError:  # an integer of thousands of digits
        return "a huge number"


def _whole_number(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _amount(value: object) -> float:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


@dataclass(slots=True)
class _Entry:
    row: tuple[object, ...]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]
    table: str = "replies"


@dataclass(frozen=True, slots=True)
class Lost:
    """Replies that were paid for and cannot be read; their tokens and price where the journal still tells them."""

    replies: int = 0
    tokens: int = 0
    usd: float = 0.0

    def __str__(self) -> str:
        known = f" ({self.tokens:,} tokens, ${self.usd:,.4f})" if self.tokens or self.usd else ""
        return f"{self.replies:,} {'replies' if self.replies != 1 else 'reply'}{known}"


def _text(data: bytes) -> str:
    """A text of the database, whatever has become of its bytes."""
    return data.decode(errors="replace")


def _packed(request: Request) -> bytes:
    data = clear(request.text).encode()
    return data if len(data) <= PLAIN_BYTES else zlib.compress(data, 1)


def _unpacked(data: bytes) -> bytes:
    return data if data.startswith(b"{") else zlib.decompress(data)


def _read(data: bytes, key: str) -> Completion | None:
    """The reply, or None where this is none."""
    try:
        return Completion.from_dict(json.loads(data), key)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _explain(error: sqlite3.Error, path: Path) -> StoreError:
    text = str(error)
    if isinstance(error, sqlite3.InterfaceError | sqlite3.IntegrityError | sqlite3.ProgrammingError):
        return StoreError(f"a reply cannot be kept in {path}: {text}", hint="look at what the teacher gives back")
    if "full" in text:
        return StoreError(
            f"the disk is full: {path} cannot grow", hint="free some space and run the same command again"
        )
    if "readonly" in text or "unable to open" in text:
        return StoreError(f"cannot write {path}: {text}", hint="make the folder writable or choose another with --out")
    if "not a database" in text or "malformed" in text:
        return StoreError(
            f"{path} is damaged or not a journal: {text}",
            hint="restore it from a copy; --fresh sets this folder aside and starts anew, --out does so beside it",
        )
    return StoreError(
        f"the journal {path} failed: {text}",
        hint="is it in use, or damaged? restore it from a copy; --fresh sets this folder aside and starts anew",
    )


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
        self.lost = Lost()
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._file, self._mode = self.path, "ro" if readonly else "rwc"
        if readonly and not self.path.is_file():
            raise StoreError(f"there is no journal at {self.path}", hint="name the folder of a run that has started")
        self._writer: sqlite3.Connection | None = None
        try:
            try:
                self._reader = self._opened(readonly)
                if not readonly:
                    self._writer = self._connect_writer()
            except sqlite3.Error as error:
                raise _explain(error, self.path) from error
            except OSError as error:
                raise StoreError(f"{self.path} cannot be read: {error.strerror or error}") from error
        except BaseException:
            self._forget_copy()
            raise
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        if not readonly:
            self._thread = threading.Thread(target=self._write, name="synthgen-journal", daemon=True)
            self._thread.start()

    def _opened(self, readonly: bool) -> sqlite3.Connection:
        """The connection to read from, after all that is wrong with the file has been found."""
        if readonly:
            self._read_where_it_lies()
        else:
            rescue.refuse_links(self.path)
            rescue.finish(self.path)
        connection = None if rescue.log_is_broken(self.path) else self._whole(readonly)
        if connection is None:
            if readonly:
                self._copy = self._copy or tempfile.TemporaryDirectory(prefix="synthgen-")
                self._file = Path(self._copy.name) / "journal.sqlite"
            read, lost, kept = rescue.rescue(self.path, self._file)
            self.lost = Lost(lost)
            log.warning(
                "the journal %s is damaged: %s replies can be read, %s are lost%s. What the run needs of the lost ones"
                " is bought again",
                self.path,
                f"{read:,}",
                f"{lost:,}",
                f" (the damaged file is kept as {kept})" if kept else "",
            )
            connection = self._connect()
        self._set_aside(connection, readonly)
        return connection

    def _read_where_it_lies(self) -> None:
        """Sees to it that reading writes nothing where nothing may be written.

        SQLite cannot read a log without writing beside it, and a killed run's replies are in the log.
        """
        if not rescue.has_log(self.path):
            self._mode = "ro&immutable=1"  # whoever writes has a log
        elif not os.access(self.path.parent, os.W_OK) or rescue.has_links(self.path):
            self._copy = tempfile.TemporaryDirectory(prefix="synthgen-")
            self._file = rescue.copy(self.path, Path(self._copy.name))

    def _whole(self, readonly: bool) -> sqlite3.Connection | None:
        """A connection to a file in which all is well, or None where a page is damaged."""
        connection = self._connect()
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            tables = {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if version == 0 and tables:
                raise StoreError(
                    f"{self.path} is another program's database (it holds {min(tables)})",
                    hint="choose another folder with --out",
                )
            if version == 0 and not readonly:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.executescript(f"{SCHEMA}; PRAGMA user_version={FORMAT};")
                version = FORMAT
            if version != FORMAT:
                raise StoreError(
                    f"{self.path} has journal format {version}; this version reads {FORMAT}",
                    hint="use the synthgen version that wrote it, or start in a new folder",
                )
            if not readonly:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.executescript(LATER_TABLES)
            if connection.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok":
                return connection
        except UnicodeDecodeError:
            pass  # of SQLite's own message, which names what it has found
        except sqlite3.DatabaseError as error:
            if not rescue.is_damage(error):
                connection.close()
                raise
        except BaseException:
            connection.close()
            raise
        connection.close()
        return None

    def _set_aside(self, connection: sqlite3.Connection, readonly: bool) -> None:
        """Finds replies that cannot be read, says what they cost, and makes room for them to be asked for again."""
        suspect = connection.execute(
            "SELECT rowid, key, CAST(reply AS BLOB), prompt_tokens + completion_tokens, usd FROM replies WHERE CASE"
            " WHEN NOT json_valid(reply) THEN 1 ELSE json_type(reply, '$.choices') IS NOT 'array' END"
        ).fetchall()
        damaged = [row for row in suspect if _read(bytes(row[2] or b""), str(row[1])) is None]
        if not damaged:
            return
        found = Lost(len(damaged), sum(_whole_number(row[3]) for row in damaged), sum(_amount(r[4]) for r in damaged))
        self.lost = Lost(self.lost.replies + found.replies, found.tokens, found.usd)
        log.warning("the journal %s: %s cannot be read. What the run needs of them is bought again", self.path, found)
        if not readonly:
            rows = [(row[0],) for row in damaged]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(f"INSERT INTO lost SELECT {COSTS} FROM replies WHERE rowid = ?", rows)
            connection.executemany("DELETE FROM replies WHERE rowid = ?", rows)
            connection.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        uri = f"{self._file.absolute().as_uri()}?mode={self._mode}"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=30)
        connection.text_factory = _text
        return connection

    def _connect_writer(self) -> sqlite3.Connection:
        connection = self._connect()
        connection.execute("PRAGMA synchronous=FULL")
        # before anything is bought: that a reply can be kept
        connection.execute("INSERT OR REPLACE INTO facts VALUES ('opened', ?)", (str(int(time.time())),))
        return connection

    def get(self, key: str) -> Completion | None:
        """The reply to the request with this key, or None where there is none, or none that can be read."""
        row = self._one("SELECT CAST(reply AS BLOB) FROM replies WHERE key = ?", key)
        return _read(row[0], key) if row else None

    def request(self, key: str) -> dict[str, object] | None:
        """The request with this key as `Request.to_dict` gave it, or None."""
        row = self._one("SELECT request FROM replies WHERE key = ?", key)
        try:
            return dict(json.loads(_unpacked(row[0]))) if row else None
        except (ValueError, TypeError, AttributeError, RecursionError, zlib.error):
            return None

    def _one(self, sql: str, key: str) -> tuple[bytes] | None:
        try:
            row: tuple[bytes] | None = self._reader.execute(sql, (key,)).fetchone()
        except sqlite3.Error as error:
            raise _explain(error, self.path) from error
        return row

    def __iter__(self) -> Iterator[str]:
        """All keys, in the order of arrival."""
        try:
            for (key,) in self._reader.execute("SELECT key FROM replies ORDER BY rowid"):
                yield str(key)
        except sqlite3.Error as error:
            raise _explain(error, self.path) from error

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
        row = (key, *_row(request, completion, usd), int(reused))
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
            return _explain(error, self.path)
        except (ArithmeticError, ValueError, TypeError, MemoryError, OSError) as error:
            # `_row` has seen to it that there is nothing of the kind; but without this thread all would wait for ever
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
        self._reader.close()
        self._forget_copy()

    def _forget_copy(self) -> None:
        if self._copy is not None:
            self._copy.cleanup()
            self._copy = None

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
