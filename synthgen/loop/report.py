"""A loop for people: what it will do, what came of its rounds, and what they cost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from synthgen.loop.measures import gain, score_summary
from synthgen.loop.recipe import CHECKPOINT, LoopRecipe
from synthgen.loop.round import Round
from synthgen.loop.state import Steps, checked_loop
from synthgen.report.loop_page import loop_page, loop_picture
from synthgen.store import files


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """What is known of a loop before round 0: numbers of records, and the stages that make more of them."""

    recipe: LoopRecipe
    seeds: int
    held_out: dict[str, int]
    stages: list[str]

    @property
    def folder(self) -> Path:
        """The loop's folder, where no other is chosen."""
        return Path(self.recipe.config.output) / self.recipe.config.name

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "name": self.recipe.config.name,
            "folder": str(self.folder),
            "seeds": self.seeds,
            "held_out": self.held_out,
            "stages": self.stages,
            "config": self.recipe.config.model_dump(mode="json"),
        }

    def lines(self) -> Iterator[str]:
        """All of it for people."""
        config = self.recipe.config
        start = "last good student" if config.init == "previous" else "trainer's own model"
        yield f"{config.name}: everything loads"
        yield f"  folder       {self.folder}"
        yield f"  seed data    {self.seeds:,} records"
        yield f"  held out     {', '.join(f'{count:,} in {name}' for name, count in self.held_out.items())}"
        yield f"  rounds       {config.stop.rounds:,}, after round 0, which trains on the seed data alone"
        yield f"  stages       {', '.join(self.stages) or 'none: every round trains on the seed data alone'}"
        yield f"  train        {config.train.use}, each round from the {start}"
        yield f"  evaluate     greedy answers, served by {config.student.use}"


def check_loop(recipe: LoopRecipe) -> LoopPlan:
    """What the loop will do, after all has been checked that can be before round 0; nothing of it is kept.

    Raises:
        SynthgenError: something in it cannot be used.
    """
    with TemporaryDirectory() as folder:
        loop = checked_loop(recipe, Path(folder), lambda line: None)
        stages: list[str] = []
        if recipe.config.generate is not None:
            pipeline = loop.generation(1, CHECKPOINT, loop.paths["seeds"], {}).pipeline
            stages = [label for label, _ in pipeline.stages]
    held_out = {name: len(recipe.records(name)) for name in recipe.config.held_out}
    return LoopPlan(recipe, len(loop.seeds), held_out, stages)


def summaries(found: Round, first: Round, main: str) -> dict[str, dict[str, float]]:
    """Accuracy and stops of each held-out set, and on the main one the paired gain over the first round."""
    shown = {name: score_summary(scores) for name, scores in found.scores.items()}
    if found.number and found.scores:
        more = gain(found.scores[main]["correct"], first.scores[main]["correct"])
        shown["gain"] = {"mean": round(more.mean, 4), "low": round(more.low, 4), "high": round(more.high, 4)}
    return shown


def round_table(rounds: Sequence[Round], main: str) -> list[str]:
    """A line a round, and below the alarms and the gate's reasons; the same for a loop that was resumed."""
    others = [name for name in rounds[0].scores if name != main] if rounds else []
    heads = ["round", "rows", "made", "new", "yield", "entropy", main, "gain over round 0", *others, "stops", "verdict"]
    lines = aligned([heads, *(_row(r, summaries(r, rounds[0], main), main, others) for r in rounds)])
    for found in rounds:
        lines += [f"round {found.number}: alarm: {alarm}" for alarm in found.alarms]
        if found.verdict == "refused":
            lines += [f"round {found.number}: refused: {why}" for why in found.why]
    return lines


def _row(found: Round, shown: Mapping[str, Mapping[str, float]], main: str, others: Sequence[str]) -> list[str]:
    scores, gain = shown.get(main), shown.get("gain")
    made, seen = found.generation, found.measures
    return [
        str(found.number),
        f"{found.training['rows']:,}" if found.training else "",
        f"{made['generated']:,}" if made else "",
        f"{seen['new']:,}" if seen else "",
        f"{seen['yield']:.0%}" if seen else "",
        f"{seen['entropy']:.2f}" if seen else "",
        f"{scores['accuracy']:.1%} [{scores['low']:.1%}, {scores['high']:.1%}]" if scores else "",
        f"{100 * gain['mean']:+.1f} [{100 * gain['low']:+.1f}, {100 * gain['high']:+.1f}]" if gain else "",
        *(f"{shown[name]['accuracy']:.1%}" if name in shown else "" for name in others),
        f"{scores['stops']:.1%}" if scores else "",
        found.verdict,
    ]


COSTED = ("requests", "tokens", "usd")


def cost_table(rounds: Sequence[Round], seconds: Sequence[Mapping[str, float]]) -> list[str]:
    """What each round's generation bought, what of it was new, and the wall seconds of its steps; sums below."""
    steps = list(dict.fromkeys(step for one in seconds for step in one))
    rows = [["round", "requests", "tokens", "usd", "new per 1,000 tokens", *(f"{s} s" for s in steps), "all s"]]
    sums: dict[str, Any] = dict.fromkeys((*COSTED, "new"), 0)
    for found, one in zip(rounds, seconds, strict=True):
        values = {name: found.generation.get(name) for name in COSTED} | {"new": found.measures.get("new")}
        sums = {name: sums[name] + (values[name] or 0) for name in sums}
        rows.append([str(found.number), *_spent(values), *(_time(one.get(s)) for s in steps), _time(sum(one.values()))])
    if not any(r.generation.get("usd") is not None for r in rounds):
        sums["usd"] = None
    whole = [sum(one.get(step, 0.0) for one in seconds) for step in steps]
    rows.append(["all", *_spent(sums), *map(_time, whole), _time(sum(whole))])
    return aligned(rows)


def _spent(values: Mapping[str, Any]) -> list[str]:
    requests, tokens, usd, new = (values[name] for name in (*COSTED, "new"))
    return [
        "" if requests is None else f"{requests:,}",
        "" if tokens is None else f"{tokens:,}",
        "" if usd is None else f"{usd:.4g}",
        f"{1000 * new / tokens:.1f}" if tokens and new is not None else "",
    ]


def _time(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:,.1f}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows with their cells under one another."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


@dataclass(slots=True)
class LoopReport:
    """A loop; `main` names the gate's held-out set.

    `status` is running, done, plateau, budget, no_yield, collapsed or refused.
    """

    name: str
    status: str
    because: str
    main: str
    rounds: list[Round]
    folder: str

    def write(self, folder: Path) -> None:
        """Writes `loop.json`, `loop.svg` and `loop.html` into the folder."""
        seconds = self._seconds(folder)
        spent = cost_table(self.rounds, seconds)
        values = {
            "name": self.name,
            "status": self.status,
            "because": self.because,
            "main": self.main,
            "rounds": [asdict(r) | {"summary": self.summary(r)} for r in self.rounds],
            "table": self.lines(),
            "costs": spent,
            "seconds": seconds,
        }
        points = [self._point(r) for r in self.rounds]
        files.write(folder / "loop.json", json.dumps(values, indent=1, ensure_ascii=False) + "\n")
        files.write(folder / "loop.svg", loop_picture(self.name, points) + "\n")
        tables = {"Rounds": self.lines(), "Cost": spent}
        files.write(folder / "loop.html", loop_page(self.name, f"{self.status}: {self.because}", points, tables))

    def summary(self, found: Round) -> dict[str, dict[str, float]]:
        """Accuracy and stops of each held-out set, and on the main one the paired gain over round 0."""
        return summaries(found, self.rounds[0], self.main)

    def lines(self) -> list[str]:
        """The table and what is behind it, for people; the same for a loop that was stopped and resumed."""
        return [*round_table(self.rounds, self.main), f"{self.status}: {self.because}"]

    def costs(self) -> list[str]:
        """What the rounds cost, for people; the seconds are those of this machine."""
        return cost_table(self.rounds, self._seconds(Path(self.folder)))

    def _seconds(self, folder: Path) -> list[dict[str, float]]:
        return [Steps(folder / "rounds" / str(r.number)).seconds() for r in self.rounds]

    def _point(self, found: Round) -> dict[str, Any]:
        shown = self.summary(found)
        scores = found.scores.get(self.main)
        return {
            "round": found.number,
            "name": self.main,
            **shown.get(self.main, {}),
            "others": {name: v["accuracy"] for name, v in shown.items() if name not in (self.main, "gain")},
            "task_types": scores["task_types"] if scores else {},
            "entropy": found.measures.get("entropy"),
            "new": found.measures.get("new"),
            **{key: found.generation[key] for key in ("generated", "accepted", "rejected") if found.generation},
            "verdict": found.verdict,
        }
