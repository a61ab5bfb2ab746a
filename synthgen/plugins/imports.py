"""The files that a plug-in's code is in: its own, and those that it imports; and a hash of them."""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BUILT_IN = "built in"


def imported_files(file: Path, folder: Path) -> set[Path]:
    """The Python files below `folder` that the file imports, directly or through others; without the file itself.

    They are read and not run, so an import inside a function counts, too; one whose name is computed does not.
    """
    found: set[Path] = set()
    waiting = [file.resolve()]
    while waiting:
        for path in _imports(waiting.pop(), folder.resolve()):
            if path not in found:
                found.add(path)
                waiting.append(path)
    return found - {file.resolve()}


def source_hash(part: Any) -> str:
    """16 hex digits over the module that a user's part is defined in; `BUILT_IN` for one of this package.

    What a built-in part does is named by its settings: its code may move from version to version.
    """
    module = inspect.getmodule(inspect.unwrap(getattr(part, "func", part)) if callable(part) else type(part))
    if getattr(module, "__name__", "").partition(".")[0] in ("synthgen", "synthgen_train"):
        return BUILT_IN
    file = getattr(module, "__file__", None)
    return "" if file is None else hashlib.sha256(Path(file).name.encode() + Path(file).read_bytes()).hexdigest()[:16]


def _imports(file: Path, folder: Path) -> Iterator[Path]:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return  # whoever imports it says what is wrong with it
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield from _files(folder, name.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            start = folder if not node.level else file.parents[node.level - 1]
            steps = node.module.split(".") if node.module else []
            for name in node.names:
                yield from _files(start, [*steps, name.name])
            if any(name.name == "*" for name in node.names):
                yield from sorted(start.joinpath(*steps).glob("*.py"))


def _files(folder: Path, steps: list[str]) -> Iterator[Path]:
    """The files that importing this dotted name reads: of every package on the way, and of the module."""
    place = folder
    for step in steps:
        if (module := place / f"{step}.py").is_file():
            yield module.resolve()
        place = place / step
        if (package := place / "__init__.py").is_file():
            yield package.resolve()
