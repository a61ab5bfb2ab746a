"""The collapse alarms: how a round's records differ from those of the first round that made any.

A verifier cannot see collapse: a student that copies its easy tasks passes ever more often. What it shows is that
variety and new tasks fall meanwhile, so several measures are looked at together.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from synthgen.loop.models import Alarms
from synthgen.records import Record, user_text
from synthgen.text import ngrams, normalize, tokenize

WORDS = 20_000
"""Words that distinct-2 looks at: it falls with the length of the text, so only equal budgets compare."""

RESAMPLES = 400


def measure(records: Sequence[Record], *, generated: int, known: Collection[str]) -> dict[str, Any]:
    """The measures of a round's accepted records, as plain values; `known` are normalised tasks seen before.

    `entropy` is of the task types, in bits; `entropy_interval`, `opening_interval` and `length_interval` bound
    resampled records at 95 %. `words` are how many `distinct_2` looked at, `bytes` what `compression` did.
    """
    tasks = [normalize(user_text(r)) for r in records]
    words = [tokenize(task) for task in tasks]
    openings = [w[0] if w else "" for w in words]
    lengths = np.array([len(r.output or "") for r in records], dtype=float)
    types = [r.task_type or "none" for r in records]
    texts = "\n".join(tasks).encode()
    counts = Counter(openings)
    return {
        "records": len(records),
        "yield": round(len(records) / generated, 4) if generated else 0.0,
        "new": len({*tasks} - {*known}),
        "task_types": dict(sorted(Counter(types).items())),
        "entropy": round(entropy(list(Counter(types).values())), 4),
        "entropy_interval": _resampled(types, lambda c: entropy(c)),
        "opening": counts.most_common(1)[0][0] if counts else "",
        "opening_share": round(max(counts.values()) / len(openings), 4) if counts else 0.0,
        "opening_interval": _resampled(openings, lambda c: max(c) / sum(c)),
        "distinct_2": distinct(words, WORDS),
        "words": min(WORDS, sum(map(len, words))),
        "compression": round(len(texts) / len(zlib.compress(texts, 9)), 3) if texts else 0.0,
        "bytes": len(texts),
        "length": round(float(lengths.mean()), 2) if len(lengths) else 0.0,
    }


def entropy(counts: Sequence[int]) -> float:
    """The entropy of counts, in bits."""
    total = sum(counts)
    return -sum(c / total * math.log2(c / total) for c in counts if c) if total else 0.0


def distinct(texts: Sequence[Sequence[str]], budget: int) -> float:
    """The share of distinct pairs of words among the pairs of the first `budget` words; no pair spans two texts."""
    seen: set[tuple[str, ...]] = set()
    made = 0
    for text in texts:
        part = text[:budget]
        budget -= len(part)
        pairs = ngrams(part, 2)
        made += len(pairs)
        seen.update(pairs)
        if budget <= 0:
            break
    return round(len(seen) / made, 4) if made else 0.0


def _resampled(labels: Sequence[str], figure: Any) -> list[float]:
    """The bounds at 95 % of a figure of the labels' counts."""
    if not labels:
        return [0.0, 0.0]
    counts = np.array(sorted(Counter(labels).values()))
    draws = np.random.default_rng(0).multinomial(len(labels), counts / counts.sum(), size=RESAMPLES)
    values = [figure([int(c) for c in row if c]) for row in draws]
    return [round(float(v), 4) for v in np.quantile(values, [0.025, 0.975])]


def alarms(now: dict[str, Any], first: dict[str, Any], limits: Alarms) -> list[str]:
    """What is beyond its limits, each as a sentence; empty for the first round.

    A fall of entropy and a rise of the openings count where their resampled bounds are beyond the limit too.
    """
    if not first["records"]:
        return []
    scale = math.log2(max(2, len(first["task_types"])))
    found = []
    entropy_fall = (first["entropy"] - now["entropy"]) / scale
    if entropy_fall > limits.entropy and (first["entropy"] - now["entropy_interval"][1]) / scale > limits.entropy / 2:
        found.append(f"entropy of task types fell from {first['entropy']:.2f} to {now['entropy']:.2f} bits")
    if now["new"] < first["new"] * (1 - limits.new):
        found.append(f"new tasks fell from {first['new']:,} to {now['new']:,}")
    if now["opening_interval"][0] > first["opening_share"] * limits.opening:
        found.append(
            f"{now['opening_share']:.0%} of tasks begin with {now['opening']!r}, the commonest had"
            f" {first['opening_share']:.0%}"
        )
    if now["words"] >= first["words"] / 2 and now["distinct_2"] < first["distinct_2"] * (1 - limits.distinct):
        found.append(f"distinct-2 fell from {first['distinct_2']:.2f} to {now['distinct_2']:.2f}")
    if now["bytes"] >= first["bytes"] / 2 and now["compression"] > first["compression"] * (1 + limits.compression):
        found.append(f"compression ratio rose from {first['compression']:.2f} to {now['compression']:.2f}")
    if abs(now["length"] - first["length"]) > first["length"] * limits.length:
        found.append(f"answers' mean length went from {first['length']:.1f} to {now['length']:.1f} characters")
    # a student that gets better passes more too, but it finds new tasks meanwhile
    rose, fell = now["yield"] > first["yield"] + limits.passed, now["new"] < first["new"]
    if rose and fell and entropy_fall > limits.entropy:
        found.append("more passes while task types and new tasks grow fewer: the student repeats what it can")
    return found
