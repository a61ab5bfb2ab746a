from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil

import pytest

from synthgen.plugins import BUILTINS, Finder, Kind, settings_model
from synthgen.plugins.kinds import kind_of

ENTRIES = [(kind, use, target) for kind, table in BUILTINS.items() for use, target in table.items()]


@pytest.mark.parametrize(("kind", "use", "target"), ENTRIES)
def test_every_entry_leads_to_a_part_of_its_kind(kind: Kind, use: str, target: str) -> None:
    module, _, name = target.partition(":")
    part = getattr(importlib.import_module(module), name)
    assert kind_of(part, (kind,)) == kind
    named = {word.casefold().replace("_", "") for word in (module.rpartition(".")[2], name)}
    assert use.replace("_", "") in named or use == "synthgen_train"  # a package of that name
    assert inspect.getdoc(part)
    settings_model(part, kind)


def is_part(node: ast.stmt) -> bool:
    """Whether this defines a function that gives a filter's verdict or a row, or a class with a part's method."""
    if isinstance(node, ast.FunctionDef):
        given = ast.unparse(node.args.args[0]) if len(node.args.args) == 1 else ""
        return given == "record: Record" and ast.unparse(node.returns or node).startswith(("Drop", "Row"))
    methods = {"run", "complete", "draw", "select", "files", "__call__"}
    names = {below.name for below in ast.walk(node) if isinstance(below, ast.FunctionDef | ast.AsyncFunctionDef)}
    return isinstance(node, ast.ClassDef) and bool(names & methods)


@pytest.mark.parametrize("folder", ["sources", "teachers", "stages", "filters", "selectors", "exports", "trainers"])
def test_every_part_is_in_the_tables(folder: str) -> None:
    package = importlib.import_module(f"synthgen.{folder}")
    targets = {target for table in BUILTINS.values() for target in table.values()}
    missing = []
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        spec = module.module_finder.find_spec(module.name)  # type: ignore[call-arg]
        assert spec is not None
        assert spec.origin is not None
        # read, not imported: some need torch
        with open(spec.origin, encoding="utf-8") as file:
            body = ast.parse(file.read()).body
        # functions that a class of the same module gives are no parts of their own
        given = {n.id for c in body if isinstance(c, ast.ClassDef) for n in ast.walk(c) if isinstance(n, ast.Name)}
        missing += [
            f"{module.name}:{node.name}"
            for node in body
            if is_part(node) and not node.name.startswith("_") and node.name not in given  # type: ignore[attr-defined]
            if f"{module.name}:{node.name}" not in targets  # type: ignore[attr-defined]
        ]
    assert missing == []


def test_a_name_stands_for_one_kind_in_the_list_of_stages() -> None:
    assert not BUILTINS["stage"].keys() & BUILTINS["filter"].keys()


def test_a_built_in_name_is_its_own_label() -> None:
    found = Finder.find(Finder(None), "length", ("stage", "filter"))  # type: ignore[arg-type]
    assert (found.kind, found.label, found.file) == ("filter", "length", None)
