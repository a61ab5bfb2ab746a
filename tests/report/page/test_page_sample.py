from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_parts import accepted, rejected, with_answers, with_tools, write_run

from synthgen.records import Record
from synthgen.report.page import sample as module
from synthgen.report.page.sample import Sample, choose, rows
from synthgen.store import RunFolder


def dropped(number: int, reason: str) -> Record:
    return accepted(number, instruction=f"{reason} {number}").dropped(reason, stage="a_filter", score=float("nan"))


def sampled(run: Path) -> tuple[Sample, list[dict[str, object]]]:
    folder = RunFolder(run)
    counts = Counter((row["stage"], row["reason"]) for row in module.read_rows(folder.rejected_path))
    sample = choose(
        folder, sum(1 for p in module.dataset_files(folder.dataset_path) for _ in module.read_rows(p)), counts
    )
    return sample, list(rows(folder, sample))


def test_a_small_run_is_shown_whole(tmp_path: Path) -> None:
    sample, shown = sampled(
        write_run(tmp_path / "run", [accepted(i) for i in range(30)], [rejected(i) for i in range(9)])
    )
    assert sample.whole
    assert len(shown) == 39
    assert shown[1] == {
        "id": shown[1]["id"],
        "instruction": "Write the number 1 in words.",
        "output": "It is number 1.",
        "task_type": "writing",
        "language": "en",
        "attempt": 1,
        "index_in_attempt": 0,
        "round": 0,
        "teacher_model": "hash-1",
        "requests": ["key1"],
    }
    assert {k: shown[-1][k] for k in ("reason", "stage", "score", "limit", "detail")} == {
        "reason": "too_short",
        "stage": "length",
        "score": 2,
        "limit": 4,
        "detail": "2 words; 4 are needed",
    }
    assert "output" not in shown[-1]


def test_a_large_run_is_sampled_evenly_and_rare_reasons_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 100)
    monkeypatch.setattr(module, "LEAST_ROWS", 1)
    kept = [accepted(i) for i in range(400)]
    lost = [dropped(i, "rare" if i % 100 == 3 else "often" if i % 2 else "common") for i in range(300)]
    sample, shown = sampled(write_run(tmp_path / "run", kept, lost))
    assert not sample.whole
    reasons = Counter(row.get("reason") for row in shown)
    assert reasons == {None: 50, "rare": 3, "often": 23, "common": 24}
    steps = [row["attempt"] for row in shown if "reason" not in row]
    gaps = {b - a for a, b in pairwise(steps)}  # type: ignore[operator]
    assert gaps == {8}
    assert sampled(tmp_path / "run") == (sample, shown)
    assert all(row["score"] == "nan" for row in shown if "reason" in row)


def test_what_one_half_does_not_need_goes_to_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 100)
    monkeypatch.setattr(module, "LEAST_ROWS", 1)
    sample, _ = sampled(write_run(tmp_path / "run", [accepted(i) for i in range(400)], [rejected(1)]))
    assert (sample.accepted, sum(sample.rejected.values())) == (99, 1)


def test_long_texts_are_cut_and_long_records_are_fewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CHARACTERS", 100_000)
    monkeypatch.setattr(module, "LEAST_ROWS", 10)
    monkeypatch.setattr(module, "TEXT_CHARACTERS", 5000)
    long = "".join(chr(0x4E00 + i * 7919 % 20000) for i in range(6000))
    _, shown = sampled(write_run(tmp_path / "run", [accepted(i, output=f"{i}{long}") for i in range(100)]))
    assert len(shown) == 10
    assert all(row["cut"] == {"output": len(str(row["attempt"])) + 1000} for row in shown)
    assert {len(row["output"]) for row in shown} == {5000}  # type: ignore[arg-type]


def test_the_page_is_bounded_even_if_the_sizes_mislead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CHARACTERS", 10_000)
    monkeypatch.setattr(module, "LEAST_ROWS", 100)
    _, shown = sampled(write_run(tmp_path / "run", [accepted(i, output="x" * 2000) for i in range(100)]))
    sizes = [len(row["output"]) for row in shown]  # type: ignore[arg-type]
    assert sizes[0] == 2000
    assert sizes[-1] == module.SHORT_CHARACTERS
    assert sum(sizes) < 10_000 + 2000 + 100 * module.SHORT_CHARACTERS


def test_turns_tools_answers_and_scores_are_texts(tmp_path: Path) -> None:
    kept = [with_tools(1), with_answers(2, 0.5, None), accepted(3, scores={"quality": 4.5}, output="")]
    _, (tools, answers, scores) = sampled(write_run(tmp_path / "run", kept))
    assert str(tools["history"]).startswith("user: How is the weather?\n\nassistant: \n[{")
    assert "weather" in str(tools["tools_json"])
    assert answers["answers"] == "0.5 (m): answer 0\n\nno score (m): answer 1"
    assert scores["scores"] == {"quality": 4.5}
    assert scores["output"] == ""


@given(st.dictionaries(st.text(), st.integers(0, 50)), st.integers(0, 200))
def test_places_are_shared_out_fairly(counts: dict[str, int], places: int) -> None:
    shares = module._shares(counts, places)
    assert sum(shares.values()) == min(places, sum(counts.values()))
    assert all(shares[key] <= counts[key] for key in counts)
    for key in counts:
        if shares[key] < counts[key]:
            assert shares[key] + 1 >= max(shares.values())


@given(st.integers(0, 100).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_as_many_are_taken_as_wanted(pair: tuple[int, int]) -> None:
    wanted, of = pair
    assert sum(module._taken(number, wanted, of) for number in range(of)) == wanted
