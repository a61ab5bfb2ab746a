from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from store_parts import CONFIG, accepted, rejected, with_tools, write_run

from synthgen.errors import RunLocked, StoreError
from synthgen.records import Record
from synthgen.store.folder import RunFolder, flat


def test_a_new_folder_gets_its_config_and_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "run"
    with RunFolder.create_or_open(path, CONFIG) as folder:
        assert folder.state == "new"
        assert yaml.safe_load(folder.config_path.read_text()) == CONFIG == folder.config()
        with pytest.raises(RunLocked, match=r"process \d+ on .* works on") as caught:
            RunFolder.create_or_open(path, CONFIG)
        assert "--out" in str(caught.value)
    RunFolder.create_or_open(path, CONFIG).close()


def test_the_state_tells_how_far_the_run_has_come(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with RunFolder.create_or_open(path, CONFIG) as folder:
        folder.journal_path.touch()
        assert folder.state == "started"
    for status, state in (("interrupted", "started"), ("budget", "started"), ("short", "finished")):
        write_run(path, [accepted(1)], status=status)
        assert RunFolder.open(path).state == state


def test_the_same_config_in_another_order_is_the_same(tmp_path: Path) -> None:
    RunFolder.create_or_open(tmp_path / "run", CONFIG).close()
    before = (tmp_path / "run" / "config.yaml").read_bytes()
    with RunFolder.create_or_open(tmp_path / "run", dict(reversed(CONFIG.items()))) as folder:
        assert folder.changed == {}
    assert (tmp_path / "run" / "config.yaml").read_bytes() == before


def test_another_config_is_refused_and_the_keys_are_named(tmp_path: Path) -> None:
    path = tmp_path / "run"
    RunFolder.create_or_open(path, CONFIG).close()
    other = CONFIG | {"stages": [{"use": "length", "min_words": 5}], "target": 20}
    with pytest.raises(StoreError, match=r"stages\.0\.min_words: 4 there, 5 here") as caught:
        RunFolder.create_or_open(path, other, may_change=["target"])
    assert "target" not in str(caught.value)
    assert f"--reuse {path}" in str(caught.value)
    assert RunFolder.open(path).config() == CONFIG
    RunFolder.create_or_open(path, CONFIG).close()  # the refused one has left no lock behind


def test_keys_that_may_change_are_written(tmp_path: Path) -> None:
    path = tmp_path / "run"
    RunFolder.create_or_open(path, CONFIG).close()
    other = CONFIG | {"target": 20, "budget": {"requests": 5, "tokens": None}}
    with RunFolder.create_or_open(path, other, may_change=["target", "budget"]) as folder:
        assert folder.changed == {"target": (10, 20), "budget.requests": (None, 5), "budget.tokens": (None, None)}
    assert RunFolder.open(path).config() == other


def test_flat_keeps_empty_things() -> None:
    assert dict(flat({"a": {"b": [1, {"c": 2}], "d": []}, "e": {}})) == {"a.b.0": 1, "a.b.1.c": 2, "a.d": [], "e": {}}


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(StoreError, match=r"not a run folder \(it holds thesis\.tex\)"):
        RunFolder.create_or_open(tmp_path, CONFIG)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(StoreError, match="run is in the way"):
        RunFolder.create_or_open(tmp_path / "run", CONFIG)
    with pytest.raises(StoreError, match="below cannot be: a part of this path is a file"):
        RunFolder.create_or_open(tmp_path / "run" / "below", CONFIG)


def test_opening_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere does not exist\n.*outputs/<run>"):
        RunFolder.open(tmp_path / "nowhere")
    with pytest.raises(StoreError, match="is not a run folder"):
        RunFolder.open(tmp_path)


@pytest.mark.parametrize("content", ["- a\n", "a: [", "a: !!python/object:os.system {}"])
def test_a_damaged_config_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "run"
    RunFolder.create_or_open(path, CONFIG).close()
    (path / "config.yaml").write_text(content)
    with pytest.raises(StoreError, match=r"config\.yaml is damaged"):
        RunFolder.create_or_open(path, CONFIG)


def test_a_report_that_is_not_there_yet_or_damaged(tmp_path: Path) -> None:
    RunFolder.create_or_open(tmp_path / "run", CONFIG).close()
    folder = RunFolder.open(tmp_path / "run")
    with pytest.raises(StoreError, match=r"has no report\.json yet"):
        folder.report()
    folder.report_path.write_text('{"generated": 3')
    with pytest.raises(StoreError, match=r"report\.json is damaged"):
        folder.report()


def test_seeds_are_kept_and_come_back(tmp_path: Path) -> None:
    seeds = [Record(instruction="first\u2028\x00"), accepted(2), rejected(3), with_tools(4)]
    with RunFolder.create_or_open(tmp_path / "run", CONFIG) as folder:
        assert list(folder.seeds()) == []
        folder.save_seeds([])
        assert not folder.seeds_path.exists()
        folder.save_seeds([Record(instruction="first", task_type="\ud800")])
        assert [seed.task_type for seed in folder.seeds()] == ["\ufffd"]
        folder.save_seeds(seeds)
    assert list(RunFolder.open(tmp_path / "run").seeds()) == seeds


def test_a_project_is_no_run_folder(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("name: mine\n")
    with pytest.raises(StoreError, match="holds a config and no run") as caught:
        RunFolder.open(tmp_path)
    assert "outputs/<run>" in str(caught.value)
    write_run(tmp_path / "outputs" / "mine", [accepted(1)])
    with pytest.raises(StoreError, match="outputs/mine"):
        RunFolder.open(tmp_path)
    RunFolder.open(tmp_path / "outputs" / "mine")
