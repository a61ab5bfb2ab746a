from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.errors import SeedError
from synthgen.formats.arrow import HEAVIEST
from synthgen.formats.collection import hub_rows
from synthgen.formats.files import find
from synthgen.formats.reading import count_of, rows_of

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
    assert "iconv" in rows[3].problem
    assert rows[4].problem == "not JSON: it is nested too deeply"
    assert rows[1].excerpt == '{"instruction": "x"'
    assert len(rows[4].excerpt) == 501


def test_json_is_an_array_or_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([ROWS[0], 7, ROWS[1]], indent=1), encoding="utf-8")
    assert values(path) == [ROWS[0], None, ROWS[1]]
    path.write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    assert values(path) == ROWS


def test_an_array_that_breaks_off_says_so_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(ROWS)[:-20], encoding="utf-8")
    first, last = rows_of(path)
    assert (first.values, last.values, last.last, last.number) == (ROWS[0], None, True, 2)
    assert "after 1 elements" in last.problem
    path.write_bytes(b'[{"a": "\xff"}, {"a": "b"}, {"a": }, 7]')
    rows = list(rows_of(path))
    assert [r.values for r in rows] == [None, {"a": "b"}, None, None]
    assert [r.problem for r in rows[::2]] == [
        "holds bytes that are no UTF-8; it may be Latin-1 or Windows-1252: iconv -f WINDOWS-1252 -t UTF-8 turns it into"
        " UTF-8",
        "not JSON: Expecting value (character 7)",
    ]
    path.write_text('[{"a": ', encoding="utf-8")
    with pytest.raises(SeedError, match="the JSON array cannot be read"):
        list(rows_of(path))


PACKED = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.tsv", "A.JSONL", "a.ndjson"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("packed", ["", *PACKED])
def test_every_form_encoding_and_compression(tmp_path: Path, name: str, encoding: str, packed: str) -> None:
    values = [{"instruction": 'Say é, "so".', "input": "a\nb"}, {"instruction": "说好。\u2028", "input": ""}]
    separator = "\t" if "tsv" in name else ","
    if name == "a.json":
        text = json.dumps(values, ensure_ascii=False, indent=1)
    elif separator == "\t" or "csv" in name:
        file = io.StringIO()
        table = csv.DictWriter(file, ["instruction", "input"], delimiter=separator)
        table.writeheader()
        table.writerows(values)
        text = file.getvalue()
    else:
        text = "\n".join(json.dumps(value, ensure_ascii=False) for value in values)
    data = text.encode(encoding)
    path = tmp_path / f"{name}{packed}"
    path.write_bytes(PACKED[packed](data) if packed else data)
    assert [row.values for row in rows_of(path)] == values
    assert find(tmp_path).files == (path,)
    path.write_bytes(path.read_bytes()[:30] if packed else b"\x00\x01\x02\x03")
    with pytest.raises(SeedError, match=r"compression|cannot be read|binary"):
        list(rows_of(path))


def test_content_decides_more_than_the_name(tmp_path: Path) -> None:
    table = pa.table({"a": ["x"]})
    pq.write_table(table, tmp_path / "a.jsonl")
    (tmp_path / "b.parquet").write_text('{"a": "x"}\n', encoding="utf-8")
    (tmp_path / "c.csv").write_text('[{"a": "x"}]', encoding="utf-8")
    (tmp_path / "d.txt").write_text('{"a": "x"}\n{"a": "y"}', encoding="utf-8")
    with pa.OSFile(str(tmp_path / "e.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as written:
        written.write_table(table)
    for path in sorted(tmp_path.iterdir()):
        assert next(iter(rows_of(path))).values == {"a": "x"}, path
    for content, problem in (
        (b"PK\x03\x04zip", "ZIP"),
        (b"SQLite format 3\0", "SQLite"),
        (b"some words", "not a file that can be read"),
        (bytes(range(256)), "binary"),
    ):
        (tmp_path / "x.dat").write_bytes(content)
        with pytest.raises(SeedError, match=problem):
            list(rows_of(tmp_path / "x.dat"))


WITHIN: list[tuple[str, Any]] = [
    ("a list", {"version": "1", "data": ROWS, "tags": ["a"]}),
    ("splits", {"train": ROWS, "test": [{"instruction": "no"}]}),
    ("another list", {"rows": ROWS, "test": [{"instruction": "no"}, {"instruction": "no"}]}),
    ("lists of cells", {"instruction": ["Say é.", "说好。"], "input": [None, "a"]}),
    ("cells by number", {"instruction": {"0": "Say é.", "1": "说好。"}, "input": {"0": None, "1": "a"}}),
    ("columns apart", {"columns": ["instruction", "input"], "data": [["Say é.", None], ["说好。", "a"]]}),
    ("the Hub's viewer", {"features": [], "rows": [{"row_idx": i, "row": row} for i, row in enumerate(ROWS)]}),
]


@pytest.mark.parametrize(("what", "content"), WITHIN)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@pytest.mark.parametrize("indent", [None, 2])
def test_rows_within_an_object(tmp_path: Path, what: str, content: Any, name: str, indent: int | None) -> None:
    (tmp_path / name).write_text(json.dumps(content, indent=indent), encoding="utf-8")
    if name == "a.jsonl" and indent is None and what in ("lists of cells", "cells by number", "columns apart"):
        return  # the one line is a row, for all that one can tell
    found = [{k: v for k, v in (row.values or {}).items() if v is not None} for row in rows_of(tmp_path / name)]
    assert found == ROWS


def test_one_row_or_several_written_over_many_lines(tmp_path: Path) -> None:
    row = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}], "n": [{"a": 1}]}
    (tmp_path / "a.json").write_text(json.dumps(row, indent=2), encoding="utf-8")
    assert values(tmp_path / "a.json") == [row]
    (tmp_path / "a.json").write_text("\n".join(json.dumps(one, indent=2) for one in (row, *ROWS)), encoding="utf-8")
    assert values(tmp_path / "a.json") == [row, *ROWS]


def test_lists_of_which_none_is_the_one_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"easy": ROWS, "hard": ROWS}), encoding="utf-8")
    with pytest.raises(SeedError, match="inside any of 'easy', 'hard'"):
        list(rows_of(path))
    path.write_text(json.dumps({"dev": ROWS, "test": ROWS[:1]}), encoding="utf-8")
    assert len(list(rows_of(path, "test"))) == 1
    assert len(list(rows_of(path, "validation"))) == 2
    with pytest.raises(SeedError, match=r"no split train\n  → it has validation, test"):
        list(rows_of(path))


def test_a_table_of_text_with_rows_out_of_order(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'question;answer\n"a;b";c\none\n"x"y;z\n"\xff";d\n\ne;f\n')
    rows = list(rows_of(path))
    assert [row.values for row in rows if row.values] == [
        {"question": "a;b", "answer": "c"},
        {"question": "e", "answer": "f"},
    ]
    assert [row.problem.split(";")[0].split(":")[0] for row in rows if not row.values] == [
        "1 cells where the first line names 2 columns",
        "its quotes or cells are not in order",
        "holds bytes that are no UTF-8",
    ]
    path.write_text("a,b,a\n1,2,3\n", encoding="utf-8")
    with pytest.raises(SeedError, match="two columns are called 'a'"):
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


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.parquet", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "a pointer of Git LFS"),
        ("a.jsonl", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "a pointer of Git LFS"),
        ("a.json", "\n<!DOCTYPE html>\n<html></html>", "a web page or XML"),
        ("a.csv", "<html><body>Too many requests</body></html>", "a web page or XML"),
    ],
)
def test_what_stands_in_the_place_of_a_file_is_named(tmp_path: Path, name: str, content: str, problem: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(SeedError, match=problem):
        list(rows_of(tmp_path / name))


def test_a_compressed_parquet_file_is_to_be_unpacked(tmp_path: Path) -> None:
    pq.write_table(pa.table({"instruction": ["Hi"]}), tmp_path / "a.parquet")
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    with pytest.raises(SeedError, match=r"a compressed Parquet file(.|\n)*unpack it first"):
        list(rows_of(tmp_path / "a.parquet.gz"))


def test_zeros_that_a_crash_left_cost_their_line_alone(tmp_path: Path) -> None:
    line = json.dumps(ROWS[0]).encode()
    (tmp_path / "a.jsonl").write_bytes(line + b"\n" + b"\0" * 100 + b"\n" + line + b"\n")
    assert [row.values for row in rows_of(tmp_path / "a.jsonl")] == [ROWS[0], None, ROWS[0]]


def test_excel_says_what_separates_cells(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfsep=;\r\nq;a\r\n1,5;2\r\n")
    assert [row.values for row in rows_of(tmp_path / "a.csv")] == [{"q": "1,5", "a": "2"}]


def test_a_quote_that_does_not_end_breaks_the_file_off(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('q,a\n1,2\n3,"4\n5,6\n', encoding="utf-8")
    first, last = rows_of(tmp_path / "a.csv")
    assert first.values == {"q": "1", "a": "2"}
    assert last.last
    assert "a quote in it does not end" in last.problem


@pytest.mark.parametrize(
    "value",
    [
        {"a": {"instruction": "Hi", "output": "Ho"}, "b": {"instruction": "Go", "output": "On", "note": "x"}},
        {"0": {"question": "Hi", "answer": "Ho"}, "1": {"question": "Go", "answer": "On"}},
    ],
)
def test_rows_that_are_members_of_an_object(tmp_path: Path, value: dict[str, Any]) -> None:
    (tmp_path / "a.json").write_text(json.dumps(value), encoding="utf-8")
    assert [row.values for row in rows_of(tmp_path / "a.json")] == list(value.values())


def test_the_only_line_of_a_file_with_a_dialogue_is_a_row(tmp_path: Path) -> None:
    row = {"context": [{"role": "user", "content": "Hi"}], "response1": "Ho", "votes": [{"score": 1}, {"score": 2}]}
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert [found.values for found in rows_of(tmp_path / "a.jsonl")] == [row]


def test_rows_are_counted_where_that_costs_little(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({"instruction": "x" * 200, "output": str(i)}) for i in range(1500))
    for name, end in (("a.jsonl", ""), ("b.jsonl", "\n")):
        (tmp_path / name).write_text(lines + end, encoding="utf-8")
        assert count_of(tmp_path / name) == 1500
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "d.json").write_text("[{}]", encoding="utf-8")
    (tmp_path / "e.csv").write_text("a\n1\n", encoding="utf-8")
    assert [count_of(tmp_path / name) for name in ("c.jsonl.gz", "d.json", "e.csv")] == [None, None, None]
    pq.write_table(pa.table({"instruction": ["Hi"] * 7}), tmp_path / "f.parquet")
    assert count_of(tmp_path / "f.parquet") == 7


def test_a_parquet_file_that_unpacks_to_far_more_than_it_is_stays_within_bounds(tmp_path: Path) -> None:
    rows = 60
    output = pa.DictionaryArray.from_arrays([0] * (rows - 1) + [1], ["x" * (HEAVIEST + 1), "Ho"])
    table = pa.table({"instruction": ["Hi"] * rows, "output": output})
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd", store_schema=False)
    del table
    assert (tmp_path / "a.parquet").stat().st_size < HEAVIEST / 100
    before = pa.total_allocated_bytes()
    most = 0
    found = []
    for row in rows_of(tmp_path / "a.parquet"):
        most = max(most, pa.total_allocated_bytes() - before)
        found.append(row)
    assert most < rows * HEAVIEST / 4
    assert {row.problem for row in found[:-1]} == {"a row of more than 16,777,216 bytes"}
    assert found[-1].values == {"instruction": "Hi", "output": "Ho"}
