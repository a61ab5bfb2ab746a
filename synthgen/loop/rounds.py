"""The loop: rounds of generate, look for collapse, mix, train, evaluate, gate.

Everything is a step whose result is kept in `rounds/<k>/`; a loop that was stopped runs through the kept results and
goes on with the first step that has none. Generation and evaluation are runs with journals of their own, so not even
half a step is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthgen.config import Recipe, run_recipe
from synthgen.errors import Interrupted
from synthgen.loop import evaluation
from synthgen.loop.alarms import alarms, measure
from synthgen.loop.gate import gains, refusals
from synthgen.loop.mixing import balanced, mix
from synthgen.loop.pins import lay_out, pin
from synthgen.loop.recipe import CHECKPOINT, SAME_SEED, LoopRecipe
from synthgen.loop.records import accepted, read_records, write_records
from synthgen.loop.report import LoopReport, Round
from synthgen.loop.steps import Steps, digest
from synthgen.loop.training import train_student
from synthgen.records import Record, user_text
from synthgen.store.lock import Lock
from synthgen.teachers.checkpoints import checkpoint_hash
from synthgen.text import normalize

Say = Callable[[str], None]


def run_loop(recipe: LoopRecipe, out: Path | None = None, *, say: Say = print) -> LoopReport:
    """Runs the loop, or goes on with one that was stopped, and returns the report, also written as `loop.json`.

    Raises:
        SynthgenError: a step failed; what is done stays.
    """
    folder = out or Path(recipe.config.output) / recipe.config.name
    folder.mkdir(parents=True, exist_ok=True)
    lock = Lock(folder / ".lock")
    lock.acquire()
    try:
        return _Loop(recipe, folder, say).run()
    finally:
        lock.release()


@dataclass(slots=True)
class _State:
    """What the rounds so far have left: the student that teaches, its scores, and the records that are kept."""

    checkpoint: str = ""
    scores: dict[str, Any] = field(default_factory=dict)
    kept: list[Record] = field(default_factory=list)
    first: dict[str, Any] | None = None
    flat: int = 0


class _Loop:
    def __init__(self, recipe: LoopRecipe, folder: Path, say: Say) -> None:
        self.recipe, self.config, self.folder, self.say = recipe, recipe.config, folder, say
        self.paths = lay_out(recipe, folder)
        # what is wrong with the pipeline is said now, not after round 0
        trial = self._generation(1, CHECKPOINT, self.paths["seeds"]) if self.config.generate else None
        pin(recipe, folder, trial)
        self.seeds = read_records(self.paths["seeds"])
        if left_out := recipe.seed_data()[1]:
            say(f"{left_out:,} records of the seed data are held out, and left out of it")
        self.main = next(iter(self.config.held_out))
        self.state = _State()
        self.rounds: list[Round] = []

    def run(self) -> LoopReport:
        status, because = "done", f"{self.config.stop.rounds} rounds"
        for number in range(self.config.stop.rounds + 1):
            ended = self._round(number)
            self._report("running", f"round {number} is done")
            if ended is not None:
                status, because = ended
                break
        return self._report(status, because)

    def _report(self, status: str, because: str) -> LoopReport:
        report = LoopReport(self.config.name, status, because, self.main, self.rounds, str(self.folder))
        report.write(self.folder)
        return report

    def _round(self, number: int) -> tuple[str, str] | None:
        """Why the loop ends with this round, or None."""
        steps = Steps(self.folder / "rounds" / str(number))
        found = Round(number, teacher=self.state.checkpoint)
        self.rounds.append(found)
        new: list[Record] = []
        if number and self.config.generate is not None:
            new = self._generate(number, steps, found)
            ended = self._examine(steps, found, new)
            if ended is not None:
                return ended
        self._train(number, steps, found, new)
        return self._judge(found, new)

    def _generate(self, number: int, steps: Steps, found: Round) -> list[Record]:
        known = steps.folder / "known.jsonl"
        folder = steps.folder / "generate"
        inputs = [self._hash(self.state.checkpoint), digest([r.id for r in self._unique()])]

        def work() -> dict[str, Any]:
            self.say(f"round {number}: generating")
            write_records(known, self._unique())
            report = asyncio.run(run_recipe(self._generation(number, self._served(), known), out=folder))
            if report.status == "interrupted":
                raise Interrupted(report.stopped_because, hint="the same command goes on where it stopped")
            reasons: dict[str, int] = {}
            for flow in report.funnel:
                for reason, count in flow.dropped.items():
                    reasons[reason] = reasons.get(reason, 0) + count
            return {
                "generated": report.generated,
                "accepted": report.accepted,
                "rejected": dict(sorted(reasons.items())),
                "tokens": report.tokens.prompt + report.tokens.completion,
                "requests": report.requests.bought + report.requests.reused,
                "usd": report.cost_usd,
            }

        found.generation = steps.result("generate", inputs, work)
        return accepted(folder)

    def _examine(self, steps: Steps, found: Round, new: list[Record]) -> tuple[str, str] | None:
        """Measures the records, and whether the loop ends because of what it finds."""
        known = {normalize(user_text(r)) for r in self._unique()}
        generated = found.generation["generated"]
        inputs = [digest([r.id for r in new]), generated]
        found.measures = steps.result("measures", inputs, lambda: measure(new, generated=generated, known=known))
        stop = self.config.stop
        if self.state.first is None:
            self.state.first = found.measures
            share = found.measures["new"] / max(1, generated)
            if share < stop.least_yield:
                found.verdict = "stopped"
                found.why = [f"only {share:.1%} of what was generated is new and passes"]
                return "no_yield", (
                    f"{found.why[0]}, and {stop.least_yield:.0%} are needed: below some competence no loop starts."
                    " More seed data, more training in round 0, easier tasks or a fixed teacher raise it"
                )
        found.alarms = alarms(found.measures, self.state.first, self.config.alarms)
        found.collapsed = len(found.alarms) >= self.config.alarms.least
        if found.collapsed and self.config.alarms.action == "halt":
            found.verdict, found.why = "collapsed", found.alarms
            return "collapsed", "; ".join(found.alarms)
        return None

    def _train(self, number: int, steps: Steps, found: Round, new: list[Record]) -> None:
        settings = self.config.mix
        if found.collapsed and self.config.alarms.action == "remix":
            new = balanced(new, seed=self._seed(number))
            share = max(settings.seed_share, self.config.alarms.remix_seed_share)
            settings = settings.model_copy(update={"seed_share": share})
        mixture = mix(self.seeds, self.state.kept, new, settings, seed=self._seed(number))
        init = self.state.checkpoint if self.config.init == "previous" and number else ""
        inputs = [digest([[r.instruction, r.input, r.output] for r in mixture.rows]), self._hash(init)]

        def work() -> dict[str, Any]:
            self.say(f"round {number}: training on {len(mixture.rows):,} rows")
            made = train_student(
                self.recipe,
                mixture.rows,
                steps.folder,
                self.folder,
                init=self.folder / init if init else None,
                seed=self._seed(number),
                first=number == 0,
                say=self.say,
            )
            return {
                **made,
                "seed_rows": mixture.seed_rows,
                "earlier_rows": mixture.earlier_rows,
                "new_rows": mixture.new_rows,
            }

        found.training = steps.result("train", inputs, work)
        checkpoint = str(self.folder / found.training["checkpoint"])
        held_out = {name: self.paths[f"{name}/prompts"] for name in self.config.held_out}

        def examine() -> dict[str, Any]:
            self.say(f"round {number}: evaluating")
            work = evaluation.evaluate(self.recipe, checkpoint, held_out, steps.folder / "evaluate")
            return asyncio.run(work)

        found.scores = steps.result("evaluate", self._hash(found.training["checkpoint"]), examine)

    def _judge(self, found: Round, new: list[Record]) -> tuple[str, str] | None:
        """The gate's verdict, what follows from it, and whether the loop ends."""
        now, good = found.scores[self.main], self.state.scores.get(self.main)
        found.why = refusals(now, good, self.config.gate) if good else []
        found.verdict = "refused" if found.why else "passed"
        better = good is not None and gains(now, good)
        if not found.why:
            self.state.checkpoint, self.state.scores = found.training["checkpoint"], found.scores
            self.state.kept += new
        accuracy = found.scores[self.main]["correct"].count("1") / len(found.scores[self.main]["correct"])
        self.say(f"round {found.number}: {found.verdict}, accuracy {accuracy:.1%}")
        if found.why and self.config.gate.refused == "stop":
            return "refused", "; ".join(found.why)
        if found.number:
            self.state.flat = 0 if better else self.state.flat + 1
        plateau = self.config.stop.plateau
        if plateau and self.state.flat >= plateau and found.number < self.config.stop.rounds:
            return "plateau", f"no gain beyond noise in {self.state.flat} rounds"
        return None

    def _generation(self, number: int, checkpoint: str, known: Path) -> Recipe:
        paths = [self.folder / "held_out" / f"{name}.jsonl" for name in self.config.held_out]
        return self.recipe.generation(number, checkpoint, known, paths)

    def _served(self) -> str:
        return str((self.folder / self.state.checkpoint).resolve())

    def _unique(self) -> list[Record]:
        """Seed data and kept records, each task once: what counts as known."""
        found: dict[str, Record] = {}
        for record in (*self.seeds, *self.state.kept):
            found.setdefault(normalize(user_text(record)), record)
        return list(found.values())

    def _seed(self, number: int) -> int:
        return self.config.seed * SAME_SEED + number

    def _hash(self, checkpoint: str) -> str:
        return checkpoint_hash([self.folder / checkpoint]) if checkpoint else ""
