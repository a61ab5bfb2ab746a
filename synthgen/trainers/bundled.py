"""The bundled trainer as a loop calls it, reached by name: the loop needs none of what it needs."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synthgen.errors import PluginError


def train(
    data: Path, out: Path, *, init: Path | None, seed: int, say: Callable[[str], None] = print, **settings: Any
) -> dict[str, Any]:
    """Trains with the `synthgen_train` package; the settings are its `train:` section without data, out and seed.

    A method with an adapter is merged, so that the student is served as one checkpoint.

    Raises:
        PluginError: the package's requirements are not installed.
    """
    try:
        config = importlib.import_module("synthgen_train.config")
        trainer = importlib.import_module("synthgen_train.train")
        methods = importlib.import_module("synthgen_train.methods")
    except ImportError as error:
        raise PluginError(f"the trainer needs {error.name}", hint='pip install "synthgen[train]"') from error
    section = {"eval_share": 0, **settings, "data": str(data), "out": str(out), "seed": seed}
    if init is not None:
        section["model"] = str(init)
    parsed = config.parse(section)
    if not isinstance(parsed.method, methods.Full):
        parsed = config.parse({**section, "merge": True})
    report = trainer.train(parsed, say=say)
    return {
        "model": str(report.merged or report.model),
        "steps": report.steps,
        "loss": report.loss,
        "tokens": report.tokens,
    }
