"""One part of each kind, as a package brings them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from synthgen import Choice, Completion, Context, Draw, PoolView, Record, Request, Sampling, Usage


def shout(record: Record, *, marks: int = 1) -> str | None:
    return "shouting" if record.instruction.count("!") >= marks else None


class Stamp(BaseModel):
    """Asks the teacher for the output."""

    model_config = ConfigDict(extra="forbid")
    ordered: ClassVar[bool] = False
    prefix: str = ""

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        return [record.replace(output=self.prefix + (await ctx.ask(record.instruction)).text) for record in records]


class First:
    """A plain class: its settings are its constructor's parameters."""

    def __init__(self, count: int = 2) -> None:
        self.count = count

    def select(self, records: Sequence[Record], rng: random.Random) -> list[Record]:
        return [r if i < self.count else r.dropped("not_first", limit=self.count) for i, r in enumerate(records)]


class Clock(BaseModel):
    """Answers every request with the same hour."""

    free_settings: ClassVar[tuple[str, ...]] = ("office",)
    hour: int = 12
    office: str = "here"
    sampling: Sampling | None = None

    @property
    def model(self) -> str:
        return f"clock-{self.hour}"

    async def complete(self, request: Request) -> Completion:
        return Completion((Choice(f"{self.hour} o'clock"),), Usage(3, 2))


class Numbers(BaseModel):
    """So many records, one each attempt."""

    upto: int

    @property
    def reads_pool(self) -> bool:
        return False

    @property
    def seeds(self) -> Sequence[Record]:
        return ()

    def draw(self, attempt: int, view: PoolView, rng: random.Random) -> Draw | None:
        if attempt >= self.upto:
            return None
        return Draw(records=(Record(instruction=f"Say the number {attempt}" + "!" * (attempt % 3)),))


def pairs(record: Record, *, arrow: str = "->") -> dict[str, str] | str:
    return {"pair": f"{record.instruction} {arrow} {record.output}"} if record.output else "no_output"


def copycat(data: Path, out: Path, *, init: Path | None, seed: int, say: Callable[[str], None], rows: int = 3) -> Path:
    out.mkdir(parents=True)
    (out / "rows").write_text("".join(data.read_text().splitlines(keepends=True)[:rows]))
    return out


def weight(student: Path, good: Path, *, out: Path, limit: int = 10) -> dict[str, str]:
    size = len((student / "rows").read_text().splitlines())
    return {"weight": f"{size} rows, at most {limit}"} if size > limit else {}


def sums(*, seed: int, count: int = 5) -> list[Record]:
    numbers = random.Random(seed)
    pairs = [(numbers.randrange(100), numbers.randrange(100)) for _ in range(count)]
    return [Record(instruction=f"Add {a} and {b}.", output=str(a + b)) for a, b in pairs]
