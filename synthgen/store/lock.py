"""One process at a time on a run folder."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from synthgen.errors import RunLocked
from synthgen.store.files import refuse_link, storing


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
