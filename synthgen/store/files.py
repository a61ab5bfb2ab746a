"""Files that appear whole or not at all, one or a set; what to do where that fails; a lock; values as YAML."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from synthgen.errors import RunLocked, StoreError
from synthgen.records import clean_text
from synthgen.safety.outward import clear

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


def refuse_link(path: Path) -> None:
    """Raises `StoreError` where the path itself, and not one above it, is a symbolic link."""
    if path.is_symlink():
        raise StoreError(
            f"{path} is a link to {os.readlink(path)}: what is written there would be written elsewhere",
            hint="remove the link, or put a copy of what it points to in its place",
        )


def refuse_links(folder: Path, *, but: Collection[str] = ()) -> None:
    """Raises `StoreError` for a link anywhere below the folder, but for the top-level names in `but`.

    The folder itself may be reached by one.
    """
    with storing(folder):
        for place, folders, files in os.walk(folder):
            for name in (*folders, *files):
                if Path(place) != folder or name not in but:
                    refuse_link(Path(place) / name)
            if Path(place) == folder:
                folders[:] = [name for name in folders if name not in but]


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


def in_the_way(path: Path) -> StoreError:
    """The error for a file that is not to be overwritten."""
    return StoreError(f"{path} is there already", hint="move it, or choose another name")


@contextmanager
def appearing(path: Path, overwrite: bool) -> Iterator[IO[bytes]]:
    """A file to write, which takes its place when the block ends well, and vanishes when it does not.

    Raises:
        StoreError: it cannot be written, or another one is at its place and not to be overwritten.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storing(path):
        file = create(temporary)
    try:
        with file:
            yield file
            with storing(path):
                file.flush()
                os.fsync(file.fileno())
        if path.exists() and not overwrite:
            raise in_the_way(path)
        with storing(path):
            temporary.replace(path)
            sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


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


PARTIAL, READY, OLD = ".partial", ".ready", ".old"


def publish(run: Path) -> None:
    """Makes what lies in `.partial` the run's files; files of other names stay as they are."""
    sync_tree(run / PARTIAL)
    (run / PARTIAL).rename(run / READY)
    sync_folder(run)
    settle(run)


def settle(run: Path) -> None:
    """Ends a publication that was cut off, and removes what a killed run left behind. Needs the folder's lock.

    Raises:
        StoreError: one of these names is a link.
    """
    ready, old = run / READY, run / OLD
    for place in (ready, old, run / PARTIAL):
        refuse_link(place)
    if ready.is_dir():
        old.mkdir(exist_ok=True)
        for new in sorted(ready.iterdir()):
            place = run / new.name
            if os.path.lexists(place):
                _remove(old / new.name)
                place.rename(old / new.name)
            new.rename(place)
        sync_folder(run)
        ready.rmdir()
        sync_folder(run)
    _remove(old)
    _remove(run / PARTIAL)
    for leftover in run.glob(".*.tmp"):
        leftover.unlink()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


_NUMBER_OF_1_2 = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+")
"""Texts that 1.2 takes for numbers where they are not quoted; 1.1 takes `1e5` and `0o10` for texts."""


def yaml_text(value: Any, *, width: int = 120) -> str:
    """The values as YAML that means the same by 1.1 (PyYAML) and 1.2 (configs), mappings in their order."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Quotes what either version would take for something else."""

    def text(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
        style = "'" if _NUMBER_OF_1_2.fullmatch(data) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Dumper.add_representer(str, text)
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=width)


class Lock:
    """An exclusive lock on a file, held until `release` or the end of the process, however it ends.

    The file stays where it is: were it removed, two processes could hold locks on two files of one name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Takes the lock.

        Raises:
            RunLocked: another process holds it.
            StoreError: the file is a link or cannot be written, or the file system knows no locks.
        """
        import fcntl

        with storing(self.path):
            refuse_link(self.path)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
            try:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    owner = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "another process"
                    raise RunLocked(
                        f"{owner} works on {self.path.parent}",
                        hint="wait until it has ended or stop it (the lock ends with it), or choose another folder"
                        " with --out",
                    ) from None
                if os.fstat(descriptor).st_nlink == 1:  # else it is the file of another name, too
                    os.ftruncate(descriptor, 0)
                    os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
            except BaseException:
                os.close(descriptor)
                raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Gives the lock back; nothing where it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
