from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

from synthgen_train.data import read

from synthgen.errors import ConfigError
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
        ({"question": "a", "answer": "b"}, "the columns are answer, question; wanted are instruction"),
        ({"instruction": "a"}, "no column output"),
        ({"instruction": 3, "output": "b"}, "instruction is int"),
        ({"messages": []}, "list of"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "no user turn"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "role"),
        (["a"], "row cannot be used"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path: Path, row: Any, message: str) -> None:
    path = write(tmp_path / "bad.jsonl", [{"instruction": "a", "output": "b"}, row])
    with pytest.raises(ConfigError, match=message) as caught:
        read(path)
    assert "bad.jsonl:2" in str(caught.value)


def test_what_is_no_dataset_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read(tmp_path / "none")
    with pytest.raises(ConfigError, match="holds no dataset"):
        read(tmp_path)
    with pytest.raises(ConfigError, match="is empty"):
        read(write(tmp_path / "empty.jsonl", []))
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ConfigError, match="not a file of training data"):
        read(tmp_path / "a.txt")
    (tmp_path / "b.jsonl").write_text('{"instruction": "a", "output": "b"}\n{"instr')
    with pytest.raises(ConfigError, match="not JSON") as caught:
        read(tmp_path / "b.jsonl")
    assert "b.jsonl:2" in str(caught.value)
    (tmp_path / "c.json").write_text("{}")
    with pytest.raises(ConfigError, match="list of rows"):
        read(tmp_path / "c.json")
    (tmp_path / "d.parquet").write_bytes(b"PAR1nonsense")
    with pytest.raises(ConfigError, match=r"d\.parquet"):
        read(tmp_path / "d.parquet")
