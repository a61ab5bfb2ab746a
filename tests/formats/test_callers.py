"""One table of rows, read by everything that reads rows."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synthgen.api.dedup import dedup
from synthgen.api.run import exports_of
from synthgen.engine.ordering import View
from synthgen.errors import ConfigError
from synthgen.exports.rows import sharegpt
from synthgen.plugins import BUILTINS
from synthgen.records import Answer, Message, Record, to_messages
from synthgen.sources.dataset import Dataset
from synthgen.sources.seeds import Seeds
from synthgen.store import RunFolder
from synthgen.store.exports import export_to
from synthgen.store.record_files import RecordWriter, read_records, write_records

CALL = {"id": "call_0", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
USER, ANSWER = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}

GOOD: list[dict[str, Any]] = [
    {"instruction": "Hi", "input": "<noinput>", "output": "Ho"},
    {"instruction": "Hi", "context": "it", "response": "Ho", "category": "x"},
    {"prompt": "Hi", "response": "Ho"},
    {"question": "Hi", "answer": 4},
    {"prompt": "Hi", "chosen": "Ho", "rejected": "No"},
    {"conversations": [{"from": "human", "value": "Hi"}, {"from": "Bot", "value": "Ho"}], "system": "S", "tools": ""},
    {"messages": [{**USER, "content": [{"type": "text", "text": "Hi"}]}, {**ANSWER, "reasoning_content": "hm"}]},
    {"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "content": "sun"}, ANSWER],
     "tools": json.dumps([TOOL])},
    {"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}], "tools": json.dumps([TOOL])},
    {"conversations": ["Hi", "Ho"], "source": "x"},
    {"instruction": "Hi", "output": "Ho", "history": [["Q", "A"]], "is_classification": True},
    {"instruction": "Hi", "instances": [{"input": "i", "output": "Ho"}], "is_classification": False},
    {"instruction": None, "output": None, "messages": [USER, ANSWER], "task_type": ["qa"]},
]  # fmt: skip

BAD: list[tuple[str, str]] = [
    ('{"instruction": ', "not JSON"),
    ('["a"]', "where a row is an object"),
    ('{"instruction": "x", "notes": ' + "[" * 20_000 + "]" * 20_000 + "}", "nested too deeply"),
    (json.dumps({"title": "x"}), "fit no known layout"),
    (json.dumps({"messages": [ANSWER]}), "no user turn"),
    (json.dumps({"conversations": [{"from": "alien", "value": "x"}]}), "unknown speaker"),
    (json.dumps({"conversations": [{"from": "human"}]}), "the turn says nothing"),
    (json.dumps({"instruction": "x", "output": "y", "response": "z"}), "would be dropped"),
    (json.dumps({"instruction": "x", "output": "y", "tools": "{"}), "no JSON"),
]


def by_source(path: Path) -> tuple[list[Record], list[str]]:
    source = Dataset.model_validate({"path": path.name}, context={"base": path.parent})
    drawn = source.draw(0, View((), ()), random.Random(0))
    records = drawn.records if drawn else ()
    return [r for r in records if r.drop is None], [r.drop.detail or "" for r in records if r.drop is not None]


def by_trainer(path: Path) -> tuple[list[Record], list[str]]:
    data = pytest.importorskip("synthgen_train.data")
    loaded = data.load(str(path))
    return loaded.records, [one.problem for one in loaded.unusable]


def by_loop(path: Path) -> tuple[list[Record], list[str]]:
    told: list[str] = []
    return read_records(path, say=told.append), told


def by_seeds(path: Path) -> tuple[list[Record], list[str]]:
    return list(Seeds.model_validate({"path": path.name}, context={"base": path.parent}).seeds), []


Reader = Callable[[Path], tuple[list[Record], list[str]]]


@pytest.mark.parametrize("row", GOOD)
def test_every_reader_reads_the_same(tmp_path: Path, row: dict[str, Any]) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row), encoding="utf-8")
    shown: list[Any] = []
    readers: tuple[Reader, ...] = (by_source, by_trainer, by_loop, by_seeds)
    for read in readers:
        (record,), problems = read(path)
        assert not problems
        shown.append(record.model_dump(exclude={"id", "provenance"}))
    assert shown[1:] == shown[:-1]
    assert shown[0]["instruction"] == "Hi"
    assert dedup(path, tmp_path / "out.jsonl").without_text == 0


@pytest.mark.parametrize(("line", "problem"), BAD)
def test_every_reader_leaves_the_same_out_with_the_same_words(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f"{json.dumps(GOOD[0])}\n{line}\n{json.dumps(GOOD[3])}\n", encoding="utf-8")
    for read in (by_source, by_trainer, by_loop):
        records, (told,) = read(path)
        assert [r.output for r in records] == ["Ho", "4"]
        assert problem in told
        assert "pydantic" not in told
        assert "recursion" not in told
    with pytest.raises(ConfigError, match=problem) as error:
        by_seeds(path)
    assert error.value.line == 2
    result = dedup(path, tmp_path / "out.jsonl")
    assert result.kept + result.dropped == 3
    assert not result.unreadable
    path.write_text(f"{line}\n", encoding="utf-8")
    for read in (by_source, by_trainer, by_loop, by_seeds):
        with pytest.raises(ConfigError, match=problem):
            read(path)


RECORDS = [
    Record(instruction="Hi", output="Ho"),
    Record(instruction="Add.", input="1 1", output="2", task_type="maths", is_classification=False, language="en"),
    Record(instruction="Go on.", output="Yes.", system="Be brief.", history=(
        Message(role="user", content="Hi"),
        Message(role="assistant", content="Ho"),
    )),
    Record(instruction="Rome?", output="Sunny.", tools=(TOOL,), history=(
        Message(role="user", content="Rome?"),
        Message(role="assistant", content="", tool_calls=(CALL,)),
        Message(role="tool", content="sun", tool_call_id="call_0"),
    )),
    Record(instruction="Rome now?", tools=(TOOL,), history=(
        Message(role="user", content="Rome now?"),
        Message(role="assistant", content="", tool_calls=(CALL,)),
    )),
    Record(instruction="Why?", output="So.", reasoning="hm", answers=(
        Answer(text="So.", score=1.0),
        Answer(text="No.", score=0.0),
    )),
]  # fmt: skip


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    (tmp_path / "run" / "dataset" / "data").mkdir(parents=True)
    writer = RecordWriter(tmp_path / "run" / "dataset" / "data", "train", rejected=False)
    writer.add(RECORDS)
    writer.close()
    return tmp_path / "run" / "dataset"


def said(record: Record) -> list[Any]:
    """What a dialogue says; a call without the ids that some exports have no place for."""
    return [
        (m["role"], m["content"], [json.loads(c["function"]["arguments"]) for c in m.get("tool_calls", ())])
        for m in to_messages(record)
    ]


@pytest.mark.parametrize("name", list(BUILTINS["export"]))
def test_what_an_export_wrote_is_read_back(tmp_path: Path, dataset: Path, name: str) -> None:
    (exported,) = export_to(dataset, tmp_path / "exports", exports_of([name], tmp_path))
    for file, count in exported.written.items():
        path = tmp_path / "exports" / name / file
        assert count > 0
        for read in (by_source, by_trainer, by_loop):
            records, problems = read(path)
            assert not problems
            assert len(records) == count
            known = {str(said(r)): r for r in RECORDS}
            for record in records:
                assert str(said(record)) in known
                old = known[str(said(record))]
                if name == "dpo":
                    assert [a.text for a in record.answers] == [a.text for a in old.answers]
                if name not in ("alpaca", "dpo"):
                    assert [t["function"] for t in record.tools] == [t["function"] for t in old.tools]


def test_a_dataset_and_a_file_of_records_are_read_back_whole(tmp_path: Path, dataset: Path) -> None:
    write_records(tmp_path / "own.jsonl", RECORDS)
    for path in (dataset.parent, dataset, tmp_path / "own.jsonl"):
        for read in (by_trainer, by_loop):
            records, problems = read(path)
            assert not problems
            assert [r.replace(provenance=old.provenance) for r, old in zip(records, RECORDS, strict=True)] == RECORDS
    records, _ = by_source(dataset.parent)
    assert [r.provenance.parents for r in records] == [(old.id,) for old in RECORDS]
    assert [r.replace(id=old.id, provenance=old.provenance) for r, old in zip(records, RECORDS, strict=True)] == RECORDS
    assert RunFolder(dataset.parent).dataset_path == dataset


def test_a_dialogue_with_a_call_is_exported_with_it() -> None:
    row = sharegpt(RECORDS[3])
    assert isinstance(row, dict)
    assert [turn["from"] for turn in row["conversations"]] == ["human", "function_call", "observation", "gpt"]
