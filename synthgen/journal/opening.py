"""Opening a journal: what is wrong with the file is found before anything is asked for, and what can be is rescued."""

from __future__ import annotations

import math
import os
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

from synthgen.errors import StoreError
from synthgen.journal import rescue
from synthgen.journal.rows import COSTS, FORMAT, LATER_TABLES, SCHEMA, completion_in, is_whole
from synthgen.safety.outward import logger

log = logger("synthgen.journal.opening")


@dataclass(frozen=True, slots=True)
class Lost:
    """Replies that were paid for and cannot be read; their tokens and price where the journal still tells them."""

    replies: int = 0
    tokens: int = 0
    usd: float = 0.0

    def __str__(self) -> str:
        known = f" ({self.tokens:,} tokens, ${self.usd:,.4f})" if self.tokens or self.usd else ""
        return f"{self.replies:,} {'replies' if self.replies != 1 else 'reply'}{known}"


class Database:
    """The file of a journal, looked through: `reader` is a connection to it, `lost` what it has lost.

    Where the file may only be read and cannot be read as it lies, the connections are to a copy elsewhere.

    Raises:
        StoreError: it cannot be opened or read, or was written by another program or format version.
    """

    def __init__(self, path: Path, *, readonly: bool) -> None:
        self.path = path
        self.lost = Lost()
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._file, self._mode = path, "ro" if readonly else "rwc"
        if readonly and not path.is_file():
            raise StoreError(f"there is no journal at {path}", hint="name the folder of a run that has started")
        try:
            try:
                self.reader = self._opened(readonly)
            except sqlite3.Error as error:
                raise explained(error, path) from error
            except OSError as error:
                raise StoreError(f"{path} cannot be read: {error.strerror or error}") from error
        except BaseException:
            self._forget_copy()
            raise

    def connect(self) -> sqlite3.Connection:
        """One more connection."""
        uri = f"{self._file.absolute().as_uri()}?mode={self._mode}"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=30)
        connection.text_factory = _text
        return connection

    def close(self) -> None:
        """Closes the reader."""
        self.reader.close()
        self._forget_copy()

    def _forget_copy(self) -> None:
        if self._copy is not None:
            self._copy.cleanup()
            self._copy = None

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
            connection = self.connect()
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
        connection = self.connect()
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
        connection.create_function("is_whole", 1, is_whole, deterministic=True)
        suspect = connection.execute(
            "SELECT rowid, key, CAST(reply AS BLOB), prompt_tokens + completion_tokens, usd FROM replies WHERE CASE"
            " WHEN NOT json_valid(reply) THEN 1 WHEN json_type(reply, '$.choices') IS NOT 'array' THEN 1"
            " ELSE NOT is_whole(CAST(reply AS BLOB)) END"
        ).fetchall()
        damaged = [row for row in suspect if completion_in(bytes(row[2] or b""), str(row[1])) is None]
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


def explained(error: sqlite3.Error, path: Path) -> StoreError:
    """What an error of SQLite means, and the next step."""
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


def _text(data: bytes) -> str:
    """A text of the database, whatever has become of its bytes."""
    return data.decode(errors="replace")


def _whole_number(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _amount(value: object) -> float:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0
