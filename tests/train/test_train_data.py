from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

from synthgen_train.data import load, read, read_split

from synthgen.errors import ConfigError
from synthgen.formats import Collection
from synthgen.records import Answer, Message, Record
from synthgen.store.table import schema, to_row

pytestmark = pytest.mark.filterwarnings("default")

FULL = Record(
    instruction="Add.",
    input="2 2",
    output="4",
    system="Be brief.",
    history=(Message(role="user", content="Hi"), Message(role="assistant", content="Hello")),
    tools=({"type": "function", "function": {"name": "add"}},),
    reasoning="two and two",
    language="en",
    task_type="maths",
    answers=(Answer(text="4", score=1.0), Answer(text="5", score=0.0, model="m")),
    scores={"quality": 0.5},
)


ANSWER = {"role": "assistant", "content": "Ho"}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_run_folder_gives_back_what_the_store_wrote(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path / "run" / "dataset" / "data"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([to_row(FULL, rejected=False)], schema(rejected=False)), folder / "a.parquet")
    for path in (tmp_path / "run", tmp_path / "run" / "dataset", folder / "a.parquet"):
        (found,) = read(path)
        assert found.replace(provenance=FULL.provenance) == FULL


def test_each_column_layout_gives_the_same_dialogue(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]
    layouts = [
        {"instruction": "Hi", "input": "", "output": "Ho"},
        {"instruction": "Hi", "output": "Ho", "extra": 3},
        {"messages": turns},
        {"prompt": "Hi", "completion": "Ho"},
        {"prompt": turns[:1], "completion": turns[1:]},
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]},
        {"conversations": turns},
        {"prompt": "Hi", "chosen": "Ho", "rejected": "No"},
        {"prompt": turns[:1], "chosen": turns[1:], "rejected": [{"role": "assistant", "content": "No"}]},
    ]
    found = [read(write(tmp_path / f"{i}.jsonl", [row]))[0] for i, row in enumerate(layouts)]
    assert {(r.instruction, r.output) for r in found} == {("Hi", "Ho")}
    assert [(a.text, a.score) for a in found[-1].answers] == [("Ho", 1.0), ("No", 0.0)]
    judged = read(write(tmp_path / "kto.jsonl", [{"prompt": "Hi", "completion": "Ho", "label": False}]))[0]
    assert [(a.text, a.score) for a in judged.answers] == [("Ho", 0.0)]


def test_a_json_list_and_a_line_with_odd_separators_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"instruction": "a", "output": "b"}] * 2))
    assert len(read(path)) == 2
    assert (
        read(write(tmp_path / "a.jsonl", [{"instruction": "a\u2028b", "output": "\x85"}]))[0].instruction == "a\u2028b"
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"ask": "a", "tell": "b"}, "its columns (ask, tell) fit no known layout"),
        ({"messages": []}, "all its columns are empty"),
        ({"conversations": [{"from": "narrator", "value": "x"}]}, 'unknown speaker "narrator"; known are'),
        ({"conversations": [{"from": "human"}]}, "conversations.0: the turn says nothing"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "no user turn"),
        ({"messages": [{"role": "robot", "content": "x"}]}, 'unknown speaker "robot"'),
        (["a"], "a list where a row is an object"),
    ],
)
def test_a_row_that_cannot_be_used_is_left_out_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: Any, message: str
) -> None:
    path = write(
        tmp_path / "bad.jsonl", [{"instruction": "a", "output": "b"}, row, {"instruction": "c", "output": "d"}]
    )
    assert [r.output for r in read(path)] == ["b", "d"]
    told = capsys.readouterr().err
    assert message in told
    assert "bad.jsonl:2" in told
    loaded = load(str(path))
    assert [(one.number, one.reason) for one in loaded.unusable] == [(2, "malformed_row")]
    assert len(loaded.notes()) == 1


def test_many_rows_left_out_are_counted_and_so_is_what_is_left_aside(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    good = [{"instruction": str(i), "output": "x", "note": "n"} for i in range(9)]
    write(folder / "train.jsonl", [*good, *({"title": "t"} for _ in range(8))])
    write(folder / "test.jsonl", good[:1])
    notes = load(str(folder)).notes()
    assert len(notes) == 8
    assert notes[5] == "left out in all: 8 rows (8 malformed_row)"
    assert notes[6] == "columns left aside: note (9 rows)"
    assert notes[7].startswith("files left aside: ")
    assert notes[7].endswith("test.jsonl (split test)")


def test_columns_of_other_names_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"ask": "a", "tell": "b", "passage": "c"}])
    with pytest.raises(ConfigError, match=r"fit no known layout(.|\n)*columns: {instruction: ask, output: tell}"):
        read(path)
    (found,) = load(str(path), columns={"instruction": "ask", "output": "tell", "input": "passage"}).records
    assert (found.instruction, found.input, found.output) == ("a", "c", "b")


def test_what_is_no_dataset_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read(tmp_path / "none")
    with pytest.raises(ConfigError, match="holds nothing to read"):
        read(tmp_path)
    with pytest.raises(ConfigError, match="holds no rows"):
        read(write(tmp_path / "empty.jsonl", []))
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ConfigError, match="not a file that can be read"):
        read(tmp_path / "a.txt")
    (tmp_path / "c.json").write_text('[{"instruction": "a", "output": "b"}, {"instr')
    with pytest.raises(ConfigError, match="cannot be read further") as caught:
        read(tmp_path / "c.json")
    assert "c.json:2" in str(caught.value)
    (tmp_path / "d.parquet").write_bytes(b"PAR1nonsense")
    with pytest.raises(ConfigError, match=r"d\.parquet"):
        read(tmp_path / "d.parquet")


def test_a_sharegpt_dialogue_keeps_system_tools_and_calls(tmp_path: Path) -> None:
    row = {
        "conversations": [
            {"from": "human", "value": "Weather in Oslo?"},
            {"from": "function_call", "value": '{"name":"weather","arguments":{"city":"Oslo"}}'},
            {"from": "observation", "value": "rain"},
            {"from": "gpt", "value": "It rains."},
            {"from": "human", "value": "Thanks."},
            {"from": "gpt", "value": "Welcome."},
        ],
        "system": "Be brief.",
        "tools": '[{"name":"weather"}]',
    }
    (found,) = read(write(tmp_path / "s.jsonl", [row]))
    assert (found.instruction, found.output, found.system) == ("Thanks.", "Welcome.", "Be brief.")
    assert [m.role for m in found.history] == ["user", "assistant", "tool", "assistant"]
    assert found.history[1].tool_calls[0]["function"]["arguments"] == '{"city": "Oslo"}'
    assert found.tools == ({"type": "function", "function": {"name": "weather"}},)


def test_what_the_store_exports_as_sharegpt_is_read_back(tmp_path: Path) -> None:
    from synthgen.exports.rows import sharegpt

    record = FULL.replace(input="", instruction="Add 2 and 2.", answers=(), scores={}, reasoning=None)
    row = sharegpt(record)
    assert isinstance(row, dict)
    (found,) = read(write(tmp_path / "s.jsonl", [row]))
    for name in ("instruction", "output", "system", "history", "tools"):
        assert getattr(found, name) == getattr(record, name)


def rows_named(*names: str) -> list[dict[str, Any]]:
    return [{"instruction": name, "output": "x"} for name in names]


def test_a_folder_of_several_files_is_one_dataset_and_splits_are_told_apart(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    (folder / "sub").mkdir(parents=True)
    write(folder / "a.jsonl", rows_named("a"))
    write(folder / "sub" / "b.jsonl", rows_named("b", "c"))
    (folder / "dataset_info.json").write_text("{}")
    assert [r.instruction for r in read(folder)] == ["a", "b", "c"]
    write(folder / "train-1.jsonl", rows_named("d"))
    write(folder / "test.jsonl", rows_named("e"))
    assert [r.instruction for r in read(folder)] == ["d"]
    assert [r.instruction for r in read_split(str(folder), "test")] == ["e"]
    with pytest.raises(ConfigError, match=r"no split validation(.|\n)*it has test, train"):
        read_split(str(folder), "validation")
    only = tmp_path / "only"
    only.mkdir()
    write(only / "test.jsonl", rows_named("e"))
    with pytest.raises(ConfigError, match=r"no split train(.|\n)*it has test"):
        read(only)


def test_what_datasets_saved_and_what_it_loads_is_read(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    made = datasets.Dataset.from_list([{"messages": [{"role": "user", "content": "Hi"}, ANSWER]}] * 3)
    made.save_to_disk(str(tmp_path / "saved"))
    assert [r.output for r in read(tmp_path / "saved")] == ["Ho"] * 3
    datasets.DatasetDict(train=made, test=made.select([0])).save_to_disk(str(tmp_path / "dict"))
    assert len(read(tmp_path / "dict")) == 3
    assert len(read_split(str(tmp_path / "dict"), "test")) == 1
    with pytest.raises(ConfigError, match="no split dev"):
        read_split(str(tmp_path / "dict"), "dev")
    folder = tmp_path / "repository"
    folder.mkdir()
    write(folder / "train.jsonl", rows_named("a", "b"))
    write(folder / "test.jsonl", rows_named("c"))
    assert [row.values for _, row in Collection(hub=str(folder)).rows()] == rows_named("a", "b")
    assert [row.values for _, row in Collection(hub=str(folder), split="test").rows()] == rows_named("c")


def test_a_name_that_is_neither_here_nor_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match=r"no file or folder outputs/none here, and(.|\n)*HF_HUB_OFFLINE"):
        read("outputs/none")
    with pytest.raises(ConfigError, match="there is no such file or folder"):
        read("outputs/none.jsonl")
