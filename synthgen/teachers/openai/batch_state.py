"""Which batches are out: a file beside the journal, written before each step is taken."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthgen.errors import StoreError


@dataclass(slots=True, eq=False)
class SentBatch:
    """A batch: its input file, and the keys of its requests. `batch_id` is None between upload and creation."""

    file_id: str
    keys: frozenset[str]
    batch_id: str | None = None


class BatchState:
    """The batches of a run, in the order in which they were sent. Without a path they are forgotten at the end.

    The file is JSON lines, one for each step, written before the next step is taken: what was uploaded, what was
    created, what the provider has forgotten.

    Raises:
        StoreError: the file cannot be read or written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._sent: dict[str, SentBatch] = {}
        if path is not None and path.is_file():
            try:
                lines = path.read_bytes().split(b"\n")
            except OSError as error:
                raise StoreError(f"{path} cannot be read: {error}") from error
            for number, line in enumerate(lines, 1):
                try:
                    step = json.loads(line)
                except (ValueError, RecursionError):
                    continue  # cut by a kill: the step after it was not taken
                if not self._take(step):
                    raise StoreError(
                        f"{path} is damaged: line {number} tells of no batch",
                        hint="restore it, or remove the line: what its batch holds is bought again",
                    )

    @property
    def sent(self) -> list[SentBatch]:
        """All batches that the provider may still have."""
        return list(self._sent.values())

    def uploaded(self, file_id: str, keys: list[str]) -> SentBatch:
        """A file of requests is at the provider."""
        self._write({"uploaded": file_id, "keys": keys})
        return self._sent[file_id]

    def created(self, file_id: str, batch_id: str) -> None:
        """The provider works on it."""
        self._write({"created": batch_id, "file": file_id})

    def gone(self, file_id: str) -> None:
        """The provider has it no more."""
        self._write({"gone": file_id})

    def _take(self, step: Any) -> bool:
        """Takes a step; whether it is one."""
        match step:
            case {"uploaded": str(file_id), "keys": list(keys)} if all(isinstance(key, str) for key in keys):
                self._sent[file_id] = SentBatch(file_id, frozenset(keys))
            case {"created": str(batch_id), "file": str(file_id)} if file_id in self._sent:
                self._sent[file_id].batch_id = batch_id
            case {"gone": str(file_id)}:
                self._sent.pop(file_id, None)
            case _:
                return False
        return True

    def _write(self, step: dict[str, Any]) -> None:
        self._take(step)
        if self._path is None:
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                # a line that a kill has cut has no end: begin anew
                file.write(("\n" if file.tell() and not _ends_a_line(self._path) else "") + json.dumps(step) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(
                f"{self._path} cannot be written: {error}", hint="make room or correct its permissions, and run again"
            ) from error


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
