"""Exports and the dataset itself, each read back by `datasets`, which is what the trainers read them with."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from store_parts import CONFIG, accepted, rejected, with_answers, with_tools, write_run

from synthgen.api.run import export
from synthgen.errors import ConfigError, RunLocked, StoreError
from synthgen.plugins import BUILTINS
from synthgen.store import RunFolder, verify
from synthgen.store.record_files import dataset_records

ODD = 'line\u2028sep \u2029 \x85 nul\x00 emoji 😀 quote" back\\slash \ud800'
RECORDS = [
    *(accepted(i) for i in range(4)),
    accepted(4, instruction=ODD, output=ODD),
    with_tools(5),
    with_answers(6, 0.1, 0.9),
    accepted(7, output=None),
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", RECORDS, [rejected(1)])


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`datasets.load_dataset` with a cache of its own and no network."""

    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return lambda *args, **kwargs: datasets.load_dataset(*args, cache_dir=str(tmp_path / "cache"), **kwargs)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_load_dataset_opens_the_dataset_folder(run: Path, load: Any) -> None:
    data = load(str(run / "dataset"), split="train")
    assert data["id"][:] == [record.id for record in RECORDS]
    assert data[4]["instruction"] == RECORDS[4].instruction
    assert data[5]["history"][2]["content"] == "4 degrees"
    assert load("parquet", data_files=str(run / "rejected.parquet"), split="train")["reason"][:] == ["too_short"]


def test_load_dataset_keeps_two_runs_and_two_states_of_one_apart(tmp_path: Path, load: Any) -> None:
    first = write_run(tmp_path / "first", [accepted(1)])
    second = write_run(tmp_path / "second", [accepted(2), accepted(3)])
    assert len(load(str(first / "dataset"), split="train")) == 1
    assert len(load(str(second / "dataset"), split="train")) == 2
    write_run(first, [accepted(i) for i in range(5)])
    assert len(load(str(first / "dataset"), split="train")) == 5


def test_load_dataset_streams_several_files(tmp_path: Path, load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthgen.store.record_files.GROUP_ROWS", 10)
    run = write_run(tmp_path / "run", [accepted(i) for i in range(50)], shard_characters=1000)
    assert len(list((run / "dataset" / "data").iterdir())) == 3
    streamed = load(str(run / "dataset"), split="train", streaming=True)
    assert [row["attempt"] for row in streamed] == list(range(50))


def test_every_format_is_written_and_says_what_it_left_out(run: Path) -> None:
    done = {e.format: e for e in export(run, list(BUILTINS["export"]))}
    assert {name: e.left_out for name, e in done.items()} == {
        "alpaca": {"has_history": 1, "no_output": 1},
        "messages": {"no_output": 1},
        "prompt_completion": {"no_output": 1},
        "sharegpt": {"no_output": 1},
        "llamafactory": {"no_output": 1},
        "axolotl": {"no_output": 1},
        "dpo": {"fewer_than_two_scored_answers": 7},
    }
    for exported in done.values():
        assert all(path.is_file() for path in exported.paths)
        for file, count in exported.written.items():
            assert count == len(RECORDS) - sum(exported.left_out.values())
            path = run / "exports" / exported.format / file
            found = json.loads(path.read_text()) if file.endswith(".json") else lines(path)
            assert len(found) == count
    assert verify(run).ok
    assert {p.name for p in run.iterdir() if p.name.startswith(".")} == {".lock"}


@pytest.mark.parametrize("form", BUILTINS["export"])
def test_datasets_reads_every_export(run: Path, load: Any, form: str) -> None:
    (done,) = export(run, [form])
    for file, count in done.written.items():
        assert len(load("json", data_files=str(run / "exports" / form / file), split="train")) == count


def test_texts_come_back_from_an_export_as_they_were(run: Path, load: Any) -> None:
    export(run, ["alpaca", "prompt_completion"])
    odd = ODD.replace("\ud800", "\ufffd")
    alpaca = load("json", data_files=str(run / "exports" / "alpaca" / "train.json"), split="train")
    assert alpaca[4] == {"instruction": odd, "input": RECORDS[4].input, "output": odd}
    rows = load("json", data_files=str(run / "exports" / "prompt_completion" / "train.jsonl"), split="train")
    assert odd in [row["completion"][0]["content"] for row in rows]


@pytest.mark.parametrize("form", ["messages", "prompt_completion", "axolotl", "llamafactory", "sharegpt"])
def test_tools_that_come_late_in_a_long_file_do_not_break_its_columns(tmp_path: Path, load: Any, form: str) -> None:
    # the reader takes the columns from the first ten megabytes
    records = [accepted(i, output="x" * 60_000) for i in range(200)]
    run = write_run(tmp_path / "run", [*records, with_tools(1)], together=True)
    export(run, [form])
    data = load("json", data_files=str(run / "exports" / form / "train.jsonl"), split="train")
    assert len(data) == 201
    assert data[0]["tools"]


def test_llamafactory_config_names_file_columns_and_tags(run: Path) -> None:
    export(run, ["llamafactory", "dpo"])
    for form, ranking in (("llamafactory", None), ("dpo", True)):
        folder = run / "exports" / form
        (entry,) = json.loads((folder / "dataset_info.json").read_text()).values()
        assert entry["formatting"] == "sharegpt"
        assert entry.get("ranking") is ranking
        tags = entry["tags"]
        roles = {tags[key] for key in ("user_tag", "assistant_tag", "observation_tag", "function_tag", "system_tag")}
        for row in lines(folder / entry["file_name"]):
            assert row.keys() == set(entry["columns"].values())
            assert {turn[tags["role_tag"]] for turn in row[entry["columns"]["messages"]]} <= roles


def test_axolotl_config_is_yaml_that_names_the_file(run: Path) -> None:
    export(run, ["axolotl"])
    (entry,) = yaml.safe_load((run / "exports" / "axolotl" / "datasets.yml").read_text())["datasets"]
    assert (run / "exports" / "axolotl" / entry["path"]).is_file()
    assert entry["type"] == "chat_template"
    assert entry["field_messages"] in lines(run / "exports" / "axolotl" / "train.jsonl")[0]


def test_an_unknown_format_is_refused_before_anything_is_written(run: Path) -> None:
    with pytest.raises(ConfigError, match="there is no export 'parket'") as caught:
        export(run, ["alpaca", "parket"])
    assert "these exist: alpaca, axolotl, dpo" in str(caught.value)
    with pytest.raises(ConfigError, match="did you mean 'messages'"):
        export(run, ["mesages"])
    assert not (run / "exports").exists()


def test_exporting_needs_a_dataset_that_nobody_works_on(tmp_path: Path) -> None:
    with RunFolder.create_or_open(tmp_path / "run", CONFIG), pytest.raises(RunLocked):
        export(tmp_path / "run", ["alpaca"])
    with pytest.raises(StoreError, match="has no dataset yet"):
        export(tmp_path / "run", ["alpaca"])


def test_dataset_records_are_the_accepted_in_order(run: Path) -> None:
    assert [record.id for record in dataset_records(run / "dataset")] == [record.id for record in RECORDS]
