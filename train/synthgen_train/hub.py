"""Datasets that the package `datasets` reads: those of the Hub, and folders that it has saved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from synthgen.errors import ConfigError


def rows(name: str, config: str | None = None, split: str = "train", revision: str | None = None) -> Iterator[Any]:
    """The rows of a dataset, by whatever name `datasets.load_dataset` takes.

    Raises:
        ConfigError: there is none of that name, no network, or no such split.
    """
    import datasets

    datasets.disable_progress_bars()
    try:
        yield from datasets.load_dataset(name, config, split=split, revision=revision)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError(
            f"there is no file or folder {name} here, and the dataset of that name cannot be loaded: {reason}",
            key="train.data",
            hint="look at the name, at split and config, and at the network (HF_HUB_OFFLINE, HF_TOKEN)",
        ) from error


def saved(folder: Path, split: str) -> Path | None:
    """The folder that `save_to_disk` wrote this split into, or None where `folder` is not its work."""
    if (folder / "dataset_dict.json").is_file():
        folder = folder / split
        if not folder.is_dir():
            raise ConfigError(f"the saved dataset has no split {split}", file=folder.parent, key="train.data")
    return folder if (folder / "state.json").is_file() else None


def saved_rows(folder: Path) -> Iterator[Any]:
    """The rows of a folder that `save_to_disk` wrote.

    Raises:
        ConfigError: it is damaged.
    """
    import datasets

    try:
        yield from datasets.load_from_disk(str(folder))
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise ConfigError(f"the saved dataset cannot be read: {error}", file=folder) from error
