"""From sources to what the trainer is given: held-out records, examples, their mix and their order."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from synthgen.errors import ConfigError
from synthgen.records import Record, user_text
from synthgen_train import data
from synthgen_train.config import Source, TrainConfig
from synthgen_train.curriculum import ordered
from synthgen_train.examples import Example, Examples, make_examples
from synthgen_train.mixing import Share, mix_examples
from synthgen_train.monitors.canaries import canaries
from synthgen_train.settings import Settings


@dataclass(slots=True)
class Records:
    """The records of each source, by its label, without those held out."""

    by_source: dict[str, list[Record]]
    held_out: list[Record]

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
        found = data.read_source(source)
        held = [_held_out(record, eval_share, seed) for record in found]
        if all(held):
            held = [False] * len(found)
        records.by_source[source.label] = [r for r, out in zip(found, held, strict=True) if not out]
        records.held_out += [r for r, out in zip(found, held, strict=True) if out]
    return records


def _held_out(record: Record, share: float, seed: int) -> bool:
    digest = hashlib.blake2b(f"{seed}\n{user_text(record)}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64 < share


def prepare(config: TrainConfig, settings: Settings, tokenizer: Any, records: Records) -> Prepared:
    """Examples or pairs of all sources, mixed as the recipe says, in the order of the curriculum or a random one."""
    if config.objective != "sft":
        return _pairs(config, settings, tokenizer, records)
    made = {
        label: make_examples(
            group,
            tokenizer,
            max_length=settings["max_length"],
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
            max_length=settings["max_length"],
            loss=config.loss,
            source="canaries",
        )
        examples = random.Random(config.seed).sample(examples + planted.items, len(examples) + len(planted.items))
    if config.curriculum:
        examples = ordered(examples, {r.id: r for r in records.all}, config.curriculum)
    return Prepared(examples, seen, shares)


def _pairs(config: TrainConfig, settings: Settings, tokenizer: Any, records: Records) -> Prepared:
    from synthgen_train.preference import make_pairs

    made = {
        label: make_pairs(
            group,
            tokenizer,
            max_length=settings["max_length"],
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
    return Prepared(examples, seen, shares, pairs)


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
