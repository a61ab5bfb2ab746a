"""Exports of the user's own: what they write, what they are refused for, and what becomes of them later."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from store_parts import accepted, write_run

from synthgen.api.run import export
from synthgen.config import load
from synthgen.errors import ConfigError, PluginError, StageError
from synthgen.store import verify

OWN = '''
from synthgen import Record

def pairs(record: Record, *, arrow: str = "->"):
    """Question and answer in one text."""
    if record.output is None:
        return "no_output"
    return {"pair": f"{record.instruction} {arrow} {record.output}"} if record.input else None

class Named:
    """Lines, and what tells of them."""

    def __init__(self, title: str = "mine"):
        self.title = title

    def files(self):
        return {"rows.json": lambda record: {"id": record.id}, "about.txt": self.title}

class Outside:
    def files(self):
        return {"../rows.json": lambda record: {}}

class Nothing:
    def files(self):
        return {}

class WithArgument:
    def files(self, record):
        return {}

def raises(record):
    raise ZeroDivisionError("no")

def a_set(record):
    return {"letters": {"a"}}

def a_number(record):
    return 3

def half_a_pair(record):
    return {"text": "\\ud800"}

async def waits(record):
    return {}

def two(record, other, *, limit): ...

def none(): ...
'''
RECORDS = [accepted(0), accepted(1), accepted(3, output=None)]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "own.py").write_text(OWN)
    return write_run(tmp_path / "run", RECORDS)


def test_a_function_beside_the_config_is_an_export(run: Path, tmp_path: Path) -> None:
    (done,) = export(run, ["./own.py:pairs"], base=tmp_path)
    assert (done.format, done.written, done.left_out) == ("pairs", {"train.jsonl": 1}, {"left_out": 1, "no_output": 1})
    (line,) = (run / "exports/pairs/train.jsonl").read_text().splitlines()
    assert json.loads(line) == {"pair": "Write the number 3 in words. -> It is number 3."} or "number 0" in line
    assert verify(run).ok


def test_a_class_says_which_files_it_writes(run: Path, tmp_path: Path) -> None:
    (done,) = export(run, ["./own.py:Named"], base=tmp_path, out=tmp_path / "out")
    assert [path.name for path in done.paths] == ["rows.json", "about.txt"]
    rows = json.loads((tmp_path / "out/Named/rows.json").read_text())
    assert [row["id"] for row in rows] == [record.id for record in RECORDS]
    assert (tmp_path / "out/Named/about.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("raises", r"export raises \(\./own\.py:raises\) raised ZeroDivisionError: no on record .*number 0"),
        ("a_set", r"export a_set .* returned no row of JSON for record .*set is not JSON serializable"),
        ("a_number", r"export a_number .* returned no row .*3 is not a dict"),
        ("half_a_pair", r"export half_a_pair .* returned no row .*surrogates not allowed"),
    ],
)
def test_what_an_export_does_wrong_is_named_with_the_record(run: Path, tmp_path: Path, name: str, message: str) -> None:
    before = sorted(run.rglob("*"))
    with pytest.raises(StageError, match=message):
        export(run, ["alpaca", f"./own.py:{name}"], base=tmp_path, out=tmp_path / "out")
    assert sorted(run.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Outside", r"is an export whose files\(\) returned .*rows\.json"),
        ("Nothing", r"is an export whose files\(\) returned \{\}"),
        ("WithArgument", r"is an export whose `files\(self, record\)` does not take what it is called with"),
        ("waits", "is an async export"),
        ("two", "the export './own.py:two' needs settings: other, limit"),
        ("none", r"is an export whose `none\(\)` does not take what it is called with"),
        ("pears", "defines no 'pears'\n  → did you mean 'pairs'"),
    ],
)
def test_what_is_no_export_is_said_before_anything_is_written(
    run: Path, tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        export(run, ["alpaca", f"./own.py:{name}"], base=tmp_path)
    assert not (run / "exports").exists()


def test_two_exports_of_one_name_do_not_write_into_each_other(run: Path, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(OWN)
    with pytest.raises(ConfigError, match="have one name"):
        export(run, ["./own.py:pairs", "./other.py:pairs"], base=tmp_path)


def test_built_in_exports_are_renewed_and_others_are_told_to_go(
    run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("synthgen"), "propagate", True)
    export(run, ["alpaca", "./own.py:pairs"], base=tmp_path)
    write_run(run, [accepted(i) for i in range(5)])
    assert [path.name for path in (run / "exports").iterdir()] == ["alpaca"]
    assert len(json.loads((run / "exports/alpaca/train.json").read_text())) == 5
    assert "exports/pairs; `synthgen export` makes them again" in caplog.text
    assert verify(run).ok


CONFIG = """\
name: mine
source: {use: seeds}
export:
- alpaca
- {use: ./own.py:pairs, arrow: "=>"}
- {use: ./own.py:pairs, name: plain}
"""


def test_a_configs_exports_may_have_settings_and_names(run: Path, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CONFIG)
    recipe = load(tmp_path / "c.yaml")
    assert [e.name for e in recipe.exports] == ["alpaca", "pairs", "plain"]
    (line,) = (e.files["train.jsonl"] for e in recipe.exports[1:2])
    assert callable(line)
    assert line(RECORDS[0]) == {"pair": "Write the number 0 in words. => It is number 0."}
    assert recipe.resolved["export"] == [
        "alpaca",
        {"use": "./own.py:pairs", "arrow": "=>"},
        {"use": "./own.py:pairs", "name": "plain", "arrow": "->"},
    ]
    assert recipe.files == ()  # an export shapes no record: a run goes on when its file has changed


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("[alpacca]", r"c\.yaml:3: export\.0: there is no export 'alpacca'\n  → did you mean 'alpaca'"),
        ("[{use: ./own.py:pairs, arow: x}]", r"c\.yaml:3: export\.0\.arow: there is no such key"),
        ("[dpo, {use: alpaca, name: dpo}]", r"c\.yaml:3: export\.1: the name 'dpo' is taken, by dpo"),
        ("[length]", r"there is no export 'length'\n  → 'length' is a filter, but an export belongs here"),
        ("[{use: alpaca, name: ../x}]", r"export\.0\.name"),
    ],
)
def test_a_wrong_export_is_found_with_the_config(run: Path, tmp_path: Path, entry: str, message: str) -> None:
    (tmp_path / "c.yaml").write_text(f"name: mine\nsource: {{use: seeds}}\nexport: {entry}\n")
    with pytest.raises((ConfigError, PluginError), match=message):
        load(tmp_path / "c.yaml")
