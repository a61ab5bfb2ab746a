"""Files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import IO

from synthgen.outward import clear
from synthgen.records import clean_text
from synthgen.store.faults import storing


def write(path: Path, content: str | bytes) -> None:
    """Writes the file beside its place, flushes it to disk, and renames it over its place.

    Lone surrogates become U+FFFD, known secrets `***`. A killed process leaves at most a file `.<name>.tmp` behind. A
    link at the place, or at the file beside it, is replaced and not followed.
    """
    data = content if isinstance(content, bytes) else clear(str(clean_text(content))).encode()
    temporary = path.with_name(f".{path.name}.tmp")
    with storing(path):
        try:
            with create(temporary) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def create(path: Path) -> IO[bytes]:
    """A new file to write, in the place of whatever stands there; what a link points to stays as it is."""
    path.unlink(missing_ok=True)
    return path.open("xb")


def sync_folder(folder: Path) -> None:
    """Makes renames in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Makes all files and folders under `folder` durable."""
    for path in sorted(folder.rglob("*")):
        sync_folder(path)  # fsync takes a file just as well
    sync_folder(folder)


def sha256(*paths: Path) -> str:
    """The SHA-256 (hex) of the file, or of several one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with storing(path), path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
