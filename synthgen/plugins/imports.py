"""The files that a plug-in's file is made of: itself, and the modules beside it that it imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


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
