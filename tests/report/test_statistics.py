from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from store_parts import CONFIG, accepted, rejected, write_run

from synthgen.errors import StoreError
from synthgen.report import statistics as module
from synthgen.report import stats, stats_view
from synthgen.report.statistics import quantiles, words
from synthgen.store import RunFolder


def test_counts_lengths_and_openings(tmp_path: Path) -> None:
    kept = [
        accepted(1, instruction="Write a poem.", input="", output="one two three", task_type="poetry", language="en"),
        accepted(2, instruction="Write a song now.", input="x y", output="", task_type="poetry", language=None),
        accepted(3, instruction="Translate it.", input="", output=None, task_type=None, language="de"),
    ]
    numbers = stats(write_run(tmp_path / "run", kept, [rejected(1), rejected(2)]))
    assert (numbers["generated"], numbers["accepted"], numbers["rejected"]) == (5, 3, 2)
    assert numbers["task_types"] == {"poetry": 2, "none": 1}
    assert numbers["languages"] == {"de": 1, "en": 1, "none": 1}
    assert numbers["teacher_models"] == {"hash-1": 3}
    assert numbers["openings"] == {"write a": 2, "translate it": 1}
    assert numbers["distinct_openings"] == 2
    assert numbers["words"]["instruction"] == {
        "records": 3,
        "mean": 3.0,
        "min": 2,
        "p5": 2,
        "p25": 2,
        "median": 3,
        "p75": 4,
        "p95": 4,
        "max": 4,
    }
    assert numbers["words"]["input"]["records"] == 1
    assert numbers["words"]["output"]["records"] == 1
    assert numbers["rejected_by_reason"] == {"too_short": 2}
    assert numbers["rejected_by_stage"] == {"length": {"too_short": 2}}
    assert numbers["distinct_n"] == {"words": 9, "1": 0.7778, "2": 0.8333, "3": 1.0}


def test_distinct_n_looks_at_no_more_than_its_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DISTINCT_BUDGET", 50)
    same = [accepted(i, instruction="one two three four five") for i in range(40)]
    numbers = stats(write_run(tmp_path / "run", same))["distinct_n"]
    assert numbers == {"words": 50, "1": 0.1, "2": 0.1, "3": 0.1}


def test_words_of_any_script() -> None:
    assert words("It's 3.5 km") == ["It", "s", "3", "5", "km"]
    assert words("写一首诗 about 春天") == ["写", "一", "首", "诗", "about", "春", "天"]
    assert words("Überprüfe das") == ["Überprüfe", "das"]
    assert words("") == words("… ?!") == []


@given(st.lists(st.integers(0, 50), min_size=1))
def test_quantiles_are_values_at_their_rank(values: list[int]) -> None:
    found = quantiles(values)
    assert (found["min"], found["max"], found["records"]) == (min(values), max(values), len(values))
    for name, share in (("p25", 0.25), ("median", 0.5), ("p95", 0.95)):
        value = found[name]
        assert value in values
        assert sum(v <= value for v in values) >= share * len(values)
        assert sum(v < value for v in values) < share * len(values)


def test_an_empty_run_has_numbers_too(tmp_path: Path) -> None:
    numbers = stats(write_run(tmp_path / "run", status="short"))
    assert numbers["words"]["instruction"] == {"records": 0}
    assert numbers["distinct_n"] == {"words": 0, "1": None, "2": None, "3": None}
    assert "no words" in shown(numbers)


def test_a_run_that_has_not_ended(tmp_path: Path) -> None:
    RunFolder.create_or_open(tmp_path / "run", CONFIG).close()
    with pytest.raises(StoreError, match="the run has not ended"):
        stats(tmp_path / "run")


def shown(numbers: dict[str, object]) -> str:
    out = io.StringIO()
    Console(file=out, width=100).print(stats_view(numbers, most=3))
    return out.getvalue()


def test_the_view_shows_text_of_models_as_text(tmp_path: Path) -> None:
    kept = [accepted(i, task_type=f"type{i}", instruction="[red]go[/red] \x1b[31m on") for i in range(5)]
    kept.append(accepted(9, task_type="[bold]\x1b]0;title\x07", instruction="Go"))
    text = shown(stats(write_run(tmp_path / "run", kept, [rejected(1)])))
    assert "\x1b" not in text
    assert "[bold]\\u001b]0;title\\u0007" in text
    assert "… 3 more" in text
    assert "too_short" in text
    assert "distinct-1" in text
