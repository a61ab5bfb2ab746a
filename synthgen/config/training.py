"""The `train:` section of a config, and the bundled trainer that it is for.

The trainer is reached by name, as a user's own would be: the package of a run needs none of what it needs.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from synthgen.config.document import Document
from synthgen.config.problems import problems
from synthgen.errors import ConfigError
from synthgen.plugins.nulls import validated

TRAINER = "synthgen_train"
NEEDED = ("torch", "transformers", "datasets", "trl", "peft", "accelerate")
EXTRA = 'pip install "synthgen[train]"'

OWN = "run"
"""What the section calls the run's own dataset, which is also the default of `train.data`."""


def trainer(module: str) -> Any:
    """A module of the bundled trainer.

    Raises:
        ConfigError: what it needs is not installed.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(f"the trainer needs {', '.join(missing)}", hint=EXTRA)
    return importlib.import_module(f"{TRAINER}.{module}")


def section_model() -> Any:
    """The pydantic model of the section's keys; it is there without the extra."""
    return importlib.import_module(f"{TRAINER}.config").TrainConfig


def checked_section(section: Mapping[str, Any], document: Document) -> tuple[dict[str, Any], list[ConfigError]]:
    """The section without nulls that say nothing, and what is wrong with its keys, each with its place."""
    try:
        given = {"data": OWN, **{key: value for key, value in section.items() if key != "data" or value is not None}}
        parsed, values = validated(section_model(), given, document.taken_back("train"))
    except ValidationError as error:
        return dict(section), problems(error, document, ("train",), section_model())
    values = {key: value for key, value in values.items() if key in section}
    if all(source.path != OWN for source in parsed.data):
        hint = f"`{OWN}` names it: data: [{OWN}, {{path: general.jsonl, earlier: true}}]"
        return values, [document.error(("train", "data"), "the run's own dataset is not among the data", hint=hint)]
    return values, []
