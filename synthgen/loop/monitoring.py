"""What a training may have broken, measured on a student and the last good one by whatever the recipe names."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synthgen.errors import ConfigError, PluginError
from synthgen.loop.door import function
from synthgen.loop.recipe import LoopRecipe

MONITORS = {"synthgen_train": "synthgen.loop.monitoring:bundled"}


def monitors(recipe: LoopRecipe) -> Callable[..., Any] | None:
    """The function that the recipe's gate names, or None.

    Raises:
        PluginError: there is no such function.
    """
    entry = recipe.config.gate.monitors
    return None if entry is None else function(entry.use, MONITORS, recipe.base)


def examine(recipe: LoopRecipe, student: Path, good: Path, out: Path) -> dict[str, Any]:
    """`failed`, a sentence for each measure whose gate failed, and what else the monitors tell.

    Raises:
        ConfigError: the settings are not those of the monitors, or they return something else.
    """
    entry, look = recipe.config.gate.monitors, monitors(recipe)
    if entry is None or look is None:
        return {"failed": []}
    try:
        found = look(student, good, out=out, **entry.settings)
    except TypeError as error:
        raise ConfigError(f"{entry.use}: {error}", key="gate.monitors") from error
    if not isinstance(found, dict) or not all(isinstance(why, str) for why in found.values()):
        raise ConfigError(
            f"{entry.use} returned no mapping of texts",
            key="gate.monitors",
            hint="return what failed: {'measure': 'why'}; empty where every gate held",
        )
    heeded = tuple(entry.only)
    failed = {name: why for name, why in found.items() if not heeded or name.startswith(heeded)}
    return {
        "failed": [f"{name}: {why}" for name, why in failed.items()],
        "not_heeded": [f"{name}: {why}" for name, why in found.items() if name not in failed],
    }


def bundled(student: Path, good: Path, *, out: Path, **settings: Any) -> dict[str, str]:
    """What fails by the monitors of the `synthgen_train` package; all measures and replies go to `out`.

    Raises:
        PluginError: the package's requirements are not installed.
    """
    try:
        package = importlib.import_module("synthgen_train.monitors")
        report = package.monitor(student, good, out=out, **settings)
    except ImportError as error:
        raise PluginError(f"the monitors need {error.name}", hint='pip install "synthgen[train]"') from error
    return {c.name: _why(c) for c in report.comparisons if not c.passed}


def _why(found: Any) -> str:
    if found.difference is None:
        return f"{found.model:.3f}, {found.why}"
    return f"{found.model:.3f}, {found.difference:+.3f} [{found.low:+.3f}, {found.high:+.3f}], {found.why}"
