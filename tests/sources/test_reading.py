from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.errors import SeedError
from synthgen.sources.reading import files_of, hub_rows, rows_of

ROWS = [{"instruction": "Say é."}, {"instruction": "说好。", "input": "a"}]


def values(path: Path) -> list[dict[str, object] | None]:
    return [row.values for row in rows_of(path)]


def test_json_lines_with_blank_and_broken_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [
        b"\xef\xbb\xbf" + json.dumps(ROWS[0]).encode(),
        b"",
        b'{"instruction": "x"',
        b"[1]",
        b'{"a": "\xff"}',
        b"[" * 100_000,
    ]
    path.write_bytes(b"\r\n".join([*lines, json.dumps(ROWS[1], ensure_ascii=False).encode()]))
    rows = list(rows_of(path))
    assert [(r.number, r.values) for r in rows] == [
        (1, ROWS[0]),
        (3, None),
        (4, None),
        (5, None),
        (6, None),
        (7, ROWS[1]),
    ]
    assert [r.problem.split(":")[0] for r in rows] == [
        "",
        "not JSON",
        "a list where a row is an object",
        "not UTF-8",
        "not JSON",
        "",
    ]
    assert rows[1].excerpt == '{"instruction": "x"'
    assert len(rows[4].excerpt) == 501


def test_json_is_an_array_or_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([ROWS[0], 7, ROWS[1]], indent=1), encoding="utf-8")
    assert values(path) == [ROWS[0], None, ROWS[1]]
    path.write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    assert values(path) == ROWS


def test_an_array_that_breaks_off_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(ROWS)[:-20], encoding="utf-8")
    rows = rows_of(path)
    assert next(rows).values == ROWS[0]
    with pytest.raises(SeedError, match="after 1 elements"):
        next(rows)
    path.write_bytes(b'[{"a": "\xff"}]')
    with pytest.raises(SeedError, match="not UTF-8"):
        list(rows_of(path))


def test_parquet_with_more_rows_than_a_batch(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"instruction": [f"i{i}" for i in range(2500)], "input": [None] * 2500}), path)
    rows = list(rows_of(path))
    assert [r.number for r in rows] == list(range(1, 2501))
    assert rows[1500].values == {"instruction": "i1500", "input": None}
    path.write_bytes(b"PAR1 no")
    with pytest.raises(SeedError, match="not a Parquet file"):
        list(rows_of(path))


def test_a_file_that_goes_away_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match="cannot be read"):
        list(rows_of(tmp_path / "gone.jsonl"))


def test_a_folder_is_its_files_of_one_kind(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a/c.jsonl", "a.json", ".hidden.jsonl", "x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}", encoding="utf-8")
    assert [p.relative_to(tmp_path).as_posix() for p in files_of(tmp_path)] == ["a/c.jsonl", "b.jsonl"]
    assert files_of(tmp_path / "a.json") == [tmp_path / "a.json"]


def test_a_run_folder_is_its_dataset(tmp_path: Path) -> None:
    (tmp_path / "dataset" / "data").mkdir(parents=True)
    (tmp_path / "journal.sqlite").touch()
    for name in ("rejected.parquet", "dataset/data/train.parquet"):
        pq.write_table(pa.table({"a": [1]}), tmp_path / name)
    assert files_of(tmp_path) == [tmp_path / "dataset/data/train.parquet"]


def test_nothing_to_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match="no such file or folder"):
        files_of(tmp_path / "gone")
    with pytest.raises(SeedError, match="holds nothing to read"):
        files_of(tmp_path)
    (tmp_path / "a.csv").touch()
    with pytest.raises(SeedError, match="not a file that can be read"):
        files_of(tmp_path / "a.csv")


def test_a_dataset_of_the_hub_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`datasets` takes a local folder by the same door."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, [{"a": "x"}, {"a": "y"}])), encoding="utf-8")
    assert [(r.number, r.values) for r in hub_rows(str(folder), None, "train", None)] == [
        (1, {"a": "x"}),
        (2, {"a": "y"}),
    ]
    with pytest.raises(SeedError, match="cannot be loaded"):
        list(hub_rows(str(folder), None, "no_such_split", None))


def test_without_datasets_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(SeedError, match="needs the package datasets") as error:
        list(hub_rows("org/name", None, "train", None))
    assert error.value.hint == "pip install 'synthgen[hub]'"
