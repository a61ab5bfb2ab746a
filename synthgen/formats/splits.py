"""Splits: the words in the names of files and folders that tell training rows from others."""

from __future__ import annotations

import re
from pathlib import Path

SPLITS = {
    "train": ("train", "training"),
    "test": ("test", "testing", "eval", "evaluation"),
    "validation": ("validation", "valid", "val", "dev"),
}
"""Words in the names of files and folders that tell a split, as the Hub reads them too."""

_SPLIT_OF = {word: split for split, words in SPLITS.items() for word in words}


def split_of(file: Path) -> str | None:
    """The split that the file's name tells, or else its folder's."""
    for part in (file.name.partition(".")[0], *reversed(file.parent.parts)):
        words = set(re.split(r"[\W_\d]+", part.lower()))
        for split, names in SPLITS.items():
            if words & set(names):
                return split
    return None


def named(split: str) -> str:
    """The split by its usual name: `dev` is `validation`."""
    return _SPLIT_OF.get(split.lower(), split)
