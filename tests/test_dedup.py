from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from synthgen import dedup as module
from synthgen.dedup import Progress, dedup
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
    ("content", "message"),
    [
        (b"{", r"in\.jsonl:2: not JSON at column 2"),
        (b"[" * 100_000, r"in\.jsonl:2: not JSON"),
        (b"[1]", r"in\.jsonl:2: a JSON list, not an object"),
        (b'{"a": "\xff"}', r"in\.jsonl:2: not UTF-8 \(byte 8 of the line\)"),
        (
            b'{"text": "x", "n": 1}',
            r"in\.jsonl:2: the field 'instruction' is missing\n  → .*: text",
        ),
        (b'{"instruction": null}', r"in\.jsonl:2: the field 'instruction' is NoneType, not text"),
    ],
)
def test_a_bad_line_is_an_error_with_its_number_and_leaves_no_file(source, out, tmp_path, content, message):
    source.write_bytes(KEPT + b"\n" + content + b"\n")
    with pytest.raises(SeedError, match=message):
        dedup(source, out, dropped=tmp_path / "dropped.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_byte_order_mark_is_no_trouble(source, out, tmp_path):
    source.write_bytes(b"\xef\xbb\xbf" + KEPT + b"\n" + KEPT)
    assert dedup(source, out, dropped=tmp_path / "dropped.jsonl").kept == 1
    assert json.loads((tmp_path / "dropped.jsonl").read_text())["row"] == json.loads(KEPT)


def test_an_empty_file(source, out):
    source.write_bytes(b"")
    assert dedup(source, out).kept == 0
    assert out.read_bytes() == b""


def test_an_input_that_is_not_there(source, out):
    with pytest.raises(SeedError, match=r"in\.jsonl: cannot be read"):
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
