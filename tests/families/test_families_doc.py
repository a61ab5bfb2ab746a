"""The tables of docs/families.md: every family is there, with an example that holds."""

from __future__ import annotations

import re
from pathlib import Path

from synthgen import families
from synthgen.families import FAMILIES

PAGE = (Path(__file__).parents[2] / "docs" / "families.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.+?) \| (.*?) ?\| (.+?) \|$", re.MULTILINE)


def shown(cell: str) -> str:
    """The text in a cell's code span."""
    return (
        cell.strip().strip("`").strip().replace("\\n", "\n")
        if "``" in cell
        else cell.strip().strip("`").replace("\\n", "\n")
    )


def test_the_tables_are_true() -> None:
    rows = ROW.findall(PAGE)
    assert [name for name, *_ in rows] == list(FAMILIES)
    for name, task_type, example, given, answer in rows:
        assert task_type == FAMILIES[name].task_type
        solution = families.solve(shown(example), shown(given))
        assert solution is not None, example
        assert (solution.family, solution.output) == (name, shown(answer))


def test_the_counts_are_true() -> None:
    kinds = sum(len(family.phrasings) for family in FAMILIES.values())
    phrasings = sum(len(family.all_phrasings) for family in FAMILIES.values())
    assert f"stand on {len(FAMILIES)} families" in PAGE
    assert f"({kinds} in all)" in PAGE
    assert f"({phrasings} in all" in PAGE
