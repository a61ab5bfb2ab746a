"""Training data: run folders, instruction files and datasets of the Hub, read as records."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.errors import ConfigError
from synthgen.formats import Account, Collection, Unusable
from synthgen.formats.opening import kind_by_name
from synthgen.records import Record

if TYPE_CHECKING:
    from synthgen_train.config import Source

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")

SHOWN = 5
"""Rows left out that are told one by one."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The records of a source, and what was left out or aside: rows with the reason, columns by name, and files."""

    records: list[Record]
    unusable: list[Unusable]
    columns_aside: Counter[str]
    files: list[str]
    files_aside: list[str]

    def notes(self) -> list[str]:
        """What is to be told, a sentence each; empty where all was read."""
        told = [f"left out: {one.place}: {one.problem}" for one in self.unusable[:SHOWN]]
        if len(self.unusable) > SHOWN:
            reasons = Counter(one.reason for one in self.unusable)
            counts = ", ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items()))
            told.append(f"left out in all: {len(self.unusable):,} rows ({counts})")
        if self.columns_aside:
            columns = ", ".join(f"{name} ({count:,} rows)" for name, count in sorted(self.columns_aside.items()))
            told.append(f"columns left aside: {columns}")
        if self.files_aside:
            told.append(f"files left aside: {', '.join(self.files_aside)}")
        return told


def read(path: Path | str) -> list[Record]:
    """All records of a run folder, a folder of files, one file, or a dataset of the Hub (its split `train`).

    Raises:
        ConfigError: see `load`.
    """
    return _told(load(str(path)))


def read_source(source: Source) -> list[Record]:
    """All records of a source; what is left out or aside is told on stderr.

    Raises:
        ConfigError: see `load`.
    """
    return _told(load_source(source))


def load_source(source: Source) -> Loaded:
    """All records of a source, with account of the rest; see `load`."""
    return load(source.path, source.split, source.config, source.revision, source.columns)


def read_split(path: str, split: str = "train", config: str | None = None, revision: str | None = None) -> list[Record]:
    """The records of one split; see `load`."""
    return _told(load(path, split, config, revision))


def load(
    path: str,
    split: str = "train",
    config: str | None = None,
    revision: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> Loaded:
    """The records of one split, read as `source: dataset` reads them, but with the ids that they have.

    Raises:
        ConfigError: there is nothing to read, no row can be used, text of the rows would be lost, a file is damaged, or
            the Hub cannot be reached.
    """
    here = Path(path)
    wanted = None if split == "train" else split
    if not here.exists() and HUB_ID.fullmatch(path) and kind_by_name(here) is None:
        found = _of_hub(path, split, config, revision, columns)
    else:
        try:
            found = Collection(here, split=wanted, columns=columns, keep_ids=True)
        except ConfigError as error:
            error.key = error.key if error.key == "columns" else "train.data"
            raise
    account, unusable = Account(), list[Unusable]()
    records = list(found.records(account, unusable))
    if not records:
        raise ConfigError("the dataset is empty", file=path, key="train.data", hint="look at the run's rejects")
    files, aside = found.labels()
    return Loaded(records, unusable, account.columns, files, aside)


def _of_hub(
    name: str, split: str, config: str | None, revision: str | None, columns: Mapping[str, str] | None
) -> Collection:
    try:
        return Collection(hub=name, split=split, config=config, revision=revision, columns=columns, keep_ids=True)
    except ConfigError as error:
        raise ConfigError(
            f"there is no file or folder {name} here, and as a dataset of the Hub: {error.message}",
            key="train.data",
            hint=error.hint,
        ) from error


def _told(loaded: Loaded) -> list[Record]:
    for note in loaded.notes():
        print(note, file=sys.stderr, flush=True)
    return loaded.records
