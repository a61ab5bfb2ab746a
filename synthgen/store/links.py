"""Links in a folder that came from elsewhere: writing through one would change what has nothing to do with it."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from synthgen.errors import StoreError
from synthgen.store.faults import storing


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
