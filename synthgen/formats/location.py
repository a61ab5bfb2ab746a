"""Where the files of a source lie, and how a record names its place in them."""

from __future__ import annotations

from pathlib import Path


def located(path: str, base: Path) -> Path:
    """The path that a config in the folder `base` means; `~` is the home folder."""
    return base / Path(path).expanduser()


def label_of(path: Path, base: Path) -> str:
    """A name for the file that is the same on every machine: relative to the config's folder, or `folder/file`."""
    try:
        return path.resolve().relative_to(base.resolve()).as_posix()
    except ValueError:
        return f"{path.resolve().parent.name}/{path.name}"
