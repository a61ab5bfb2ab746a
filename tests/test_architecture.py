"""The pages that tell where things are tell the truth, and what stands beside the package names what is in it."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGES = sorted(
    path.stem
    for path in (ROOT / "synthgen").iterdir()
    if not path.name.startswith(("_", ".")) and path.suffix in ("", ".py")
)


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}.*?\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    assert found is not None, title
    return found[1]


def files(text: str) -> list[str]:
    """The distinct files of ours that a text names, in order."""
    return list(dict.fromkeys(re.findall(r"`((?:synthgen|train)/[\w/]+\.py)`", text)))


def test_every_file_and_folder_that_is_named_exists() -> None:
    named = re.findall(r"`((?:synthgen|train|prompts|recipes|seeds|tests)/[\w/.]*)`", PAGE)
    assert len(set(named)) > 40
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize(
    ("way", "most"), [("The way of a record", 9), ("The way of a round", 5), ("The way of a training", 4)]
)
def test_a_newcomer_opens_few_files(way: str, most: int) -> None:
    steps = "".join(re.findall(r"^(?:Nine|Five|Four) files.*?$|^\d\. .*?(?=^\d\. |^$|\Z)", section(way), re.M | re.S))
    assert len(files(steps)) == most
    assert re.search({9: "Nine", 5: "Five", 4: "Four"}[most], steps)


def test_the_floors_are_those_that_are_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(c["layers"] for c in contracts["contracts"] if c["type"] == "layers")
    told = re.search(r"```text\n(.*?)```", section("The floors"), re.S)
    assert told is not None
    assert told[1].split("\n")[:-1] == [layer.replace("synthgen.", "") for layer in layers]


def test_every_package_is_told_of() -> None:
    table = "\n".join(line.split("|")[1] for line in section("The packages").splitlines() if line.startswith("|"))
    assert sorted(set(re.findall(r"`(\w+)`", table)) - {"synthgen_train"}) == PACKAGES


def test_the_readme_has_every_package_and_folder() -> None:
    tree = re.search(
        r"## Where things are\n\n```text\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S
    )
    assert tree is not None
    inside = "\n".join(line for line in tree[1].splitlines() if line.startswith("  "))
    listed = re.findall(r"(?<![\w/])(\w+)(?:/|\.py)(?= |$)", inside, re.M)
    assert [name for name in PACKAGES if name not in listed] == []
    top = re.findall(r"^([\w/]+)/ ", tree[1], re.M)
    assert [name for name in top if not (ROOT / name).is_dir()] == []
    assert len(top) > 6


@pytest.mark.parametrize("script", sorted((ROOT / "benchmarks").rglob("*.py")), ids=lambda path: path.stem)
def test_what_a_benchmark_takes_of_the_package_is_there(script: Path) -> None:
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "synthgen":
            module = importlib.import_module(node.module)
            lacking = [name.name for name in node.names if not hasattr(module, name.name)]
            assert all(importlib.util.find_spec(f"{node.module}.{name}") for name in lacking), (node.module, lacking)
