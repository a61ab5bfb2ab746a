from __future__ import annotations

import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.api import dedup as module
from synthgen.api.dedup import Progress, dedup
from synthgen.errors import SeedError, StoreError
from synthgen.similarity import NearDuplicateIndex


def lines(*rows: object) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "in.jsonl"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


KEPT = b'{"instruction":  "Name three rivers in Europe.", "x": 1e5, "caf\\u00e9": "\xc3\xa9"}'
DROPPED = b'{"x": 2, "instruction": "Name three long rivers in Europe."}'
OTHER = b'{"instruction": "Say why the sky is blue.\\ud800"}'


def test_kept_rows_come_out_byte_for_byte_and_dropped_ones_with_evidence(source, out, tmp_path):
    source.write_bytes(KEPT + b"\r\n\n" + DROPPED + b"\n" + OTHER)
    result = dedup(source, out, dropped=tmp_path / "dropped.jsonl")
    assert (result.kept, result.dropped) == (2, 1)
    assert out.read_bytes() == KEPT + b"\n" + OTHER + b"\n"
    (evidence,) = map(json.loads, (tmp_path / "dropped.jsonl").read_text().splitlines())
    assert evidence == {
        "line": 3,
        "reason": "near_duplicate",
        "score": pytest.approx(10 / 11),
        "threshold": 0.7,
        "nearest_line": 1,
        "nearest_text": "Name three rivers in Europe.",
        "row": json.loads(DROPPED),
    }
    assert DROPPED in (tmp_path / "dropped.jsonl").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dropped.jsonl", "in.jsonl", "out.jsonl"]


@pytest.mark.parametrize("workers", [1, 2])
def test_blocks_and_workers_change_nothing(source, out, monkeypatch, workers):
    monkeypatch.setattr(module, "BLOCK", 64)
    rng = random.Random(0)
    texts = [" ".join(rng.choices([f"w{i}" for i in range(12)], k=6)) for _ in range(400)]
    source.write_bytes(lines(*({"instruction": text} for text in texts)))
    index = NearDuplicateIndex(0.6, rule="ge")
    expected = [text for text in texts if index.check(text) is None]
    seen: list[Progress] = []
    result = dedup(source, out, threshold=0.6, rule="ge", workers=workers, progress=seen.append)
    assert [json.loads(line)["instruction"] for line in out.read_bytes().splitlines()] == expected
    assert (result.kept, result.kept + result.dropped) == (len(expected), 400)
    assert (seen[-1].kept, seen[-1].dropped, seen[-1].share) == (result.kept, result.dropped, 1.0)
    assert len(seen) == 7
    assert all(0 < progress.share <= 1 for progress in seen)


@pytest.mark.parametrize(("method", "kept"), [("exact", 2), ("hash", 3), ("minhash", 2)])
def test_methods_and_fields(source, out, method, kept):
    text = "Name three rivers in Europe that flow into the Black Sea."
    texts = [text, text.replace("three", "four"), text.upper(), "Say why the sky is blue."]
    source.write_bytes(lines(*({"question": {"exact": t}.get(method, t)} for t in texts)))
    assert dedup(source, out, field="question", method=method).kept == kept


def test_the_tokenizer_and_the_arithmetic_are_settings(source, out, tmp_path):
    source.write_bytes(lines({"instruction": "写诗 5"}, {"instruction": "列出 5"}))
    assert dedup(source, out).kept == 2
    assert dedup(source, tmp_path / "2", tokenizer="rouge").kept == 1
    # 7 of 7 and 13: exactly 0.7, which is 0.7000000000000001 in floats
    seven = "a b c d e f g"
    source.write_bytes(lines({"instruction": seven}, {"instruction": seven + " h i j k l m"}))
    assert dedup(source, tmp_path / "3").kept == 2
    assert dedup(source, tmp_path / "4", arithmetic="compat").kept == 1


@pytest.mark.parametrize(
    "content",
    [b"{", b"[" * 100_000, b"[1]", b'{"a": "\xff"}', b'{"text": "x", "n": 1}', b'{"instruction": null, "output": "y"}'],
)
def test_a_row_without_a_text_is_kept_and_counted(source, out, tmp_path, content):
    source.write_bytes(KEPT + b"\n" + content + b"\n" + DROPPED)
    result = dedup(source, out, dropped=tmp_path / "dropped.jsonl")
    assert (result.kept, result.dropped, result.without_text, result.unreadable) == (2, 1, 1, ())
    assert out.read_bytes() == KEPT + b"\n" + content + b"\n"


@pytest.mark.parametrize(
    ("content", "field", "message"),
    [
        (b'{"text": "x", "n": 1}', None, r"in\.jsonl:1: nothing says what its rows ask\n  → .*--field: text"),
        (
            b'{"text": "x", "n": 1}',
            "question",
            r"in\.jsonl:1: none .* has a text in the field 'question'\n  → .*: text",
        ),
        (b"{", None, r"in\.jsonl:1: none of its first 100 rows can be read: not JSON"),
    ],
)
def test_rows_of_which_none_has_a_text_are_an_error(source, out, content, field, message):
    source.write_bytes(content)
    with pytest.raises(SeedError, match=message):
        dedup(source, out, field=field)
    assert not out.exists()


ROWS = [
    {"instruction": "Name three rivers in Europe.", "input": "", "output": "a"},
    {"instruction": "Name three long rivers in Europe.", "input": "", "output": "b"},
    {"instruction": "Say why the sky is blue.", "input": "", "output": "c"},
]


def test_an_array_stays_one_and_so_does_what_is_around_it(tmp_path):
    for name, content in (
        ("a.json", ROWS),
        ("b.json", {"version": "1", "data": ROWS, "more": [1], "nothing": [], "test": [{"instruction": "x"}]}),
    ):
        (tmp_path / name).write_text(json.dumps(content))
        assert dedup(tmp_path / name, tmp_path / f"out_{name}").kept == 2
        kept = json.loads((tmp_path / f"out_{name}").read_text())
        if isinstance(content, dict):
            assert {**kept, "data": ROWS} == content
            kept = kept["data"]
        assert kept == [ROWS[0], ROWS[2]]
    assert dedup(tmp_path / "a.json", tmp_path / "lines.jsonl").kept == 2
    assert list(map(json.loads, (tmp_path / "lines.jsonl").read_text().splitlines())) == [ROWS[0], ROWS[2]]


def test_tables_keep_their_form_and_types(tmp_path):
    table = pa.table(
        {
            "instruction": [row["instruction"] for row in ROWS],
            "score": pa.array([1, None, 3], pa.int8()),
            "b": [b"x"] * 3,
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    assert dedup(tmp_path / "a.parquet", tmp_path / "out.parquet").kept == 2
    assert pq.read_table(tmp_path / "out.parquet").equals(table.take([0, 2]))
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    assert dedup(tmp_path / "a.arrow", tmp_path / "out.arrow").kept == 2
    with pa.memory_map(str(tmp_path / "out.arrow")) as file:
        assert pa.ipc.open_stream(file).read_all().equals(table.take([0, 2]))
    with pytest.raises(StoreError, match="are parquet"):
        dedup(tmp_path / "a.parquet", tmp_path / "out.jsonl")
    (tmp_path / "a.csv").write_text('question;answer\n"Name three; rivers.";1\nbad\n"Name three; rivers.";2\nWhy?;3\n')
    result = dedup(tmp_path / "a.csv", tmp_path / "out.csv")
    assert (result.kept, result.dropped, len(result.unreadable)) == (2, 1, 1)
    assert "a.csv:2: 1 cells" in result.unreadable[0]
    assert (tmp_path / "out.csv").read_text() == 'question;answer\n"Name three; rivers.";1\nWhy?;3\n'


def test_a_folder_is_one_dataset(tmp_path, out):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_bytes(lines(*ROWS[:1]))
    (tmp_path / "data" / "b.jsonl").write_bytes(lines(*ROWS[1:]))
    (tmp_path / "data" / "c.csv").write_text("instruction\nx\n")
    result = dedup(tmp_path / "data", out, dropped=tmp_path / "dropped.jsonl")
    assert (result.kept, result.dropped) == (2, 1)
    assert [aside.endswith("c.csv (another kind of file than jsonl)") for aside in result.files_aside] == [True]
    (evidence,) = map(json.loads, (tmp_path / "dropped.jsonl").read_text().splitlines())
    assert (evidence["file"], evidence["nearest_file"]) == (
        str(tmp_path / "data" / "b.jsonl"),
        str(tmp_path / "data" / "a.jsonl"),
    )


def test_chats_are_compared_by_their_last_question(source, out):
    def chat(*said):
        return [{"role": role, "content": text} for role, text in zip(("user", "assistant") * 2, said, strict=False)]

    call = [
        *chat("Why is it so?"),
        {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
    ]
    source.write_bytes(
        lines(
            {"messages": chat("Name a lake.", "Como")},
            {"conversations": [{"from": "human", "value": "Name a lake!"}, {"from": "gpt", "value": "Garda"}]},
            {"messages": chat("Tell of Rome.", "It is old.", "Name a lake.", "Como")},
            {"messages": call},
            {"messages": call},
        )
    )
    result = dedup(source, out)
    assert (result.kept, result.dropped, result.without_text) == (3, 2, 0)
    out.unlink()
    assert (
        dedup(source, out, field="messages").dropped == 2
    )  # two chats end with the same question, and two with a call


def test_many_inputs_to_one_instruction_are_many_tasks(source, out):
    ask = "Translate the following sentence into French, and answer with the translation alone."
    inputs = ["The cat sleeps.", "I bought bread.", "The cat sleeps!", "Where is the station?"]
    source.write_bytes(lines(*({"instruction": ask, "input": given, "output": "x"} for given in inputs)))
    for fields in (None, ["instruction", "input"]):
        assert dedup(source, out, field=fields, overwrite=True).kept == 3
    assert dedup(source, out, field="instruction", overwrite=True).kept == 1
    source.write_bytes(
        lines(*({"instruction": q, "input": "A long text. " * 30} for q in ["Who is it?", "When was it?"]))
    )
    assert dedup(source, out, overwrite=True).kept == 2


def test_a_byte_order_mark_is_no_trouble(source, out, tmp_path):
    source.write_bytes(b"\xef\xbb\xbf" + KEPT + b"\n" + KEPT)
    assert dedup(source, out, dropped=tmp_path / "dropped.jsonl").kept == 1
    assert json.loads((tmp_path / "dropped.jsonl").read_text())["row"] == json.loads(KEPT)


def test_an_empty_file(source, out):
    source.write_bytes(b"")
    assert dedup(source, out).kept == 0
    assert out.read_bytes() == b""


def test_an_input_that_is_not_there(source, out):
    with pytest.raises(SeedError, match=r"in\.jsonl: there is no such file"):
        dedup(source, out)
    assert not out.exists()


def test_nothing_is_overwritten_silently(source, out, tmp_path):
    source.write_bytes(KEPT)
    out.write_bytes(b"precious")
    with pytest.raises(StoreError, match=r"out\.jsonl is there already"):
        dedup(source, out)
    with pytest.raises(StoreError, match=r"out\.jsonl is there already"):
        dedup(source, tmp_path / "new.jsonl", dropped=out)
    assert out.read_bytes() == b"precious"
    assert dedup(source, out, overwrite=True).kept == 1
    assert out.read_bytes() == KEPT + b"\n"


def test_a_file_that_appears_meanwhile_is_kept(source, out):
    source.write_bytes(KEPT)
    with pytest.raises(StoreError, match="is there already"):
        dedup(source, out, progress=lambda _: out.write_bytes(b"precious") and None)
    assert out.read_bytes() == b"precious"


def test_the_files_must_differ(source, out, tmp_path):
    source.write_bytes(KEPT)
    for places in ({"out": source}, {"out": out, "dropped": out}, {"out": tmp_path / "." / "in.jsonl"}):
        with pytest.raises(StoreError, match="must be different files"):
            dedup(source, overwrite=True, **places)
    assert source.read_bytes() == KEPT


def test_a_folder_that_is_not_there(source, tmp_path):
    source.write_bytes(KEPT)
    with pytest.raises(StoreError, match="there is no"):
        dedup(source, tmp_path / "none" / "out.jsonl")


def test_a_threshold_that_makes_no_sense(source, out):
    source.write_bytes(KEPT)
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        dedup(source, out, threshold=7)
    assert not out.exists()


def test_files_with_their_columns_in_another_order_come_together_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.csv").write_text("instruction,output\nWhat is this?,x\n", encoding="utf-8")
    (folder / "b.csv").write_text("output;instruction\ny;Where am I going?\n", encoding="utf-8")
    dedup(folder, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text("utf-8") == ("instruction,output\nWhat is this?,x\nWhere am I going?,y\n")
    (folder / "b.csv").write_text("instruction\nWhere am I going?\n", encoding="utf-8")
    with pytest.raises(SeedError, match="its columns are not those of"):
        dedup(folder, tmp_path / "other.csv")
    assert not (tmp_path / "other.csv").exists()


def test_parquet_files_of_other_columns_and_types_come_together(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    pq.write_table(pa.table({"instruction": ["What is this?"], "n": [1]}), folder / "a.parquet")
    pq.write_table(pa.table({"n": [2.5], "x": ["y"], "instruction": ["Where am I going?"]}), folder / "b.parquet")
    dedup(folder, tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet").to_pylist() == [
        {"instruction": "What is this?", "n": 1.0, "x": None},
        {"instruction": "Where am I going?", "n": 2.5, "x": "y"},
    ]
    pq.write_table(pa.table({"instruction": ["Why?"], "n": ["text"]}), folder / "b.parquet")
    with pytest.raises(SeedError, match="cannot be put into one table"):
        dedup(folder, tmp_path / "other.parquet")


def test_a_table_keeps_its_first_line_its_mark_and_columns_without_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\ufeff,instruction,output\n0,What is this?,x\n", encoding="utf-8")
    dedup(tmp_path / "a.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text("utf-8") == "\ufeff,instruction,output\n0,What is this?,x\n"
    (tmp_path / "b.csv").write_text("instruction,output\n", encoding="utf-8")
    dedup(tmp_path / "b.csv", tmp_path / "none.csv")
    assert (tmp_path / "none.csv").read_text("utf-8") == "instruction,output\n"
