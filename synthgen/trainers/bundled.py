"""The bundled trainer and its monitors, reached by name: a loop calls them as a user's own."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synthgen.errors import PluginError

PACKAGE = "synthgen_train"
NEEDED = ("torch", "transformers", "datasets", "trl", "peft", "accelerate")
EXTRA = 'pip install "synthgen[train]"'


def section_model() -> Any:
    """The pydantic model of a `train:` section; it is there without the extra."""
    return importlib.import_module(f"{PACKAGE}.config").TrainConfig


def bundled(module: str) -> Any:
    """A module of the bundled trainer.

    Raises:
        PluginError: what it needs is not installed.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise PluginError(f"the trainer needs {', '.join(missing)}", hint=EXTRA)
    return importlib.import_module(f"{PACKAGE}.{module}")


def train(
    data: Path, out: Path, *, init: Path | None, seed: int, say: Callable[[str], None] = print, **settings: Any
) -> dict[str, Any]:
    """Trains with the `synthgen_train` package; the settings are its `train:` section without data, out and seed.

    A method with an adapter is merged, so that the student is served as one checkpoint.

    Raises:
        PluginError: the package's requirements are not installed.
    """
    trainer, config = bundled("train"), bundled("config")
    section = {"eval_share": 0, **settings, "data": str(data), "out": str(out), "seed": seed}
    if init is not None:
        section["model"] = str(init)
    parsed = config.parse(section)
    if not parsed.method.changes_base:
        parsed = config.parse({**section, "merge": True})
    report = trainer.train(parsed, say=say)
    return {
        "model": str(report.merged or report.model),
        "steps": report.steps,
        "loss": report.loss,
        "tokens": report.tokens,
    }


def monitor(student: Path, good: Path, *, out: Path, **settings: Any) -> dict[str, str]:
    """What fails by the monitors of the `synthgen_train` package; all measures and replies go to `out`.

    Raises:
        PluginError: the package's requirements are not installed.
    """
    report = bundled("monitors").monitor(student, good, out=out, **settings)
    return {c.name: _why(c) for c in report.comparisons if not c.passed}


def _why(found: Any) -> str:
    if found.difference is None:
        return f"{found.model:.3f}, {found.why}"
    return f"{found.model:.3f}, {found.difference:+.3f} [{found.low:+.3f}, {found.high:+.3f}], {found.why}"
