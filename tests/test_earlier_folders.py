"""Run folders that the first version made: they go on, and nothing is asked for again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from synthgen.api import run_recipe
from synthgen.api.event_loop import run_async
from synthgen.config import load
from synthgen.errors import ConfigError
from synthgen.store import RunFolder, RunReport, verify

EARLIER = Path(__file__).parent / "store/folders/earlier"


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of all requests that were sent, beside a copy of the project."""
    shutil.copytree(EARLIER, tmp_path / "earlier")
    monkeypatch.chdir(tmp_path / "earlier")
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    return tmp_path / "asked"


def run(out: str, *settings: str) -> RunReport:
    return run_async(run_recipe(load("config.yaml", settings), out=out))


def files(run: str) -> dict[str, bytes]:
    return {str(p.relative_to(run)): p.read_bytes() for p in sorted(Path(run).rglob("*")) if p.is_file()}


def test_a_finished_one_has_nothing_left_to_do(asked: Path) -> None:
    before = files("finished")
    assert run("finished").accepted == 4
    after = files("finished")
    after.pop(".lock")
    assert after == before
    assert not asked.exists()


def test_a_finished_one_takes_a_higher_target_without_a_request(asked: Path) -> None:
    assert run("finished", "target=5").accepted == 5  # the journal has all six rows
    assert not asked.exists()
    assert verify("finished").ok
    assert run("finished", "target=5").accepted == 5


def test_one_whose_raised_target_was_never_reached_goes_on(asked: Path) -> None:
    kept = Path("finished/config.yaml")
    kept.write_text(kept.read_text().replace("target: 4", "target: 6"))  # as that version left it when it was killed
    assert run("finished", "target=6").accepted == 6
    assert not asked.exists()


def test_a_killed_one_buys_only_what_it_has_not(asked: Path) -> None:
    assert run("killed").accepted == 4
    assert len(set(asked.read_text().split())) == len(asked.read_text().split()) == 4
    assert RunFolder.open("killed").run_report().requests.bought == 6


@pytest.mark.parametrize(
    ("name", "text", "key"),
    [("limits.py", "MOST_CHARACTERS = 1\n", "limits.py"), ("opening.j2", "Answer at length.\n", "opening.j2")],
)
def test_what_is_imported_or_included_counts_from_now_on(asked: Path, name: str, text: str, key: str) -> None:
    run("new")
    sent = asked.read_text()
    before = files("new")
    Path(name).write_text(text)
    for target in (4, 5):
        with pytest.raises(ConfigError, match=rf"another config \(files\..*{key}"):
            run("new", f"target={target}")
    assert files("new") == before
    assert asked.read_text() == sent
