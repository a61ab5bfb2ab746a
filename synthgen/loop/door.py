"""The trainers and task sets that a loop names by `use:`, found by name alone: the bundled trainer is one."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from synthgen.errors import PluginError
from synthgen.plugins.find import Finder
from synthgen.text import suggestion

MAKERS = {
    "drills": "synthgen.task_sets.drills:tasks",
    "families": "synthgen.task_sets.families:tasks",
    "seed_tasks": "synthgen.task_sets.seed_tasks:tasks",
}
TRAINERS = {"small": "synthgen.trainers.small:train", "synthgen_train": "synthgen.trainers.bundled:train"}
MONITORS = {"synthgen_train": "synthgen.monitors.bundled:monitor"}


def function(use: str, table: dict[str, str], base: Path) -> Callable[..., Any]:
    """The function that `use` names: a built-in of the table, `./file.py:name` or `package.module:name`.

    Raises:
        PluginError: there is none.
    """
    if use not in table and ":" not in use:
        raise PluginError(
            f"there is no {use!r}", key="use", hint=f"{suggestion(use, table)} Or name one of yours: ./file.py:name"
        )
    # to the finder any plain function is a filter
    found: Callable[..., Any] = Finder(base).find(table.get(use, use), ("filter",)).part
    return found


def source_hash(part: Any) -> str:
    """A hash of the code that a part is defined in: its module, and packages that the module names.

    So a verifier's hash covers the task families that it asks, and not all that they import.
    """
    module = inspect.getmodule(inspect.unwrap(getattr(part, "func", part)) if callable(part) else type(part))
    file = getattr(module, "__file__", None)
    if file is None:
        return ""
    files = {Path(file)}
    for value in vars(module).values():
        if isinstance(value, ModuleType) and hasattr(value, "__path__") and value.__name__.startswith("synthgen."):
            files.update(path for folder in value.__path__ for path in Path(folder).rglob("*.py"))
    content = hashlib.sha256()
    for path in sorted(files):
        content.update(path.name.encode() + path.read_bytes())
    return content.hexdigest()[:16]
