"""Turns failures of the file system into errors that say what to do next; the only place that does."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synthgen.errors import StoreError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_AGAIN = "free some space and run the same command again: every reply that was paid for is in the journal"


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Reading or writing at `path`.

    Raises:
        StoreError: instead of any `OSError`, with the next step.
    """
    try:
        yield
    except OSError as error:
        raise explained(error, path) from error


def explained(error: OSError, path: Path) -> StoreError:
    """What an `OSError` at `path` means for the user."""
    name = Path(error.filename) if isinstance(error.filename, str) and error.filename else path
    what = os.strerror(error.errno) if error.errno else str(error)  # pyarrow's own text is long
    if error.errno in _FULL:
        limit = "a file grew beyond the size limit" if error.errno == errno.EFBIG else "the disk is full"
        return StoreError(f"{limit}: cannot write {name} ({what})", hint=_AGAIN)
    if error.errno == errno.EROFS:
        return StoreError(f"cannot write {name}: the file system is read-only", hint="choose another folder with --out")
    if error.errno in (errno.EACCES, errno.EPERM):
        return StoreError(
            f"no permission for {name}", hint="make the folder writable for you, or choose another with --out"
        )
    if error.errno == errno.ENOENT:
        return StoreError(f"there is no {name}", hint="name the folder of a run: outputs/<run>")
    if error.errno == errno.ENOTDIR:
        return StoreError(f"{name} cannot be: a part of this path is a file", hint="choose another folder with --out")
    if error.errno in (errno.EEXIST, errno.EISDIR):
        return StoreError(f"{name} is in the way: {what}", hint="move it, or choose another folder with --out")
    return StoreError(f"{name}: {what}", hint="what is paid for is in the journal; fix this and run again")
