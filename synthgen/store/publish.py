"""Puts a set of finished files in their places together, across crashes.

A run writes into `.partial`. When all is written and on disk, `.partial` becomes `.ready` by one rename: from then on
the new files count, and `settle` moves them into place, whether now or when the folder is next opened. The old files
stay until then.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from synthgen.store.atomic import sync_folder, sync_tree
from synthgen.store.links import refuse_link

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
