from __future__ import annotations

import json
import random
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from synthgen.engine.ordering import View
from synthgen.errors import SeedError
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
        '{"instruction": "x", "output": "y"}\n{"instruction"\n{"instruction": "x", "output": "y", "tools": 5}\n',
        encoding="utf-8",
    )
    good, broken, wrong = draw(make(tmp_path, path="a.jsonl"), 0) or ()
    assert good.drop is None
    assert broken.drop is not None
    assert (broken.drop.reason, broken.instruction) == ("malformed_row", '{"instruction"')
    assert (broken.drop.detail or "").startswith("a.jsonl:2: not JSON")
    assert wrong.drop is not None
    assert "a.jsonl:3: tools: " in (wrong.drop.detail or "")
    assert json.loads(wrong.instruction) == {"instruction": "x", "output": "y", "tools": 5}


def test_what_is_left_aside_is_in_the_facts_of_the_attempts_that_count(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    rows = [
        {"instruction": "x", "output": "y", "score": 1},
        {"instruction": "x", "output": "y", "text": "xy", "score": 1},
        {"instruction": "x", "output": "y", "tools": 5},
    ]
    write(tmp_path / "data" / "train.jsonl", list(rows))
    write(tmp_path / "data" / "test.jsonl", alpaca(1))
    source = make(tmp_path, path="data", chunk=1)
    told = {"score": 2, "text": 1}
    for facts in (source.facts(), [draw(source, k) for k in range(4)] and source.facts(3)):
        assert facts.columns_aside == told
        assert (facts.rows, facts.unusable, facts.files) == (3, {"malformed_row": 1}, ("data/train.jsonl",))
        assert facts.files_aside == ("data/test.jsonl (split test)",)
    assert source.facts(1).columns_aside == {"score": 1}
    assert [head for head, _ in source.facts(3).lines()] == ["read", "files left aside", "columns left aside"]
    assert make(tmp_path, path="data", split="test").facts().files == ("data/test.jsonl",)


def test_columns_can_be_named(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [{"ask": "x", "tell": "y"}, {"ask": "x"}])
    source = make(tmp_path, path="a.jsonl", columns={"instruction": "ask", "output": "tell"})
    assert [(r.instruction, r.output) for r in draw(source, 0) or ()] == [("x", "y"), ("x", None)]
    assert not source.facts().columns_aside


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
        ('{"ask": "x", "tell": "y"}', r"its columns \(ask, tell\) .*\n  → .*columns: {instruction: ask, output: tell}"),
        ('{"question": "x", "answer": "y", "passage": "z"}', r"'passage' would be .*\n  → .*{.*, input: passage, .*}"),
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


def test_one_row_that_would_lose_text_is_rejected_alone(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [*alpaca(3), {"instruction": "x", "output": "y", "response": "z"}])
    records = draw(make(tmp_path, path="a.jsonl"), 0) or ()
    assert [r.drop.reason if r.drop else None for r in records] == [None, None, None, "malformed_row"]
    assert "'response' would be dropped; say where" in ((records[-1].drop and records[-1].drop.detail) or "")


def test_a_file_that_breaks_off_ends_with_a_dropped_record(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(alpaca(3))[:-3], encoding="utf-8")
    records = draw(make(tmp_path, path="a.json"), 0) or ()
    assert [r.drop is None for r in records] == [True, True, False]
    assert "cannot be read further" in ((records[-1].drop and records[-1].drop.detail) or "")


def test_a_file_that_breaks_off_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"instruction": "Hi", "output": "Ho"},\n{"instruction": "He', encoding="utf-8")
    source = Dataset.model_validate({"path": "a.json"}, context={"base": tmp_path})
    source.draw(0, View((), ()), random.Random(0))
    facts = source.facts(1)
    (told,) = facts.broken_off
    assert told.startswith("a.json:2: the JSON array cannot be read further")
    assert ("not read to the end", told) in facts.lines()


def test_before_a_run_all_rows_are_counted_and_the_first_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"instruction": "Hi", "output": "Ho"}\n' * 250, encoding="utf-8")
    source = Dataset.model_validate({"path": "a.jsonl"}, context={"base": tmp_path})
    assert source.facts().lines() == [("read", "250 rows (the first 100 were looked at) of a.jsonl")]


@pytest.mark.parametrize(
    ("row", "guess"),
    [
        (
            {"id": "7", "dialogue": "A: Hi\nB: Ho", "gist": "They greet each other."},
            "{instruction: dialogue, output: gist}",
        ),
        ({"id": "7", "data": ["Q", "A"]}, "{conversations: data}"),
        ({"input_text": "Why is it so?", "output_text": "So."}, "{instruction: input_text, output: output_text}"),
        ({"topic": "x", "said": "How are you?", "back to": "I am well."}, '{instruction: said, output: "back to"}'),
        ({}, "{instruction: question}"),
    ],
)
def test_a_layout_that_is_not_known_comes_with_a_guess(tmp_path: Path, row: dict[str, object], guess: str) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(SeedError, match=r"fit no known layout|holds a text") as error:
        Dataset.model_validate({"path": "a.jsonl"}, context={"base": tmp_path})
    assert f"columns: {guess}" in (error.value.hint or "")
