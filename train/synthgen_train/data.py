"""Training data: run folders, instruction files and datasets of the Hub, read as records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.errors import ConfigError
from synthgen.records import Record
from synthgen_train.layouts import Row, record_of

if TYPE_CHECKING:
    from synthgen_train.config import Source

SUFFIXES = (".parquet", ".jsonl", ".json")

SPLITS = {
    "train": ("train", "training"),
    "test": ("test", "testing", "eval", "evaluation"),
    "validation": ("validation", "valid", "val", "dev"),
}
"""Words in the names of files and folders that tell a split, as the Hub reads them too."""

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def read(path: Path | str) -> list[Record]:
    """All records of a run folder, a folder of files, one file, or a dataset of the Hub (its split `train`).

    Raises:
        ConfigError: see `read_source`.
    """
    return read_split(str(path))


def read_source(source: Source) -> list[Record]:
    """All records of a source.

    Raises:
        ConfigError: there is nothing to read, a row cannot be understood, or the file is damaged, with file and row; or
            the Hub cannot be reached.
    """
    return read_split(source.path, source.split, source.config, source.revision)


def read_split(path: str, split: str = "train", config: str | None = None, revision: str | None = None) -> list[Record]:
    """The records of one split; see `read_source`."""
    from synthgen_train import hub

    here = Path(path)
    if here.exists():
        folder = here / "dataset" if (here / "dataset").is_dir() else here
        if saved := hub.saved(folder, split):
            records = list(_records(hub.saved_rows(saved), str(saved)))
        else:
            records = [r for file in _files(here, folder, split) for r in _records(_rows(file), str(file))]
    elif HUB_ID.fullmatch(path) and here.suffix not in SUFFIXES:
        records = list(_records(hub.rows(path, config, split, revision), path))
    else:
        raise ConfigError("there is no such file or folder", file=here, key="train.data")
    if not records:
        raise ConfigError("the dataset is empty", file=path, key="train.data", hint="look at the run's rejects")
    return records


def _files(path: Path, folder: Path, split: str) -> list[Path]:
    """The files of a folder: all of one kind, those of the split where their names tell splits."""
    if path.is_file():
        if path.suffix not in SUFFIXES:
            raise ConfigError("not a file of training data", file=path, hint=f"known are {', '.join(SUFFIXES)}")
        return [path]
    for suffix in SUFFIXES:
        # the folders of exports, metadata and such begin with a point
        files = sorted(
            f for f in folder.rglob(f"*{suffix}") if not any(p[0] == "." for p in f.relative_to(folder).parts)
        )
        if not files:
            continue
        told = {file: _split_of(file.relative_to(folder)) for file in files}
        found = [file for file in files if told[file] == split] or [file for file in files if told[file] is None]
        if not found:
            names = ", ".join(sorted({name for name in told.values() if name}))
            raise ConfigError(f"the folder has no split {split}", file=path, key="train.data", hint=f"it has {names}")
        return found
    raise ConfigError("the folder holds no dataset", file=path, hint="a run writes dataset/ when it ends")


def _split_of(file: Path) -> str | None:
    """The split that the file's name tells, or else its folder's."""
    for part in (file.stem, *reversed(file.parent.parts)):
        words = set(re.split(r"[\W_\d]+", part.lower()))
        for split, names in SPLITS.items():
            if words & set(names):
                return split
    return None


def _records(rows: Iterable[Row], file: str) -> Iterator[Record]:
    for number, row in enumerate(rows, 1):
        try:
            yield record_of(row, f"{file}:{number}")
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise ConfigError(f"row cannot be used: {error}", file=file, line=number, key="train.data") from error


def _rows(file: Path) -> Iterator[Row]:
    if file.suffix == ".parquet":
        yield from _parquet(file)
        return
    try:
        text = file.read_text(encoding="utf-8-sig")
        if file.suffix == ".json":
            rows = json.loads(text)
            if not isinstance(rows, list):
                raise ConfigError("a JSON file of training data is a list of rows", file=file)
            yield from rows
            return
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read: {error}", file=file) from error
    # Not splitlines(): it also breaks at characters such as U+2028, which JSON leaves inside its texts.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise ConfigError(f"not JSON: {error}", file=file, line=number) from error


def _parquet(file: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            for batch in table.iter_batches():
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise ConfigError(f"cannot be read: {error}", file=file) from error
