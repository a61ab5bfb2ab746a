"""docs/run_folder.md says what is so: its code runs, its tables name every column, format and reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from store_parts import accepted, rejected, write_run

from synthgen.api.run import exports_of
from synthgen.plugins import BUILTINS
from synthgen.store.table import schema

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "run_folder.md").read_text(encoding="utf-8")


def first_cells(after: str) -> list[str]:
    """The first column of the table that follows this text."""
    table = PAGE.split(after, 1)[1].lstrip("\n").split("\n\n")[0]
    return re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)


def test_its_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("datasets")
    write_run(tmp_path / "outputs" / "demo", [accepted(1), accepted(2)], [rejected(1)])
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5
    exec("\n".join(blocks), {})
    assert "Write the number 1 in words. too_short" in capsys.readouterr().out


def test_its_tables_are_complete() -> None:
    columns = first_cells("answer with the data of another run.") + first_cells("has the same columns and these:")
    assert columns == schema(rejected=True).names
    assert first_cells("in the config.") == list(BUILTINS["export"])
    for export in exports_of(list(BUILTINS["export"]), ROOT):
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{export.name}` |"))
        assert re.findall(r"`([^`]+)`", row.split("|")[2]) == list(export.files)


def test_a_turn_of_the_history_has_the_parts_that_the_page_names() -> None:
    (turn,) = re.findall(r"^\| `history` \| list of ([a-z_, ]+) \|", PAGE, re.MULTILINE)
    assert turn.split(", ") == [field.name for field in schema(rejected=False).field("history").type.value_type]


def test_every_reason_to_leave_a_record_out_is_named() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "synthgen" / "exports").glob("*.py"))
    reasons = set(re.findall(r'(?:return|else) "([a-z]+(?:_[a-z]+)+)"', source))
    assert len(reasons) == 8
    assert all(f"`{reason}`" in PAGE for reason in reasons)


def test_both_pages_name_every_file_of_a_run(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [accepted(1)], exports=["alpaca"])
    (run / ".lock").unlink()
    short = (ROOT / "outputs" / "README.md").read_text(encoding="utf-8")
    for name in [p.name for p in run.iterdir()] + ["journal.sqlite", "seeds.jsonl"]:
        assert f"`{name}" in PAGE
        assert name in short
