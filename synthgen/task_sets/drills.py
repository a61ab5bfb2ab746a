"""Drills: tiny tasks with one right answer, for students of some 100,000 parameters.

A drill is a word, its operands, and maybe a format: `rev abcd` asks for `dcba`, `max 3 17 9 !q` for `"17"`. They stand
for tasks that programs can verify, at a size where a loop can be measured in minutes; they are practice for the
machinery, not instruction data. `solve` reads the text alone, so it judges whoever wrote it.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from synthgen.errors import ConfigError
from synthgen.protocols import Context, Draw, PoolView, Source, Stage
from synthgen.records import Drop, Provenance, Record
from synthgen.store.record_files import read_records

LETTERS = "abcdefgh"
"""Few, so that a student of this size learns what to do with them within a minute."""

FORMATS: dict[str, Callable[[str], str]] = {
    "q": lambda answer: f'"{answer}"',
    "p": lambda answer: f"is {answer}",
    "r": lambda answer: f"{answer} {answer}",
}
"""What may stand behind a drill as `!q`: quoted, with `is` before it, said twice."""

Split = Literal["seen", "longer", "unseen_formats"]

_WORD = r"[a-z]{1,12}"
_NUMBERS = r"\d{1,3}(?: \d{1,3}){1,7}"


def _ints(text: str) -> list[int]:
    return [int(part) for part in text.split()]


def _letters(operation: Callable[[str, str], str]) -> Callable[[str], str]:
    def apply(text: str) -> str:
        letter, word = text.split()
        return operation(letter, word)

    return apply


def _json(text: str) -> str:
    key, value = text.split()
    return json.dumps({key: value}, separators=(",", ":"))


_RULES: dict[str, tuple[str, Callable[[str], str]]] = {
    "rev": (_WORD, lambda w: w[::-1]),
    "up": (_WORD, str.upper),
    "sort": (_WORD, lambda w: "".join(sorted(w))),
    "last": (_WORD, lambda w: w[-1]),
    "swap": (rf"{_WORD}[a-z]", lambda w: w[-1] + w[1:-1] + w[0]),
    "twice": (_WORD, lambda w: w + w),
    "skip": (_WORD, lambda w: w[::2]),
    "cnt": (rf"[a-z] {_WORD}", _letters(lambda c, w: str(w.count(c)))),
    "del": (rf"[a-z] {_WORD}", _letters(lambda c, w: w.replace(c, "") or "none")),
    "json": (rf"{_WORD} {_WORD}", _json),
    "add": (r"\d{1,3} \d{1,3}", lambda t: str(sum(_ints(t)))),
    "sub": (r"\d{1,3} \d{1,3}", lambda t: str(_ints(t)[0] - _ints(t)[1])),
    "max": (_NUMBERS, lambda t: str(max(_ints(t)))),
    "min": (_NUMBERS, lambda t: str(min(_ints(t)))),
}

FAMILIES: tuple[str, ...] = tuple(_RULES)
_DRILL = re.compile(r"([a-z]+) ([a-z0-9 ]+?)(?: !([a-z]))?")


def solve(instruction: str) -> tuple[str, str] | None:
    """The family and the answer of a drill, from its text alone; None where it is none."""
    match = _DRILL.fullmatch(instruction)
    if match is None or match[1] not in _RULES:
        return None
    operands, rule = _RULES[match[1]]
    if re.fullmatch(operands, match[2]) is None or (match[3] and match[3] not in FORMATS):
        return None
    answer = rule(match[2])
    return match[1], FORMATS[match[3]](answer) if match[3] else answer


def write(rng: random.Random, family: str, split: Split = "seen", *, formats: float = 0.3) -> Record:
    """A drill with its answer.

    `longer` ones have words of 6 to 8 letters and lists of 5 or 6 numbers in place of 3 to 5 and 3. A share `formats`
    has a format; which ones a family has is fixed, and `unseen_formats` are the others.
    """
    long = split == "longer"
    number = FAMILIES.index(family)
    own = [name for i, name in enumerate(FORMATS) if ((number + i) % 2 == 0) == (split != "unseen_formats")]
    text = f"{family} {_operands(rng, family, long)}"
    if split == "unseen_formats" or rng.random() < formats:
        text += f" !{rng.choice(own)}"
    solved = solve(text)
    if solved is None:
        raise ValueError(f"no drill: {text!r}")
    return Record(instruction=text, output=solved[1], task_type=family, provenance=Provenance(source="drills"))


def _operands(rng: random.Random, family: str, long: bool) -> str:
    size = rng.randint(6, 8) if long else rng.randint(3, 5)
    word = "".join(rng.choices(LETTERS, k=size))
    if family in ("cnt", "del"):
        letter = rng.choice(word)
        doubled = list(word)
        doubled[rng.randrange(size)] = letter
        return f"{letter} {''.join(doubled)}"
    if family == "json":
        return f"{''.join(rng.choices(LETTERS, k=3))} {word}"
    if family in ("add", "sub"):
        least, most = (20, 99) if long else (0, 20)
        a, b = rng.randint(least, most), rng.randint(least, most)
        return f"{max(a, b)} {min(a, b)}"
    if family in ("max", "min"):
        return " ".join(str(rng.randint(0, 99)) for _ in range(rng.randint(5, 6) if long else 3))
    return word


def _known(families: Sequence[str]) -> Sequence[str]:
    unknown = sorted(set(families) - set(FAMILIES))
    if unknown:
        raise ConfigError(f"there is no family {unknown[0]!r}", key="families", hint=f"there are {', '.join(FAMILIES)}")
    return families


def tasks(
    *, seed: int, families: Sequence[str] = FAMILIES, per_family: int = 100, split: Split = "seen"
) -> list[Record]:
    """Drills with answers, `per_family` of each family in turn, none twice.

    Raises:
        ConfigError: a family is unknown, or has fewer drills than asked for.
    """
    rng = random.Random(f"drills/{split}/{seed}")
    made: dict[str, Record] = {}
    for _ in range(per_family):
        for family in _known(families):
            for _ in range(1000):
                record = write(rng, family, split)
                if record.instruction not in made:
                    made[record.instruction] = record
                    break
            else:
                raise ConfigError(f"the family {family!r} has no {per_family} drills", key="per_family")
    return list(made.values())


class Drills(Source, BaseModel):
    """A source of drills with true answers, `chunk` each attempt, families in equal shares: what no student beats."""

    model_config = ConfigDict(extra="forbid")

    families: tuple[str, ...] = FAMILIES
    chunk: int = Field(64, ge=1)
    reads_pool: ClassVar[bool] = False
    path: str | None = Field(None, description="records that count as known, for the near-duplicate filter")

    _seeds: tuple[Record, ...] = PrivateAttr(())

    def model_post_init(self, context: object) -> None:
        """Reads the known records."""
        if self.path is not None:
            self._seeds = tuple(read_records(self.path))

    @property
    def seeds(self) -> Sequence[Record]:
        """The known records."""
        return self._seeds

    def draw(self, attempt: int, view: PoolView, rng: random.Random) -> Draw:
        """New drills; never exhausted."""
        return Draw(records=tuple(write(rng, rng.choice(_known(self.families))) for _ in range(self.chunk)))


class Prove(Stage, BaseModel):
    """Fills in `task_type` (the drill's family) and drops what is wrong.

    Drops: `no_drill` (nothing that can be solved), `unanswered`, `wrong_answer`. With `verify: false` only the task
    type is filled in. `truth` gives each drill the right answer in place of what it came with, as a reference that it
    can be solved against. `accept_right` and `accept_wrong` are the shares of right and wrong answers that are let
    pass: an imperfect verifier, for experiments.
    """

    model_config = ConfigDict(extra="forbid")

    verify: bool = True
    truth: bool = False
    accept_right: float = Field(1.0, ge=0, le=1)
    accept_wrong: float = Field(0.0, ge=0, le=1)

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The same records."""
        return [self._judge(record, ctx.rng.random()) for record in records]

    def _judge(self, record: Record, chance: float) -> Record:
        solved = solve(record.instruction) if not record.input else None
        if solved is None:
            return record.dropped("no_drill") if self.verify else record.replace(task_type="none")
        family, answer = solved
        record = record.replace(task_type=family, output=answer if self.truth else record.output)
        if not self.verify:
            return record
        if record.output is None:
            return record.dropped("unanswered")
        right = record.output == answer
        if chance < (self.accept_right if right else self.accept_wrong):
            return record
        return record.dropped(Drop("wrong_answer", detail=f"{family}: expected {answer}"))
