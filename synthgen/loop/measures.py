"""A student's answers to held-out tasks as scores, and what the records of a round are like as measures."""

from __future__ import annotations

import math
import random
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from synthgen.api import run_recipe
from synthgen.errors import Interrupted
from synthgen.intervals import Interval, interval, paired
from synthgen.loop.recipe import LoopRecipe
from synthgen.loop.round import Bounds, Measures, Repetition, Scores
from synthgen.plugins.find import Finder
from synthgen.plugins.settings import build
from synthgen.records import Record, to_alpaca, user_text
from synthgen.similarity import NearDuplicateIndex
from synthgen.store.record_files import accepted_records, rejected_records
from synthgen.text import ngrams, normalize, tokenize


async def evaluate(
    recipe: LoopRecipe, checkpoint: str, held_out: Mapping[str, Path], folder: Path
) -> dict[str, Scores]:
    """Of each held-out set `correct` and `stopped` as texts of 0 and 1, one a prompt, and `task_types`' accuracies.

    Raises:
        Interrupted: the user asked to stop; the answers that came in are kept.
    """
    right = answer_check(recipe)
    found: dict[str, Scores] = {}
    for name, path in held_out.items():
        there = recipe.records(name)
        report = await run_recipe(recipe.evaluation(name, checkpoint, path), out=folder / name)
        if report.status == "interrupted":
            raise Interrupted("the evaluation was stopped", hint="the same command goes on")
        answered = {_task(r): r for r in accepted_records(folder / name)}
        cut = {_task(r) for r in rejected_records(folder / name) if r.drop is not None and r.drop.reason == "truncated"}
        correct = [(r := answered.get(_task(t))) is not None and right(r, t.output or "") for t in there]
        stopped = [_task(t) not in cut for t in there]
        found[name] = {
            "correct": bit_text(correct),
            "stopped": bit_text(stopped),
            "task_types": _by_type(there, correct),
        }
    return found


def _task(record: Record) -> tuple[str, str]:
    return record.instruction, record.input


def _by_type(records: Sequence[Record], correct: Sequence[bool]) -> dict[str, float]:
    groups: dict[str, list[bool]] = {}
    for record, right in zip(records, correct, strict=True):
        groups.setdefault(record.task_type or "none", []).append(right)
    return {name: round(sum(group) / len(group), 4) for name, group in sorted(groups.items())}


def answer_check(recipe: LoopRecipe) -> Callable[[Record, str], bool]:
    """Says whether a record with the student's answer is right; the text is the held-out record's own output."""
    entry = recipe.config.evaluate.check
    if entry is None:
        return lambda record, reference: (record.output or "").strip() == reference.strip()
    judge = build(Finder(recipe.base).find(entry.use, ("filter",)), entry.settings, recipe.base).part.filter
    return lambda record, reference: judge(record) is None


def bit_text(values: Sequence[bool]) -> str:
    """`0110…`: short in a file, and paired by place."""
    return "".join("1" if value else "0" for value in values)


def bit_values(text: str) -> list[float]:
    """The values of a `bit_text`, as numbers."""
    return [float(c) for c in text]


def gain(now: str, then: str) -> Interval:
    """How much more of one `bit_text` is 1 than of another, paired by prompt."""
    return paired(bit_values(now), bit_values(then))


def score_summary(scores: Scores) -> dict[str, float]:
    """Accuracy with its interval, and the share of answers that end, of one held-out set."""
    found = interval(bit_values(scores["correct"]))
    stopped = bit_values(scores["stopped"])
    return {
        "accuracy": round(found.mean, 4),
        "low": round(found.low, 4),
        "high": round(found.high, 4),
        "stops": round(sum(stopped) / len(stopped), 4),
    }


def prompt_rows(records: Sequence[Record]) -> list[dict[str, str]]:
    """The held-out tasks without their answers, as rows."""
    return [{k: v for k, v in to_alpaca(r).items() if k != "output"} for r in records]


WORDS = 10_000
"""Words that distinct-2 and the compression ratio look at, at most: both change with the length of the text."""

NEAR, FAR = 500, 0.3
"""Records whose nearest neighbour is looked for, at most, and the similarity below which none is told apart."""

DRAWS, RESAMPLES = 30, 400
"""Random choices of texts for distinct-2 and the compression ratio; resamples for entropy and first words."""

Z = 1.96
"""Standard errors from a mean to the bounds of its interval at 95 %."""

Reading = Callable[[Record], str]


def solution(record: Record) -> str:
    """The record's reasoning and answer."""
    return "\n".join(filter(None, (record.reasoning, record.output)))


READINGS: dict[str, tuple[Reading, Reading]] = {
    "tasks": (user_text, user_text),
    "solutions": (solution, lambda record: f"{user_text(record)}\n{solution(record)}"),
}
"""What has to stay varied in a loop whose student writes tasks, or solves given ones; and what tells a new one."""


def measure(
    records: Sequence[Record],
    *,
    generated: int,
    known: Collection[str],
    seeds: Sequence[Record] = (),
    written: Sequence[Record] = (),
    like: Measures | None = None,
    look_at: str = "tasks",
) -> Measures:
    """The measures of a round's accepted records, as plain values; `intervals` bound them at 95 %.

    `look_at` says what is looked at, the tasks or their solutions; `known` are those seen before, normalised. `written`
    is all that the round wrote, rejects included, and `like` are the measures of the round to compare with: its numbers
    of words and of neighbours are used again, because distinct-2, the compression ratio and the nearest neighbours
    change with how much is looked at. Where there is less than that they are None.

    `yield` and `new_share` are shares of what was generated, `entropy` is of the task types in bits, `nearest` the
    mean ROUGE-L to the nearest of the seed data and of the round's other tasks, `known_right` the share of right
    answers to tasks of the seed data.
    """
    words_of, key_of = READINGS[look_at]
    tasks = [normalize(words_of(r)) for r in records]
    types = [r.task_type or "none" for r in records]
    openings = Counter(next(iter(tokenize(task)), "") for task in tasks)
    lengths = [float(len(r.output or "")) for r in records]
    new = len({normalize(key_of(r)) for r in records} - {*known})
    words = like["words"] if like else half_of_words(tasks)
    neighbours = like["neighbours"] if like else min(NEAR, math.ceil(len(records) / 2))
    asked, right = known_answers(written, seeds)
    figures: dict[str, tuple[float, Bounds] | None] = {
        "yield": share(len(records), generated),
        "new_share": share(new, generated),
        "new_of_kept": share(new, len(records)),
        "entropy": (entropy(list(Counter(types).values())), _resampled(types, entropy)),
        "opening_share": (
            max(openings.values(), default=0) / max(1, len(tasks)),
            _resampled(list(openings.elements()), lambda counts: max(counts) / sum(counts)),
        ),
        "length": mean(lengths),
        "nearest": nearest(tasks, [words_of(r) for r in seeds], neighbours) if len(tasks) >= neighbours else None,
        "known_right": share(right, asked) if asked else None,
        **repetition(tasks, words),
    }
    found = {name: round(figure[0], 4) if figure else None for name, figure in figures.items()}
    measures = {
        "records": len(records),
        "generated": generated,
        "new": new,
        "task_types": dict(sorted(Counter(types).items())),
        "typed": round(sum(r.task_type is not None for r in records) / max(1, len(records)), 4),
        "openings": [[word, round(count / len(tasks), 4)] for word, count in openings.most_common(5)],
        "words": words,
        "neighbours": neighbours,
        "known_asked": asked,
        **found,
        "intervals": {name: [round(v, 4) for v in figure[1]] for name, figure in figures.items() if figure},
    }
    return cast(Measures, measures)


def compared_repetition(
    rows: Sequence[Record], seeds: Sequence[Record], look_at: str = "tasks"
) -> tuple[Repetition, Repetition]:
    """Distinct-2 and the compression ratio of rows to train on and of the seed data, over equally many words.

    A seed row that is repeated to hold its share counts once.
    """
    words_of = READINGS[look_at][0]
    once = list({id(r): normalize(words_of(r)) for r in rows}.values())
    human = [normalize(words_of(r)) for r in seeds]
    words = min(half_of_words(human), word_total(once))
    found = []
    for texts in (once, human):
        figures = {name: value for name, value in repetition(texts, words).items() if value}
        values: dict[str, object] = {name: round(value[0], 4) for name, value in figures.items()}
        values["intervals"] = {name: [round(v, 4) for v in value[1]] for name, value in figures.items()}
        found.append(cast(Repetition, values))
    return found[0], found[1]


def entropy(counts: Sequence[int]) -> float:
    """The entropy of counts, in bits."""
    whole = sum(counts)
    return -sum(c / whole * math.log2(c / whole) for c in counts if c) if whole else 0.0


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
    return len(seen) / made if made else 0.0


def half_of_words(texts: Sequence[str]) -> int:
    """Half the texts' words, at most 10,000: random halves differ among themselves as much as samples of all do."""
    return min(WORDS, math.ceil(word_total(texts) / 2))


def word_total(texts: Sequence[str]) -> int:
    """The words of all texts."""
    return sum(len(tokenize(text)) for text in texts)


def repetition(texts: Sequence[str], words: int) -> dict[str, tuple[float, Bounds] | None]:
    """`distinct_2` and `compression` (bytes over deflated bytes) of random texts with so many words; None if fewer."""
    pieces = [(tokenize(text), text) for text in texts]
    if not words or sum(len(tokens) for tokens, _ in pieces) < words:
        return {"distinct_2": None, "compression": None}
    draw = random.Random(0)
    pairs, ratios = [], []
    for _ in range(DRAWS):
        draw.shuffle(pieces)
        pairs.append(distinct([tokens for tokens, _ in pieces], words))
        ratios.append(_ratio(pieces, words))
    return {"distinct_2": _spread(pairs), "compression": _spread(ratios)}


def _ratio(pieces: Sequence[tuple[list[str], str]], words: int) -> float:
    taken, seen = [], 0
    for tokens, text in pieces:
        taken.append(text)
        seen += len(tokens)
        if seen >= words:
            break
    data = "\n".join(taken).encode()
    return len(data) / len(zlib.compress(data, 9))


def nearest(tasks: Sequence[str], seeds: Sequence[str], count: int) -> tuple[float, Bounds] | None:
    """The mean ROUGE-L of `count` random tasks to the nearest of the seed data and of those before it."""
    index = NearDuplicateIndex(FAR, rule="ge")
    for text in seeds:
        index.add(text)
    scores = []
    for text in random.Random(0).sample(list(tasks), count):
        found = index.query(text)
        scores.append(found.score if found else FAR)
        index.add(text)
    return mean(scores) if scores else None


def known_answers(written: Sequence[Record], seeds: Sequence[Record]) -> tuple[int, int]:
    """How many written answers are to tasks of the seed data, and how many of these are its answers."""
    answers = {normalize(user_text(r)): (r.output or "").strip() for r in seeds}
    pairs = [
        (r.output.strip(), answers[task])
        for r in written
        if r.output is not None and (task := normalize(user_text(r))) in answers
    ]
    return len(pairs), sum(a == b for a, b in pairs)


def mean(values: Sequence[float]) -> tuple[float, Bounds]:
    """The mean and its normal interval; 0 of nothing."""
    if not values:
        return 0.0, (0.0, 0.0)
    middle, error = float(np.mean(values)), float(np.std(values)) / math.sqrt(len(values))
    return middle, (middle - Z * error, middle + Z * error)


def share(hits: int, of: int) -> tuple[float, Bounds]:
    """A share and its Wilson interval; 0 of nothing, with bounds that say nothing."""
    if not of:
        return 0.0, (0.0, 1.0)
    p, z2 = hits / of, Z * Z / of
    centre, reach = (p + z2 / 2) / (1 + z2), Z * math.sqrt(p * (1 - p) / of + z2 / (4 * of)) / (1 + z2)
    # rounding must not put the share outside
    return p, (min(p, centre - reach), max(p, centre + reach))


def _spread(values: Sequence[float]) -> tuple[float, Bounds]:
    middle, reach = float(np.mean(values)), Z * float(np.std(values))
    return middle, (middle - reach, middle + reach)


def _resampled(labels: Sequence[str], figure: Callable[[list[int]], float]) -> Bounds:
    """The bounds at 95 % of a figure of the labels' counts, over resampled records."""
    if not labels:
        return 0.0, 0.0
    counts = np.array(sorted(Counter(labels).values()))
    draws = np.random.default_rng(0).multinomial(len(labels), counts / counts.sum(), size=RESAMPLES)
    low, high = np.quantile([figure([int(c) for c in row if c]) for row in draws], [0.025, 0.975])
    return float(low), float(high)
