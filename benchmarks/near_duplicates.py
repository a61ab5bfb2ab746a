"""How fast the exact near-duplicate index is beside the originals' scorer and rapidfuzz, and that it decides the same.

Data: instructions from `../shared/bench/instructions_en.jsonl` where it is there, otherwise sentences made here; larger
sets are derived from them: small edits, words replaced, prefixes and suffixes joined, some fresh words. One thread;
CPU seconds are what counts, wall seconds stand beside them.

* equality: the kept set of rouge-score itself at 2,000 records (`compat`: it computes in floats), of rapidfuzz brute
  force at 50,000 (both arithmetics); thresholds 0.5 to 0.9, both rules.
* speed at 52,000: a whole list at once (`deduplicate`) and one text at a time (the index); rouge-score with tokens at
  hand, as Alpaca does it (a sample of pairs, extrapolated); rapidfuzz `cdist` in blocks of 512 with the lengths looked
  up (run in full); a plain loop over rapidfuzz (a sample).
* scale: 50,000 to 1,000,000, both ways; the exponent; memory for each kept record beside the texts.
* 100 new records beside the largest index; saving and loading it; long texts.

    python benchmarks/near_duplicates.py [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import LCSseq
from rouge_score import rouge_scorer

from synthgen.similarity import BulkIndex, NearDuplicateIndex, deduplicate, load, save
from synthgen.similarity.neighbour import Needed
from synthgen.similarity.vocabulary import Vocabulary, to_text
from synthgen.text import tokenize

INSTRUCTIONS = Path(__file__).resolve().parents[2] / "shared" / "bench" / "instructions_en.jsonl"
BLOCK = 512
Json = dict[str, Any]


def instructions() -> list[str]:
    if INSTRUCTIONS.is_file():
        with INSTRUCTIONS.open(encoding="utf-8") as file:
            return [json.loads(line)["instruction"] for line in file]
    rng = random.Random(0)
    # word frequencies fall as 1 / rank, as in any language
    words = [f"word{i}" for i in range(20_000)]
    weights = np.cumsum(1 / np.arange(1, len(words) + 1)).tolist()
    return [" ".join(rng.choices(words, cum_weights=weights, k=rng.randrange(5, 25))) for _ in range(13_500)]


def derived(base: Sequence[str], number: int, seed: int = 0) -> list[str]:
    """`number` texts: the base, then 15% small edits, 30% with words replaced, 55% joined from two; shuffled."""
    rng = random.Random(seed)
    split = [text.split() for text in base]
    words = [word for text in split for word in text]
    texts = list(base[:number])
    while len(texts) < number:
        kind = rng.random()
        made = list(rng.choice(split))
        if kind < 0.15:
            for _ in range(rng.randint(1, 2)):
                made[rng.randrange(len(made))] = rng.choice(words)
        elif kind < 0.45:
            share = rng.uniform(0.15, 0.6)
            made = [rng.choice(words) if rng.random() < share else word for word in made]
        else:
            other = rng.choice(split)
            made = made[: rng.randint(1, len(made))] + other[rng.randrange(len(other)) :]
            if rng.random() < 0.2:
                made.insert(rng.randrange(len(made) + 1), f"x{rng.randrange(10**6)}")
        texts.append(" ".join(made))
    rng.shuffle(texts)
    return texts


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """The result, CPU seconds and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def by_index(texts: Sequence[str], index: NearDuplicateIndex) -> list[int]:
    return [i for i, text in enumerate(texts) if index.check(text) is None]


def by_list(texts: Sequence[str], **settings: Any) -> list[int]:
    return [i for i, near in enumerate(deduplicate(texts, **settings)) if near is None]


def greedy(number: int, later: Any, earlier: Any) -> list[int]:
    """The texts that are kept, given all pairs of near-duplicates, sorted by the later one's number."""
    kept = np.zeros(number, dtype=bool)
    starts = np.searchsorted(later, np.arange(number + 1))
    for i in range(number):
        kept[i] = not kept[earlier[starts[i] : starts[i + 1]]].any()
    result: list[int] = np.flatnonzero(kept).tolist()
    return result


def table(needed: Needed, longest: int) -> Any:
    """int32 [longest + 1, longest + 1]: the common tokens that two lengths need; out of reach for empty texts."""
    least = np.full((longest + 1, longest + 1), longest + 1, dtype=np.int32)
    for n in range(1, longest + 1):
        least[n, 1:] = needed.over(np.arange(1, longest + 1), n)
    return least


def by_cdist(texts: Sequence[str], needed: Needed) -> list[int]:
    """Every pair by rapidfuzz's C++, in blocks: candidates against the kept, then against their own block."""
    vocabulary = Vocabulary()
    encoded = [to_text(vocabulary.learn(tokenize(text, "rouge"))) for text in texts]
    longest = max(map(len, encoded))
    least = table(needed, longest)
    kept: list[int] = []
    kept_texts: list[str] = []
    lengths = np.empty(len(texts), dtype=np.int64)

    def hits(new: list[str], old: list[str], old_lengths: Any) -> Any:
        common = process.cdist(new, old, scorer=LCSseq.similarity, dtype=np.int32, workers=1)
        own = np.array([len(text) for text in new])
        return common >= least[own][:, old_lengths]

    for start in range(0, len(texts), BLOCK):
        numbers = list(range(start, min(start + BLOCK, len(texts))))
        if kept_texts:
            dropped = np.zeros(len(numbers), dtype=bool)
            for first in range(0, len(kept_texts), 8192):
                part = slice(first, min(first + 8192, len(kept_texts)))
                dropped |= hits([encoded[i] for i in numbers], kept_texts[part], lengths[part]).any(axis=1)
            numbers = [i for i, drop in zip(numbers, dropped.tolist(), strict=True) if not drop]
        own = [encoded[i] for i in numbers]
        among = hits(own, own, np.array([len(text) for text in own], dtype=np.int64)) if own else np.empty((0, 0))
        here: list[int] = []
        for place, i in enumerate(numbers):
            if not among[place, here].any():
                here.append(place)
                lengths[len(kept)] = len(encoded[i])
                kept.append(i)
                kept_texts.append(encoded[i])
    return kept


def equality(base: list[str], quick: bool, say: Callable[[str], None]) -> Json:
    """Compares every pair once, and decides from that for all settings."""
    thresholds, rules = (0.5, 0.6, 0.7, 0.8, 0.9), ("gt", "ge")
    small = derived(base, 20_000, seed=1)[: 300 if quick else 2000]
    scorer = rouge_scorer.RougeScorer(["rougeL"])
    tokens = [scorer._tokenizer.tokenize(text) for text in small]
    f = np.array([rouge_scorer._score_lcs(tokens[i], tokens[j]).fmeasure for i in range(len(small)) for j in range(i)])
    later, earlier = np.tril_indices(len(small), -1)
    for rule in rules:
        for threshold in thresholds:
            near = f >= threshold if rule == "ge" else f > threshold
            settings: Json = {"threshold": threshold, "rule": rule, "arithmetic": "compat", "tokenizer": "rouge"}
            expected = greedy(len(small), later[near], earlier[near])
            if not expected == by_index(small, NearDuplicateIndex(**settings)) == by_list(small, **settings):
                raise SystemExit(f"not equal to rouge-score: {threshold} {rule}")
    say(f"equal to rouge-score itself at {len(small):,} records, {len(thresholds) * len(rules)} settings")

    large = derived(base, 50_000)[: 3000 if quick else None]
    vocabulary = Vocabulary()
    encoded = [to_text(vocabulary.learn(tokenize(text, "rouge"))) for text in large]
    lengths = np.array([len(text) for text in encoded])
    least = table(Needed(min(thresholds), "ge"), int(lengths.max())) - 1  # whatever any setting may drop
    found: list[tuple[Any, Any, Any]] = []
    for start in range(0, len(large), BLOCK):
        own = slice(start, min(start + BLOCK, len(large)))
        for first in range(0, own.stop, 8192):
            others = slice(first, min(first + 8192, own.stop))
            common = process.cdist(encoded[own], encoded[others], scorer=LCSseq.similarity, dtype=np.int32, workers=1)
            i, j = (common >= least[lengths[own]][:, lengths[others]]).nonzero()
            before = j + first < i + start
            found.append((i[before] + start, j[before] + first, common[i, j][before]))
    later, earlier, common = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(later, kind="stable")
    later, earlier, common = later[order], earlier[order], common[order]
    for rule in rules:
        for arithmetic in ("exact", "compat"):
            for threshold in thresholds:
                needed = table(Needed(threshold, rule, arithmetic), int(lengths.max()))
                near = common >= needed[lengths[later], lengths[earlier]]
                settings = {"threshold": threshold, "rule": rule, "arithmetic": arithmetic, "tokenizer": "rouge"}
                expected = greedy(len(large), later[near], earlier[near])
                if not expected == by_index(large, NearDuplicateIndex(**settings)) == by_list(large, **settings):
                    raise SystemExit(f"not equal to brute force: {threshold} {rule} {arithmetic}")
    say(f"equal to brute force at {len(large):,} records, {2 * len(thresholds) * len(rules)} settings")
    return {"rouge_score_records": len(small), "brute_force_records": len(large)}


def speed(base: list[str], quick: bool, say: Callable[[str], None]) -> Json:
    number = 5000 if quick else 52_000
    texts = derived(base, max(number, 20_000))[:number]
    runs = [timed(lambda: by_list(texts, tokenizer="rouge")) for _ in range(5)]
    cpu, wall = (statistics.median(run[i] for run in runs) for i in (1, 2))
    single = [timed(lambda: by_index(texts, NearDuplicateIndex(tokenizer="rouge"))) for _ in range(3)]
    single_cpu = statistics.median(run[1] for run in single)
    kept = runs[0][0]
    before, pairs = 0, 0  # of each text with all that was kept before it
    kept_set = set(kept)
    for i in range(number):
        pairs += before
        before += i in kept_set
    brute, cdist_cpu, cdist_wall = timed(lambda: by_cdist(texts, Needed(0.7)))
    if not brute == kept == single[0][0]:
        raise SystemExit("not equal to brute force")

    rng = random.Random(0)
    scorer = rouge_scorer.RougeScorer(["rougeL"])
    sample = [(texts[rng.randrange(number)], texts[rng.choice(kept)]) for _ in range(4000 if quick else 60_000)]
    tokens = [tuple(map(scorer._tokenizer.tokenize, pair)) for pair in sample]
    _, sample_cpu, _ = timed(lambda: [rouge_scorer._score_lcs(a, b).fmeasure for a, b in tokens])
    rouge_cpu = sample_cpu / len(sample) * pairs
    vocabulary = Vocabulary()
    encoded = [(to_text(vocabulary.learn(a)), to_text(vocabulary.learn(b))) for a, b in tokens]
    _, loop_cpu, _ = timed(lambda: [2 * LCSseq.similarity(a, b) / max(1, len(a) + len(b)) for a, b in encoded])
    loop_cpu = loop_cpu / len(sample) * pairs
    say(
        f"{number:,} records, {len(kept):,} kept, {pairs / 1e6:,.0f} million pairs:"
        f" {cpu:.2f} CPU s as a list, {single_cpu:.2f} one at a time ({single_cpu / cpu:.1f} times);"
        f" rouge-score {rouge_cpu:,.0f} s ({rouge_cpu / cpu:,.0f} times, extrapolated);"
        f" cdist {cdist_cpu:.1f} s ({cdist_cpu / cpu:.1f} times); rapidfuzz loop {loop_cpu:,.0f} s"
        f" ({loop_cpu / cpu:,.0f} times, extrapolated)"
    )
    return {
        "records": number,
        "kept": len(kept),
        "pairs": pairs,
        "list_cpu_s": cpu,
        "list_wall_s": wall,
        "one_at_a_time_cpu_s": single_cpu,
        "rouge_score_cpu_s_extrapolated": rouge_cpu,
        "cdist_cpu_s": cdist_cpu,
        "cdist_wall_s": cdist_wall,
        "loop_cpu_s_extrapolated": loop_cpu,
        "times_rouge_score": rouge_cpu / cpu,
        "times_cdist": cdist_cpu / cpu,
        "times_loop": loop_cpu / cpu,
        "one_at_a_time_times_rouge_score": rouge_cpu / single_cpu,
        "one_at_a_time_times_cdist": cdist_cpu / single_cpu,
    }


def resident() -> int:
    """Bytes of memory in use now."""
    pages = Path("/proc/self/statm")
    if pages.exists():
        return int(pages.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def grown_list(number: int) -> Json:
    """One size, in a process of its own, so that its memory is its own; the verdicts are not kept."""
    texts = derived(instructions(), number)
    before = resident()
    index = BulkIndex()
    kept, cpu, wall = timed(lambda: sum(near is None for near in index.check_all(texts)))
    return {
        "records": number,
        "kept": kept,
        "cpu_s": cpu,
        "wall_s": wall,
        "bytes_per_kept": (resident() - before) / kept,
    }


def grown(number: int, last: bool) -> Json:
    """The same, one at a time; for the last size also what comes after."""
    base = instructions()
    texts = derived(base, number)
    before = resident()
    index = NearDuplicateIndex()
    kept, cpu, wall = timed(lambda: sum(index.check(text) is None for text in texts))
    beyond = (resident() - before) / kept
    row: Json = {"records": number, "kept": kept, "cpu_s": cpu, "wall_s": wall, "bytes_per_kept": beyond}
    if last:
        row["incremental"] = incremental(base, index)
        row["persistence"] = persistence(index)
    return row


def scale(quick: bool, say: Callable[[str], None]) -> Json:
    sizes = [10_000, 50_000] if quick else [50_000, 200_000, 1_000_000]
    result: Json = {}
    for way, name in ((grown_list, "as a list"), (grown, "one at a time")):
        rows = []
        for number in sizes:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                row = pool.apply(way, (number,) if way is grown_list else (number, number == sizes[-1]))
            rows.append(row)
            say(
                f"{number:,} records {name}, {row['kept']:,} kept: {row['cpu_s']:.1f} CPU s,"
                f" {row['wall_s']:.1f} s of wall time, {row['bytes_per_kept']:.0f} bytes a kept record beyond the texts"
            )
        first, last = rows[0], rows[-1]
        exponent = math.log(last["cpu_s"] / first["cpu_s"]) / math.log(last["records"] / first["records"])
        say(f"from {first['records']:,} to {last['records']:,} records {name} time grows as N^{exponent:.2f}")
        result[name.replace(" ", "_")] = {"sizes": rows, "exponent": exponent}
    new, stored = last["incremental"], last["persistence"]
    say(
        f"100 new records beside {new['kept']:,}: {new['median_ms']:.1f} ms at the median,"
        f" {new['p95_ms']:.1f} ms at the 95th percentile (CPU)"
    )
    say(
        f"{stored['records']:,} records saved in {stored['save_cpu_s']:.1f} CPU s ({stored['bytes'] / 1e6:.0f} MB),"
        f" loaded at {stored['records_per_s']:,.0f} records/s"
    )
    return result


def incremental(base: list[str], index: NearDuplicateIndex) -> Json:
    kept = len(index)
    new = derived(base, 20_000, seed=7)[-5000:]
    batches = [new[i : i + 100] for i in range(0, len(new), 100)]
    times = sorted(timed(lambda batch=batch: [index.check(text) for text in batch])[1] * 1000 for batch in batches)
    return {"kept": kept, "median_ms": times[len(times) // 2], "p95_ms": times[len(times) * 95 // 100]}


def persistence(index: NearDuplicateIndex) -> Json:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.npz"
        _, save_cpu, _ = timed(lambda: save(index, path))
        size = path.stat().st_size
        again, load_cpu, _ = timed(lambda: load(path))
    return {"records": len(again), "save_cpu_s": save_cpu, "bytes": size, "records_per_s": len(again) / load_cpu}


def processes(base: list[str], quick: bool, say: Callable[[str], None]) -> Json:
    texts = derived(base, 20_000 if quick else 200_000)
    walls = {}
    kept = set()
    for number in (1, 2):
        found, _, walls[number] = timed(lambda n=number: deduplicate(texts, processes=n))
        kept.add(tuple(i for i, near in enumerate(found) if near is None))
    if len(kept) != 1:
        raise SystemExit("two processes keep another set than one")
    say(f"{len(texts):,} records: one process {walls[1]:.1f} s of wall time, two {walls[2]:.1f} s, the same kept set")
    return {"records": len(texts), "one_wall_s": walls[1], "two_wall_s": walls[2]}


def long_texts(base: list[str], quick: bool, say: Callable[[str], None]) -> Json:
    number = 1000 if quick else 20_000
    rng = random.Random(3)
    words = [word for text in base for word in text.split()]
    texts: list[str] = []
    while len(texts) < number:
        if texts and rng.random() < 0.2:
            made = rng.choice(texts).split()
            share = rng.uniform(0, 0.5)
            made = [rng.choice(words) if rng.random() < share else word for word in made]
        else:
            made = " ".join(rng.choices(base, k=rng.randrange(8, 26))).split()
        texts.append(" ".join(made))
    tokens = sum(len(tokenize(text)) for text in texts)
    kept, cpu, _ = timed(lambda: by_list(texts))
    one_by_one, single_cpu, _ = timed(lambda: by_index(texts, NearDuplicateIndex()))
    if kept != one_by_one:
        raise SystemExit("not the same as a list and one at a time")
    short = derived(base, 20_000)[:number]
    short_tokens = sum(len(tokenize(text)) for text in short)
    _, short_cpu, _ = timed(lambda: by_list(short))
    times = (cpu / tokens) / (short_cpu / short_tokens)
    say(
        f"{number:,} long texts ({tokens / number:.0f} tokens, {len(kept):,} kept): {cpu:.1f} CPU s as a list,"
        f" {single_cpu:.1f} one at a time;"
        f" {times:.1f} times the short ones' cost a token"
    )
    return {
        "records": number,
        "tokens": tokens / number,
        "kept": len(kept),
        "list_cpu_s": cpu,
        "one_at_a_time_cpu_s": single_cpu,
        "times_short_per_token": times,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, under a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--only", choices=["equality", "speed", "scale", "processes", "long"], action="append")
    options = parser.parse_args()
    only = options.only or ["equality", "speed", "scale", "processes", "long"]

    def say(text: str) -> None:
        print(text, file=sys.stderr if options.json else sys.stdout, flush=True)

    base = instructions()
    say(f"{len(base):,} instructions" + ("" if INSTRUCTIONS.is_file() else " (made here)"))
    result: Json = {"data": INSTRUCTIONS.name if INSTRUCTIONS.is_file() else "made"}
    if "speed" in only:
        result["speed"] = speed(base, options.quick, say)
    if "long" in only:
        result["long"] = long_texts(base, options.quick, say)
    if "scale" in only:
        result["scale"] = scale(options.quick, say)
    if "processes" in only:
        result["processes"] = processes(base, options.quick, say)
    if "equality" in only:
        result["equality"] = equality(base, options.quick, say)
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
