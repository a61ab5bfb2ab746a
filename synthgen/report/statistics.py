"""The numbers of a run's records: counts, lengths, openings, diversity; and as tables for a terminal."""

from __future__ import annotations

import itertools
import math
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthgen.safety.outward import visible
from synthgen.store.folder import RunFolder
from synthgen.store.record_files import dataset_files, read_rows
from synthgen.text import UNSPACED

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table


MOST_BINS = 30
SIMILARITY_BINS = 50


def length_histogram(values: Sequence[int]) -> dict[str, Any]:
    """How many values lie in [0, width), [width, 2 width) …, and `above` all of these bins.

    The bins reach to the 99th percentile: a few very long texts would else leave one bin for all the others.
    """
    if not values:
        return {"width": 1, "counts": [], "above": 0}
    top = sorted(values)[max(0, -(-99 * len(values) // 100) - 1)]
    width = _width(top)
    counts = [0] * (top // width + 1)
    above = 0
    for value in values:
        if value // width < len(counts):
            counts[value // width] += 1
        else:
            above += 1
    return {"width": width, "counts": counts, "above": above}


def similarity_histogram(values: Sequence[float]) -> dict[str, Any]:
    """How many values lie in each fiftieth of 0 to 1; 1 itself is in the last one."""
    counts = [0] * SIMILARITY_BINS
    for value in values:
        # 0.58 * 50 is 28.999…: a bound belongs to the bin above it
        counts[min(SIMILARITY_BINS - 1, max(0, int(value * SIMILARITY_BINS + 1e-9)))] += 1
    return {"width": 1 / SIMILARITY_BINS, "counts": counts}


def _width(top: int) -> int:
    """The least of 1, 2, 5, 10, 20, 50 … that covers 0 to `top` in at most `MOST_BINS` bins."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if top // (digit * power) < MOST_BINS:
                return digit * power
        power *= 10


FIELDS = ("instruction", "input", "output")
QUANTILES = {"min": 0.0, "p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95, "max": 1.0}
OPENING_WORDS = 2
NEAR_DUPLICATE = ("near_duplicate", "duplicate")
"""Reasons whose score is the similarity (0 to 1) to the nearest text."""

DISTINCT_BUDGET = 20_000
"""Words that distinct-n looks at. The share of distinct n-grams falls with the length of the text, so only numbers over
equally many words can be compared."""

_WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+")  # each character of those counts as a word


def stats(path: Path | str, *, openings: int = 20) -> dict[str, Any]:
    """The numbers of the run in this folder, as plain values.

    `words` holds the quantiles of each field's length in words (records where it is empty left out); `openings` the
    most frequent first words of instructions; `distinct_n` the share of distinct n-grams among the instructions' own;
    `near_duplicates` how near the neighbours of the records were that were rejected for theirs.

    Raises:
        StoreError: there is no run, or it has not ended yet.
    """
    folder = RunFolder.open(path)
    return figures(folder, folder.run_report().model_dump(mode="json", by_alias=True), openings=openings)


def figures(folder: RunFolder, report: Mapping[str, Any], *, openings: int = 20) -> dict[str, Any]:
    """What `stats` returns, of a folder whose report may not be in it yet."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("task_type", "language", "teacher_model")}
    lengths = {name: array("Q") for name in FIELDS}
    starts: Counter[str] = Counter()
    for row in _accepted(folder, (*FIELDS, *counts)):
        for name, counter in counts.items():
            counter[row[name] or "none"] += 1
        for name in FIELDS:
            if row[name]:
                lengths[name].append(len(words(row[name])))
        starts[opening(row["instruction"])] += 1
    reasons: dict[str, Counter[str]] = {}
    similarities, thresholds = array("d"), set()
    for row in read_rows(folder.rejected_path, ("stage", "reason", "score", "limit")):
        reasons.setdefault(row["stage"] or "none", Counter())[row["reason"]] += 1
        if row["reason"] in NEAR_DUPLICATE and _number(row["score"]) and _number(row["limit"]):
            similarities.append(row["score"])
            thresholds.add(row["limit"])
    return {
        **{name: report[name] for name in ("generated", "accepted", "rejected", "status", "target", "attempts")},
        **{name: report[name] for name in ("requests", "tokens", "cost_usd")},
        "task_types": _ordered(counts["task_type"]),
        "languages": _ordered(counts["language"]),
        "teacher_models": _ordered(counts["teacher_model"]),
        "words": {name: quantiles(values) for name, values in lengths.items()},
        "word_histograms": {name: length_histogram(values) for name, values in lengths.items()},
        "openings": _ordered(starts, openings),
        "distinct_openings": len(starts),
        "distinct_n": _distinct(folder, sum(lengths["instruction"])),
        "rejected_by_reason": _ordered(sum(reasons.values(), Counter())),
        "rejected_by_stage": {stage: _ordered(counter) for stage, counter in reasons.items()},
        "near_duplicates": similarity_histogram(similarities) | {"thresholds": sorted(thresholds)},
    }


def words(text: str) -> list[str]:
    """The words of a text in any script; of Han and kana each character."""
    return _WORD.findall(text)


def opening(text: str) -> str:
    """The first words of a text in lower case, as `words` splits it."""
    found = _WORD.finditer(text.lower())
    return " ".join(match[0] for match in itertools.islice(found, OPENING_WORDS))


def quantiles(values: Sequence[int]) -> dict[str, float]:
    """How many values there are, their mean, and the values at the quantiles (nearest rank)."""
    if not values:
        return {"records": 0}
    ranked = sorted(values)
    at = {name: ranked[max(0, math.ceil(q * len(ranked)) - 1)] for name, q in QUANTILES.items()}
    return {"records": len(ranked), "mean": round(sum(ranked) / len(ranked), 2), **at}


def _accepted(folder: RunFolder, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    for path in dataset_files(folder.dataset_path):
        yield from read_rows(path, columns)


def _number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _ordered(counter: Counter[str], most: int | None = None) -> dict[str, int]:
    return dict(sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:most])


def _distinct(folder: RunFolder, total: int) -> dict[str, Any]:
    """Distinct-1 to -3 over at most `DISTINCT_BUDGET` words of instructions spread evenly over the dataset."""
    stride = max(1, math.ceil(total / DISTINCT_BUDGET))
    seen: dict[int, set[tuple[str, ...]]] = {1: set(), 2: set(), 3: set()}
    made = dict.fromkeys(seen, 0)
    used = 0
    for number, row in enumerate(_accepted(folder, ("instruction",))):
        if number % stride:
            continue
        found = words(row["instruction"].lower())[: DISTINCT_BUDGET - used]
        used += len(found)
        for n, grams in seen.items():
            new = list(zip(*(found[i:] for i in range(n)), strict=False))
            made[n] += len(new)
            grams.update(new)
    shares = {str(n): round(len(seen[n]) / made[n], 4) if made[n] else None for n in seen}
    return {"words": used, **shares}


_BAR = 24


def stats_view(numbers: Mapping[str, Any], *, most: int = 10) -> Group:
    """What `stats` found, as tables with bars; of long lists the `most` frequent entries."""
    from rich.console import Group
    from rich.text import Text

    head = Text(
        f"{numbers['status']}: {numbers['accepted']:,} accepted and {numbers['rejected']:,} rejected"
        f" of {numbers['generated']:,} records, {numbers['attempts']:,} attempts",
        style="bold",
    )
    parts: list[RenderableType] = [head, Text()]
    for title, key in (
        ("task type", "task_types"),
        ("language", "languages"),
        ("rejected because", "rejected_by_reason"),
        ("opening words", "openings"),
    ):
        if numbers[key]:
            parts += [_bars(title, numbers[key], most), Text()]
    return Group(*parts, _lengths(numbers["words"]), Text(), Text(_distinct_line(numbers["distinct_n"])))


def _bars(title: str, counts: Mapping[str, int], most: int) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 1), title_justify="left", header_style="bold")
    table.add_column(title, overflow="fold")
    table.add_column("records", justify="right")
    table.add_column("")
    longest = max(counts.values())
    for name, count in list(counts.items())[:most]:
        table.add_row(Text(visible(name)), f"{count:,}", "█" * max(1, round(_BAR * count / longest)))
    if len(counts) > most:
        table.add_row(f"… {len(counts) - most} more", f"{sum(list(counts.values())[most:]):,}", "")
    return table


def _lengths(lengths: Mapping[str, Mapping[str, float]]) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 1), header_style="bold")
    names = [name for numbers in lengths.values() for name in numbers]
    heads = list(dict.fromkeys(names))
    table.add_column("words")
    for head in heads:
        table.add_column(head, justify="right")
    for field, numbers in lengths.items():
        table.add_row(field, *(f"{numbers[head]:,g}" if head in numbers else "" for head in heads))
    return table


def _distinct_line(shares: Mapping[str, Any]) -> str:
    parts = [f"distinct-{n} {shares[n]:.3f}" for n in ("1", "2", "3") if shares[n] is not None]
    return f"{', '.join(parts) or 'no words'} over {shares['words']:,} words of instructions"
