"""How many connections this process may open: a file descriptor each, and files need some as well."""

from __future__ import annotations

import os

from synthgen.errors import TeacherError

SPARE = 64
"""Descriptors for all else that a run opens: the journal, Parquet files, modules, the terminal."""
ENOUGH = 65_536
"""The limit is raised no higher than this: some programs that we start look at each descriptor they may have."""
UNKNOWN_IN_USE = 64
"""Taken for those in use where the system does not list them."""


class Descriptors:
    """What the teachers of this process have been given; each gets half of what is left at most."""

    def __init__(self) -> None:
        self._given = 0

    def take(self, wanted: int | None) -> int | None:
        """How many connections may be open at once, `wanted` at most; None where nothing limits them.

        The soft limit of the process is raised to its hard one. `give_back` frees what was taken.

        Raises:
            TeacherError: there is not room for one.
        """
        limit = _raised()
        if limit is None:
            return wanted
        room = (
            limit - _in_use() - SPARE - self._given
        ) // 2  # a connection takes two while both IPv6 and IPv4 are tried
        if room < 1:
            raise TeacherError(
                f"this process may open {limit} files, which leaves none for connections to a server",
                hint="raise the limit (ulimit -n 1024) and run the same command again",
            )
        taken = room if wanted is None else min(room, wanted)
        self._given += taken
        return taken

    def give_back(self, taken: int | None) -> None:
        """The connections are closed."""
        self._given -= taken or 0


descriptors = Descriptors()


def _raised() -> int | None:
    """The limit, after it was raised as far as that is allowed; None where there is none."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return None
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):  # macOS allows less than it says
            return int(soft)
        return int(wanted)
    return int(soft)


def _in_use() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return len(os.listdir(folder))
        except OSError:
            continue
    return UNKNOWN_IN_USE
