from __future__ import annotations

import json
from pathlib import Path

import pytest

from synthgen.errors import SeedError
from synthgen.sources.seeds import seed_tasks

GOOD = {"id": "a", "instruction": "Add.", "input": "1 1", "output": "2", "task_type": "reasoning", "language": "en"}


def lines(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_records_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    path = lines(tmp_path / "mine" / "a.jsonl", GOOD, "", {"id": "b", "instruction": "Say hi."})
    first, second = seed_tasks([path], tmp_path).records
    assert (first.id, first.instruction, first.input, first.output) == ("a", "Add.", "1 1", "2")
    assert (first.task_type, first.language) == ("reasoning", "en")
    assert first.provenance.source == "mine/a.jsonl:1"
    assert (second.output, second.provenance.source) == (None, "mine/a.jsonl:3")


def test_a_byte_order_mark_and_other_scripts(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b"\xef\xbb\xbf" + json.dumps({"id": "a", "instruction": "说好。"}, ensure_ascii=False).encode() + b"\r\n"
    )
    assert seed_tasks([path], tmp_path).records[0].instruction == "说好。"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"id": "b"', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "a list where a row is an object"),
        ({"id": "b"}, "fit no known layout"),
        ({"id": "b", "instruction": " "}, "instruction is empty"),
        ({"id": "b", "instruction": "x", "messages": "y"}, "messages"),
        ({"id": "b", "instruction": "x", "ouput": "y"}, r"unknown key 'ouput'\n  → did you mean 'output'"),
        ({"id": "b", "instruction": "x", "response": "y", "answer": "z"}, "'answer' would be dropped"),
        ({"id": "a", "instruction": "x"}, "the id 'a' is at .*a.jsonl:1 already"),
        ({**GOOD, "id": "b", "output": "two"}, "the same instruction and input is at .*a.jsonl:1 already"),
    ],
)
def test_a_line_out_of_order_is_an_error_at_its_place(tmp_path: Path, line: object, problem: str) -> None:
    path = lines(tmp_path / "a.jsonl", GOOD, "", line)
    with pytest.raises(SeedError, match=problem) as error:
        seed_tasks([path], tmp_path)
    assert (error.value.file, error.value.line) == (path, 3)
    assert f"{path}:3: " in str(error.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id": "a", "instruction": "\xff"}')
    with pytest.raises(SeedError, match="not UTF-8: invalid start byte at byte 28") as error:
        seed_tasks([path], tmp_path)
    assert error.value.line == 1


def test_ids_are_unique_over_files(tmp_path: Path) -> None:
    paths = [lines(tmp_path / "a.jsonl", GOOD), lines(tmp_path / "b.jsonl", {**GOOD, "instruction": "Other."})]
    with pytest.raises(SeedError, match=r"the id 'a' is at a.jsonl:1 already") as error:
        seed_tasks(paths, tmp_path)
    assert (error.value.file, error.value.line) == (paths[1], 1)


def test_empty_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match="holds no seed tasks"):
        seed_tasks([lines(tmp_path / "a.jsonl", "", " ")], tmp_path)
    with pytest.raises(SeedError, match="cannot be read"):
        seed_tasks([tmp_path / "gone.jsonl"], tmp_path)
    with pytest.raises(SeedError, match="cannot be read"):
        seed_tasks([tmp_path], tmp_path)


SEEDS = [
    {"id": "seed_task_0", "name": "n0", "instruction": "Sort.", "instances": [{"input": "b a", "output": "a b"}]},
    {"id": "seed_task_1", "name": "n1", "instruction": "Name a lake.", "instances": [{"input": "", "output": "Como"}]},
]


def test_the_seed_tasks_of_other_projects(tmp_path: Path) -> None:
    found = seed_tasks([lines(tmp_path / "a.jsonl", *SEEDS)], tmp_path)
    assert [(r.id, r.instruction, r.input, r.output) for r in found.records] == [
        ("seed_task_0", "Sort.", "b a", "a b"),
        ("seed_task_1", "Name a lake.", "", "Como"),
    ]
    assert found.aside == {"name": 2}
    rows = [{"instruction": f"Task {i}.", "input": "", "output": str(i)} for i in range(3)]
    (tmp_path / "b.json").write_text(json.dumps(rows), encoding="utf-8")
    first, again = (seed_tasks([tmp_path / "b.json"], tmp_path).records for _ in range(2))
    assert first == again
    assert len({r.id for r in first}) == 3
    chat = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}
    (record,) = seed_tasks([lines(tmp_path / "c.jsonl", chat)], tmp_path).records
    assert (record.instruction, record.output) == ("Hi", "Ho")
