"""No module imports, directly or by way of others, a module that imports it: not for its types alone, nor later on."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"synthgen": ROOT / "synthgen", "synthgen_train": ROOT / "train" / "synthgen_train"}


def graph_of(packages: dict[str, Path]) -> dict[str, set[str]]:
    """The modules and what each imports of the others, wherever in its text it does."""
    files = {}
    for name, folder in packages.items():
        for file in folder.rglob("*.py"):
            parts = [name, *file.relative_to(folder).with_suffix("").parts]
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    graph = {}
    for module, file in files.items():
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        graph[module] = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            named: list[str] = []
            if isinstance(node, ast.Import):
                named = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
                source = ".".join([*above, *([node.module] if node.module else [])])
                named = [f"{source}.{a.name}" if f"{source}.{a.name}" in files else source for a in node.names]
            graph[module] |= {one for one in named if one in files and one != module}
    return graph


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules each of which reaches all others of its group."""
    reached: dict[str, set[str]] = {}
    for start in graph:
        seen: set[str] = set()
        todo = [start]
        while todo:
            new = graph[todo.pop()] - seen
            seen |= new
            todo += new
        reached[start] = seen
    groups = {tuple(sorted(n for n in seen if m in reached[n])) for m, seen in reached.items() if m in seen}
    return [list(group) for group in sorted(groups)]


def test_no_module_is_imported_by_what_it_imports() -> None:
    graph = graph_of(PACKAGES)
    assert len(graph) > 100
    assert cycles(graph) == []


@pytest.mark.parametrize(
    "back",
    [
        "from some.c import y",
        "from . import c",
        "from .c import y",
        "import some.c",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from some.c import y",
        "def late():\n    from some.c import y",
    ],
)
def test_a_cycle_is_seen(tmp_path: Path, back: str) -> None:
    texts = {"__init__": "", "a": "from some import b", "b": "from some.c import x", "c": "import some.d", "d": back}
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text + "\n")
    assert cycles(graph_of({"some": tmp_path})) == [["some.c", "some.d"]]
