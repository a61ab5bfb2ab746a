from __future__ import annotations

import json
from pathlib import Path

import pytest
from terminal import Synthgen

ROWS = [
    {"q": "Name three animals that live in the sea.", "short": "a b c d"},
    {"q": "Name three animals that live in the sea!", "short": "a b c e"},
    {"q": "Write a poem about a lighthouse.", "short": "x y"},
    {"q": "Name three animals that live in the deep sea.", "short": "z"},
]


@pytest.fixture(autouse=True)
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_near_duplicates_leave_and_the_rest_stays_as_it_was(tmp_path: Path, rows: Path, synthgen: Synthgen) -> None:
    done = synthgen("dedup", "rows.jsonl", "--out", "kept.jsonl", "--field", "q", "--dropped", "dropped.jsonl")
    assert done.stdout.startswith("2 rows kept in kept.jsonl, 2 dropped, ")
    lines = rows.read_text().splitlines()
    assert (tmp_path / "kept.jsonl").read_text().splitlines() == [lines[0], lines[2]]
    evidence = [json.loads(line) for line in (tmp_path / "dropped.jsonl").read_text().splitlines()]
    assert [(row["line"], row["nearest_line"]) for row in evidence] == [(2, 1), (4, 1)]


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ((), 2),
        (("--threshold", "0.95"), 3),
        (("--method", "hash"), 3),
        (("--workers", "2"), 2),
        # three of four words in common: an F of 0.75
        (("--field", "short", "--threshold", "0.75", "--rule", "gt"), 4),
        (("--field", "short", "--threshold", "0.75", "--rule", "ge"), 3),
        (("--tokenizer", "rouge"), 2),
    ],
)
def test_options_reach_the_index(synthgen: Synthgen, options: tuple[str, ...], kept: int) -> None:
    done = synthgen("dedup", "rows.jsonl", "--out", "kept.jsonl", "--field", "q", "--json", *options)
    result = json.loads(done.stdout)
    assert (result["kept"], result["dropped"]) == (kept, 4 - kept)
    assert result.keys() == {"kept", "dropped", "without_text", "unreadable", "seconds"}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("rows.jsonl", "--out", "kept.jsonl"), 2, "rows.jsonl:1: nothing says what its rows ask\n  → choose one"),
        (("none.jsonl", "--out", "kept.jsonl"), 2, "none.jsonl: there is no such file"),
        (("rows.jsonl", "--out", "rows.jsonl", "--field", "q"), 1, "must be different files"),
        (("rows.jsonl", "--out", "kept.jsonl", "--threshold", "0"), 2, "above 0 and at most 1"),
        (("rows.jsonl", "--out", "kept.jsonl", "--rule", "eq"), 2, "'gt', 'ge'"),
        (("rows.jsonl",), 2, "--out"),
    ],
)
def test_what_cannot_be_done(
    tmp_path: Path, synthgen: Synthgen, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = synthgen("dedup", *arguments, code=code)
    assert words in done.stderr
    assert not (tmp_path / "kept.jsonl").exists()
