"""The file that says which batches are out."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthgen.errors import StoreError
from synthgen.teachers.openai.batch_api import BatchState


def test_the_state_is_a_file_that_survives_a_cut_line(tmp_path: Path) -> None:
    path = tmp_path / "batches.jsonl"
    state = BatchState(path)
    state.uploaded("f1", ["a", "b"])
    state.created("f1", "b1")
    state.uploaded("f2", ["c"])
    state.gone("f2")
    with path.open("a") as file:
        file.write('{"uploaded": "f3", "ke')
    state = BatchState(path)
    assert [(s.file_id, s.batch_id, s.keys) for s in state.sent] == [("f1", "b1", {"a", "b"})]
    state.uploaded("f4", ["d"])
    assert [s.file_id for s in BatchState(path).sent] == ["f1", "f4"]
    assert BatchState(None).uploaded("f", ["a"]).keys == {"a"}


def test_a_state_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        BatchState(tmp_path / "no" / "such" / "folder.jsonl").uploaded("f", [])
    (tmp_path / "folder").mkdir()
    assert BatchState(tmp_path / "folder").sent == []


@pytest.mark.parametrize(
    "text",
    ["[]", "7", '{"uploaded": 3}', '{"uploaded": "f", "keys": [3]}', '{"created": "b", "file": "f"}', '{"gone": []}'],
)
def test_other_json_in_the_state_is_said_before_anything_is_paid_for(tmp_path: Path, text: str) -> None:
    path = tmp_path / "batches.jsonl"
    path.write_text(f'{{"uploaded": "f1", "keys": ["a"]}}\n{text}\n')
    with pytest.raises(StoreError, match="line 2 tells of no batch"):
        BatchState(path)


def test_lines_of_the_state_that_a_kill_has_spoiled_are_no_steps(tmp_path: Path) -> None:
    path = tmp_path / "batches.jsonl"
    path.write_bytes(b"\xff\xfe\n" + b"[" * 10**5 + b'\n{"uploaded": "f1", "keys": ["a"]}\n')
    assert [(s.file_id, s.keys) for s in BatchState(path).sent] == [("f1", {"a"})]
