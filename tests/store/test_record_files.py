from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from store_parts import accepted, rejected

from synthgen.errors import StoreError
from synthgen.records import Record
from synthgen.store import record_files
from synthgen.store.record_files import RecordWriter, read_row, read_rows, records_in


def write(folder: Path, records: list[Record], chunk: int, shard_characters: int = 10**9) -> list[Path]:
    folder.mkdir()
    writer = RecordWriter(folder, "r", rejected=False, shard_characters=shard_characters)
    for start in range(0, len(records), chunk):
        writer.add(records[start : start + chunk])
    return writer.close()


@pytest.mark.parametrize("shard_characters", [10**9, 4000])
def test_bytes_depend_on_the_records_and_not_on_how_they_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shard_characters: int
) -> None:
    monkeypatch.setattr(record_files, "GROUP_ROWS", 30)
    records = [accepted(i) for i in range(100)]
    contents = []
    for chunk in (1, 7, 100):
        paths = write(tmp_path / str(chunk), records, chunk, shard_characters)
        assert [record for path in paths for record in records_in(path)] == records
        contents.append([path.read_bytes() for path in paths])
    assert contents[0] == contents[1] == contents[2]
    assert len(contents[0]) == (1 if shard_characters > 4000 else 2)


def test_row_groups_end_by_rows_and_by_characters(tmp_path: Path) -> None:
    (path,) = write(tmp_path / "a", [accepted(i) for i in range(2500)], 2500)
    file = pq.ParquetFile(path).metadata
    assert [file.row_group(i).num_rows for i in range(file.num_row_groups)] == [1000, 1000, 500]
    (path,) = write(tmp_path / "b", [accepted(i, output="x" * 1_000_000) for i in range(20)], 20)
    file = pq.ParquetFile(path).metadata
    assert [file.row_group(i).num_rows for i in range(file.num_row_groups)] == [8, 8, 4]


def test_megabyte_texts_come_back(tmp_path: Path) -> None:
    texts = ["é" * 1_500_000, "\x00" * 1_000_000, "😀" * 700_000]
    (path,) = write(tmp_path / "a", [accepted(i, output=text) for i, text in enumerate(texts)], 1)
    assert [record.output for record in records_in(path)] == texts


def test_no_records_still_make_a_file_with_the_columns(tmp_path: Path) -> None:
    (path,) = write(tmp_path / "a", [], 1)
    assert list(records_in(path)) == []
    assert pq.ParquetFile(path).metadata.num_row_groups == 0
    assert pq.read_schema(path).names[:3] == ["id", "instruction", "input"]


def test_one_row_and_some_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_files, "GROUP_ROWS", 4)
    records = [accepted(i) for i in range(10)]
    (path,) = write(tmp_path / "a", records, 10)
    assert [read_row(path, i)["id"] for i in (0, 3, 4, 9)] == [records[i].id for i in (0, 3, 4, 9)]
    assert list(read_rows(path, ["id"])) == [{"id": record.id} for record in records]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (path,) = write(tmp_path / "a", [accepted(1)], 1)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(StoreError, match=r"r-00000\.parquet is damaged") as caught:
        list(records_in(path))
    assert "run the same command again" in str(caught.value)
    with pytest.raises(StoreError, match="there is no"):
        list(records_in(tmp_path / "nowhere.parquet"))


def test_rejected_records_have_a_file_of_one_group_after_another(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path, "rejected", rejected=True)
    records = [rejected(i) for i in range(5)]
    writer.add(records)
    assert writer.rows == 5
    (path,) = writer.close()
    assert list(records_in(path)) == records
