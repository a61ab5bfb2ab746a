"""docs/filters.md against the code: every filter with its settings and reasons, and its YAML as the config takes it."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import synthgen.filters
import synthgen.selectors

DOC = (Path(__file__).parents[2] / "docs" / "filters.md").read_text(encoding="utf-8")
OWN_PAGES = {"near_duplicate", "verify"}


def parts(package: Any) -> dict[str, Any]:
    """The filters or selectors by name: a function of its module's name, or a class with that name in capitals."""
    found = {}
    for path in sorted(Path(package.__path__[0]).glob("[a-z]*.py")):
        module = importlib.import_module(f"{package.__name__}.{path.stem}")
        for name in (path.stem, path.stem.title().replace("_", "")):
            if callable(part := getattr(module, name, None)):
                found[path.stem] = part
    return found


PARTS = {**parts(synthgen.filters), **parts(synthgen.selectors)}


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
    source = inspect.getsource(inspect.getmodule(PARTS[name]))  # type: ignore[arg-type]
    reasons = set(re.findall(r"(?:Drop|dropped)\(\s*\"(\w+)\"", source))
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
