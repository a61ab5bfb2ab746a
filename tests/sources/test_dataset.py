from __future__ import annotations

import json
import random
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from synthgen.errors import SeedError
from synthgen.pool import View
from synthgen.protocols import Source
from synthgen.records import Record
from synthgen.sources.dataset import Dataset


def write(path: Path, rows: list[object]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def alpaca(count: int) -> list[object]:
    return [{"instruction": f"task {i}", "input": "", "output": f"answer {i}"} for i in range(count)]


def make(base: Path, **settings: object) -> Dataset:
    return Dataset.model_validate(settings, context={"base": base})


def draw(source: Dataset, attempt: int) -> tuple[Record, ...] | None:
    drawn = source.draw(attempt, View((), ()), random.Random(0))
    return drawn.records if drawn else None


def test_chunks_in_order_until_the_end(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", alpaca(7))
    source = make(tmp_path, path="a.jsonl", chunk=3)
    typed: Source = source
    assert not typed.reads_pool
    assert not typed.seeds
    chunks = [draw(source, k) for k in range(5)]
    assert [len(c) if c else None for c in chunks] == [3, 3, 1, None, None]
    assert [r.instruction for c in chunks if c for r in c] == [f"task {i}" for i in range(7)]
    assert chunks[1][0].provenance.source == "a.jsonl:4"  # type: ignore[index]


def test_any_attempt_can_be_drawn_again(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", alpaca(10))
    source = make(tmp_path, path="a.jsonl", chunk=3)
    first = [draw(source, k) for k in range(5)]
    for k in (2, 0, 3, 3, 4, 1, 0, 1, 2):
        assert draw(source, k) == first[k]


def test_files_of_a_folder_follow_each_other(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write(tmp_path / "data" / "b.jsonl", alpaca(2))
    write(tmp_path / "data" / "a.jsonl", alpaca(2))
    source = make(tmp_path, path="data")
    assert [r.provenance.source for r in draw(source, 0) or ()] == [
        "data/a.jsonl:1",
        "data/a.jsonl:2",
        "data/b.jsonl:1",
        "data/b.jsonl:2",
    ]
    assert [p.name for p in source.files] == ["a.jsonl", "b.jsonl"]


def test_unusable_rows_are_dropped_records_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"instruction": "x", "output": "y"}\n{"instruction"\n{"instruction": 5, "output": "y"}\n', encoding="utf-8"
    )
    good, broken, wrong = draw(make(tmp_path, path="a.jsonl"), 0) or ()
    assert good.drop is None
    assert broken.drop is not None
    assert (broken.drop.reason, broken.instruction) == ("malformed_row", '{"instruction"')
    assert (broken.drop.detail or "").startswith("a.jsonl:2: not JSON")
    assert wrong.drop is not None
    assert "a.jsonl:3: instruction: " in (wrong.drop.detail or "")
    assert json.loads(wrong.instruction) == {"instruction": 5, "output": "y"}


def test_unused_columns_are_counted(tmp_path: Path) -> None:
    write(
        tmp_path / "a.jsonl",
        [{"instruction": "x", "output": "y", "score": 1}, {"instruction": "x", "output": "y", "text": "", "score": 1}],
    )
    source = make(tmp_path, path="a.jsonl")
    draw(source, 0)
    draw(source, 1)
    assert source.ignored == {"score": 2, "text": 1}
    draw(source, 0)
    assert source.ignored == {"score": 2, "text": 1}


def test_columns_can_be_named(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [{"question": "x", "answer": "y"}])
    source = make(tmp_path, path="a.jsonl", columns={"instruction": "question", "output": "answer"})
    assert [(r.instruction, r.output) for r in draw(source, 0) or ()] == [("x", "y")]
    assert not source.ignored


def test_parquet(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"messages": [[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]]}),
        tmp_path / "a.parquet",
    )
    assert [(r.instruction, r.output) for r in draw(make(tmp_path, path="a.parquet"), 0) or ()] == [("Hi", "Ho")]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    for name, text in (("a.jsonl", None), ("a.json", "array")):
        rows = [{"instruction": f"task {i}", "output": "x" * 5000} for i in range(1000)]
        if text:
            (tmp_path / name).write_text(json.dumps(rows), encoding="utf-8")
        else:
            write(tmp_path / name, list(rows))
        del rows
        source = make(tmp_path, path=name, chunk=10)
        tracemalloc.start()
        k = 0
        while draw(source, k):
            k += 1
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert k == 100
        assert peak < (tmp_path / name).stat().st_size / 4


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "it holds no rows"),
        ('{"question": "x", "answer": "y"}', "its columns are question, answer"),
        ("oh\nno\n", "none of its first 100 rows can be used; a.jsonl:2: not JSON"),
    ],
)
def test_a_file_without_a_row_that_can_be_used_is_an_error_before_the_run(
    tmp_path: Path, content: str, problem: str
) -> None:
    (tmp_path / "a.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(SeedError, match=problem) as error:
        make(tmp_path, path="a.jsonl")
    assert error.value.file == tmp_path / "a.jsonl"


def test_a_named_column_that_is_not_there_is_an_error_before_the_run(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [{"question": "x"}])
    with pytest.raises(SeedError, match="no column 'query' to take instruction from") as error:
        make(tmp_path, path="a.jsonl", columns={"instruction": "query"})
    assert error.value.key == "columns"


def test_settings_are_checked(tmp_path: Path) -> None:
    for settings in (
        {},
        {"path": "a", "hub": "b"},
        {"path": "a", "chunk": 0},
        {"path": "a", "columns": {"id": "x"}},
        {"pfad": "a"},
    ):
        with pytest.raises(ValidationError):
            make(tmp_path, **settings)


def test_a_hub_dataset_is_drawn_like_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    (tmp_path / "repo").mkdir()
    write(tmp_path / "repo" / "train.jsonl", alpaca(3))
    source = make(tmp_path, hub=str(tmp_path / "repo"), chunk=2)
    assert [len(draw(source, k) or ()) for k in range(3)] == [2, 1, 0]
    assert draw(source, 0)[0].provenance.source == f"{tmp_path / 'repo'}/train:1"  # type: ignore[index]
