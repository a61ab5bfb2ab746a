"""`synthgen train` and `synthgen monitor`: the bundled trainer, reached by name as a user's own would be."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence

from synthgen.errors import ConfigError

TRAINER = "synthgen_train.__main__"
NEEDED = ("torch", "transformers", "trl", "peft")


def run_trainer(arguments: Sequence[str]) -> int:
    """The trainer's exit code.

    Raises:
        ConfigError: what it needs is not installed.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(f"the trainer needs {', '.join(missing)}", hint='pip install "synthgen[train]"')
    return int(importlib.import_module(TRAINER).main(list(arguments)))
