"""Datasets of the Hugging Face Hub, streamed by the package `datasets`."""

from __future__ import annotations

from collections.abc import Iterator

from synthgen.errors import SeedError
from synthgen.formats.kinds.row import Row


def hub_rows(name: str, config: str | None, split: str | None, revision: str | None) -> Iterator[Row]:
    """The rows of a dataset of the Hub (or whatever else `datasets.load_dataset` takes), streamed.

    Raises:
        SeedError: `datasets` is not installed, or cannot load it.
    """
    try:
        import datasets
    except ImportError as error:
        raise SeedError(
            "reading from the Hub needs the package datasets", hint="pip install 'synthgen[hub]'"
        ) from error
    split = split or "train"
    datasets.disable_progress_bars()
    try:
        stream = datasets.load_dataset(name, config, split=split, revision=revision, streaming=True)
        for number, values in enumerate(stream, 1):
            yield Row(number, dict(values))
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        lines = str(error).strip().splitlines()
        raise SeedError(
            f"the dataset {name} ({split}) cannot be loaded: {lines[0] if lines else type(error).__name__}",
            hint="look at the name, at split and config, and at the network (HF_HUB_OFFLINE, HF_TOKEN)",
        ) from error
