"""docs/filters.md against the code: every filter with its settings and reasons, and its YAML as the config takes it."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from synthgen.plugins import BUILTINS

DOC = (Path(__file__).parents[2] / "docs" / "filters.md").read_text(encoding="utf-8")
OWN_PAGES = {"near_duplicate", "verify"}


def part(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


PARTS = {
    use: part(target)
    for kind in ("stage", "filter", "selector")
    for use, target in BUILTINS[kind].items()  # type: ignore[index]
    if target.startswith(("synthgen.filters.", "synthgen.selectors."))
}


def code(part: Any) -> str:
    """The part's source, and that of all in its module that it uses, directly or through others."""
    source = inspect.getsource(inspect.getmodule(part))  # type: ignore[arg-type]
    defined = {name: node for node in ast.parse(source).body for name in names(node)}
    used, waiting = {part.__name__}, [part.__name__]
    while waiting:
        inside = {below.id for below in ast.walk(defined[waiting.pop()]) if isinstance(below, ast.Name)}
        waiting += (new := inside & defined.keys() - used)
        used |= new
    return "\n".join(ast.unparse(defined[name]) for name in sorted(used))


def names(node: ast.stmt) -> list[str]:
    """What a statement of a module defines."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [target.id for target in targets if isinstance(target, ast.Name)]
    return [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []


def settings(part: Any) -> set[str]:
    if inspect.isclass(part):
        return set(part.model_fields)
    return {p.name for p in inspect.signature(part).parameters.values() if p.kind is p.KEYWORD_ONLY}


@pytest.mark.parametrize("name", sorted(PARTS.keys() - OWN_PAGES))
def test_every_part_is_in_its_table_with_its_settings_and_reasons(name: str) -> None:
    row = next((line for line in DOC.splitlines() if line.startswith(f"| `{name}` |")), None)
    assert row, f"docs/filters.md has no row for {name}"
    in_code = set(re.findall(r"`(\w+)`", row))
    assert settings(PARTS[name]) <= in_code
    reasons = set(re.findall(r"(?:Drop|dropped)\(\s*'(\w+)'", code(PARTS[name])))
    assert reasons <= in_code


def test_there_are_rows_for_nothing_else() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|.*\|.*\|$", DOC.split("## On real instructions")[0], re.MULTILINE))
    assert named == PARTS.keys() - OWN_PAGES


def test_yaml_blocks_name_parts_and_settings_that_exist() -> None:
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)]
    stages = [stage for block in blocks for stage in block["stages"]]
    assert len(stages) > 8
    for stage in stages:
        assert set(stage) - {"use"} <= settings(PARTS[stage["use"]])


def test_the_example_of_an_own_filter_works() -> None:
    from synthgen.records import Record

    block = re.search(r"```python\n(.*?)```", DOC, re.DOTALL)
    assert block
    names: dict[str, Any] = {}
    exec(block.group(1), names)
    record = Record(instruction="See http://a.org and http://b.org")
    assert names["max_links"](record, limit=1) == "too_many_links"
    assert names["max_links"](record, limit=2) is None
