"""From sources to what the trainer is given: held-out records, examples, how many of each source, and their order."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from synthgen.errors import ConfigError
from synthgen.records import Record, user_text
from synthgen_train import data
from synthgen_train.config import Curriculum, Mix, Source, TrainConfig
from synthgen_train.examples import Example, Examples, make_examples
from synthgen_train.monitors.canaries import canaries


@dataclass(frozen=True, slots=True)
class Share:
    """What one source gave: examples taken of those it had, and its share of all."""

    source: str
    had: int
    taken: int
    share: float

    @property
    def repeats(self) -> float:
        """How often each of its examples comes, on average."""
        return self.taken / self.had if self.had else 0.0


@dataclass(slots=True)
class Records:
    """The records of each source, by its label, without those held out."""

    by_source: dict[str, list[Record]]
    held_out: list[Record]
    unread: Counter[str] = field(default_factory=Counter)
    """Rows that make no record, by cause."""
    notes: list[str] = field(default_factory=list)
    """What was left out or aside while reading, a sentence each."""

    @property
    def all(self) -> list[Record]:
        """The records to train on."""
        return [record for records in self.by_source.values() for record in records]


@dataclass(slots=True)
class Prepared:
    """What is trained on (`examples`, and `pairs` for preferences) and the `seen` examples that preflight looks at."""

    examples: list[Example]
    seen: Examples
    shares: list[Share]
    pairs: list[Any] = field(default_factory=list)

    def forget(self) -> None:
        """Lets the tokens go: they are in the rows that are trained on."""
        self.examples.clear()
        self.seen.items.clear()
        self.pairs.clear()


def read_records(sources: Iterable[Source], eval_share: float, seed: int) -> Records:
    """The records of all sources, a share of them held out by a hash of what the user says.

    So the same prompt is never on both sides, and one that is held out stays so in later rounds with the same seed.
    Replayed sources (`earlier`) are split likewise.

    A source so small that all of it would be held out is trained on whole.

    Raises:
        ConfigError: a source cannot be read or is empty.
    """
    records = Records({}, [])
    for source in sources:
        loaded = data.load_source(source)
        found = loaded.records
        records.unread.update(row.reason for row in loaded.unusable)
        records.notes += loaded.notes()
        held = [_held_out(record, eval_share, seed) for record in found]
        if all(held):
            held = [False] * len(found)
        records.by_source[source.label] = [r for r, out in zip(found, held, strict=True) if not out]
        records.held_out += [r for r, out in zip(found, held, strict=True) if out]
    return records


def _held_out(record: Record, share: float, seed: int) -> bool:
    digest = hashlib.blake2b(f"{seed}\n{user_text(record)}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64 < share


def prepare(config: TrainConfig, max_length: int, tokenizer: Any, records: Records) -> Prepared:
    """Examples or pairs of all sources, mixed as the recipe says, in the order of the curriculum or a random one."""
    if config.objective != "sft":
        return _pairs(config, max_length, tokenizer, records)
    made = {
        label: make_examples(
            group,
            tokenizer,
            max_length=max_length,
            reasoning=config.reasoning,
            long_rows=config.long_rows,
            loss=config.loss,
            source=label,
        )
        for label, group in records.by_source.items()
    }
    seen = _together(made.values())
    _no_empty(config, {label: len(m.items) for label, m in made.items()}, seen)
    examples, shares = mix_examples({n: m.items for n, m in made.items()}, config.data, config.mix, config.seed)
    if config.canaries:
        planted = make_examples(
            canaries(config.canaries, config.seed),
            tokenizer,
            max_length=max_length,
            loss=config.loss,
            source="canaries",
        )
        examples = random.Random(config.seed).sample(examples + planted.items, len(examples) + len(planted.items))
    if config.curriculum:
        examples = ordered(examples, {r.id: r for r in records.all}, config.curriculum)
    return Prepared(examples, seen, shares)


def held_out_examples(config: TrainConfig, max_length: int, tokenizer: Any, records: Records) -> Examples:
    """Examples of the records that were held out, for the loss on them; none for preferences."""
    if config.objective != "sft":
        return Examples()
    return make_examples(
        records.held_out, tokenizer, max_length=max_length, reasoning=config.reasoning, loss=config.loss
    )


def _pairs(config: TrainConfig, max_length: int, tokenizer: Any, records: Records) -> Prepared:
    from synthgen_train.preference import make_pairs

    made = {
        label: make_pairs(
            group,
            tokenizer,
            max_length=max_length,
            source=label,
            single=config.objective == "kto",
            reasoning=config.reasoning,
        )
        for label, group in records.by_source.items()
    }
    seen = _together(examples for _, examples in made.values())
    _no_empty(config, {label: len(pairs) for label, (pairs, _) in made.items()}, seen)
    pairs, shares = mix_examples({n: p for n, (p, _) in made.items()}, config.data, config.mix, config.seed)
    examples = [e for pair in pairs for e in (pair.chosen, pair.rejected) if e is not None]
    return Prepared(examples, seen, shares, pairs=pairs)


def _together(groups: Iterable[Examples]) -> Examples:
    whole = Examples()
    for group in groups:
        whole.add(group)
    return whole


def _no_empty(config: TrainConfig, sizes: dict[str, int], seen: Examples) -> None:
    """One source may come out empty only where no share hangs on it; the preflight sees to all of them empty."""
    empty = [label for label, size in sizes.items() if not size]
    if empty and len(sizes) > 1:
        causes = ", ".join(f"{n} {cause}" for cause, n in sorted(seen.left_out.items()))
        raise ConfigError(f"source {empty[0]} gives no example ({causes} left out in all)", key="train.data")


class Sourced(Protocol):
    """An example or a pair: it knows its source."""

    @property
    def source(self) -> str:
        """The source's label."""


T = TypeVar("T", bound=Sourced)


def shares_of(sizes: Mapping[str, int], sources: Sequence[Source], mix: Mix) -> dict[str, float] | None:
    """The wanted share of each source, adding up to 1; None where every source is taken whole."""
    if any(s.share for s in sources):
        return {s.label: s.share or 0.0 for s in sources}
    if mix.temperature is None and mix.replay is None and mix.examples is None:
        return None
    weights = {s.label: float(sizes[s.label]) ** (1 / (mix.temperature or 1.0)) for s in sources}
    if mix.replay is not None:
        earlier = {s.label for s in sources if s.earlier}
        for group, part in ((earlier, mix.replay), (weights.keys() - earlier, 1 - mix.replay)):
            total = sum(weights[name] for name in group)
            weights |= {name: weights[name] / total * part for name in group}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def counts_of(sizes: Mapping[str, int], shares: Mapping[str, float], examples: int | None) -> dict[str, int]:
    """How many examples each source gives, by largest remainders, so that they add up.

    Without a number of examples it is the largest for which no source has to repeat any.
    """
    total = examples or int(min(sizes[name] / share for name, share in shares.items() if share) + 1e-9)
    exact = {name: share * total for name, share in shares.items()}
    counts = {name: int(value + 1e-9) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (counts[name] - exact[name], name))
    for name in by_remainder[: total - sum(counts.values())]:
        counts[name] += 1
    return counts


def mix_examples(
    groups: Mapping[str, Sequence[T]], sources: Sequence[Source], mix: Mix, seed: int
) -> tuple[list[T], list[Share]]:
    """The training examples and what each source gave.

    A source that gives fewer than it has gives a random part of them; one that gives more repeats all of them before
    any comes once more. The examples are in random order; the same seed gives the same ones.
    """
    sizes = {name: len(group) for name, group in groups.items()}
    shares = shares_of(sizes, sources, mix)
    counts = sizes if shares is None else counts_of(sizes, shares, mix.examples)
    draw = random.Random(seed)
    taken: list[T] = []
    for name, group in groups.items():
        left = counts[name] if group else 0
        while left > 0:
            part = draw.sample(list(group), min(left, len(group)))
            taken += part
            left -= len(part)
    draw.shuffle(taken)
    given = {name: sum(e.source == name for e in taken) for name in groups}
    return taken, [Share(n, sizes[n], given[n], given[n] / max(1, len(taken))) for n in groups]


def ordered(examples: Sequence[Example], records: Mapping[str, Record], curriculum: Curriculum) -> list[Example]:
    """The examples from first to last; equals stay in the order they came in. Without a value they come first.

    Raises:
        ConfigError: no record has the field or score, or a source named in `last` does not exist.
    """
    sources = {e.source for e in examples}
    unknown = [name for name in curriculum.last if name not in sources]
    if unknown:
        raise ConfigError(
            f"there is no source {unknown[0]}",
            key="train.curriculum.last",
            hint=f"there are {', '.join(sorted(sources))}",
        )
    values = [_value(e, records.get(e.record), curriculum.by) for e in examples]
    if all(v is None for v in values):
        raise ConfigError(
            f"no record has {curriculum.by}",
            key="train.curriculum.by",
            hint="length, a field such as task_type or language, or scores.<name>",
        )
    known = [(v, i) for i, v in enumerate(values) if v is not None]
    if curriculum.descending:
        known.sort(key=lambda pair: pair[0], reverse=True)
    else:
        known.sort(key=lambda pair: pair[0])
    order = [i for i, v in enumerate(values) if v is None] + [i for _, i in known]
    order.sort(key=lambda i: examples[i].source in curriculum.last)
    return [examples[i] for i in order]


def _value(example: Example, record: Record | None, by: str) -> tuple[float, str] | None:
    """What the example is ordered by: a number, or a text."""
    if by == "length":
        return float(len(example.input_ids)), ""
    if record is None:
        return None
    if by.startswith("scores."):
        score = record.scores.get(by.removeprefix("scores."))
        return None if score is None else (score, "")
    value = getattr(record, by, None) if by in Record.model_fields else None
    if isinstance(value, str):
        return 0.0, value
    return (float(value), "") if isinstance(value, bool | int | float) else None
