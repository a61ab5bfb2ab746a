"""The loop: rounds of generate, look for collapse, mix, train, evaluate, gate.

Everything is a step whose result is kept in `rounds/<k>/`; a loop that was stopped runs through the kept results and
goes on with the first step that has none. Generation and evaluation are runs with journals of their own, so not even
half a step is lost.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from synthgen.errors import BudgetReached
from synthgen.loop import evaluation
from synthgen.loop.by_round import longest
from synthgen.loop.examining import examine, mixture
from synthgen.loop.generating import generate
from synthgen.loop.judging import judge
from synthgen.loop.mixing import Mixture
from synthgen.loop.pins import lay_out, pin
from synthgen.loop.recipe import CHECKPOINT, LoopRecipe
from synthgen.loop.records import read_records
from synthgen.loop.report import LoopReport
from synthgen.loop.round import Round
from synthgen.loop.state import End, Loop, Say
from synthgen.loop.steps import digest
from synthgen.loop.training import train_student
from synthgen.records import Record
from synthgen.store.links import refuse_links
from synthgen.store.lock import Lock


def run_loop(recipe: LoopRecipe, out: Path | None = None, *, say: Say = print) -> LoopReport:
    """Runs the loop, or goes on with one that was stopped, and returns the report, also written as `loop.json`.

    Raises:
        SynthgenError: a step failed; what is done stays.
    """
    folder = out or Path(recipe.config.output) / recipe.config.name
    folder.mkdir(parents=True, exist_ok=True)
    refuse_links(folder)
    lock = Lock(folder / ".lock")
    lock.acquire()
    try:
        return _run(_begun(recipe, folder, say))
    finally:
        lock.release()


def _begun(recipe: LoopRecipe, folder: Path, say: Say) -> Loop:
    """The loop with its seed data, after all that can be checked before round 0 has been."""
    loop = Loop(recipe, folder, say, lay_out(recipe, folder))
    trial = loop.generation(1, CHECKPOINT, loop.paths["seeds"], {}) if recipe.config.generate else None
    for number in range(2, 1 + longest(recipe.config.model_dump(include={"generate"}))):
        loop.generation(number, CHECKPOINT, loop.paths["seeds"], {})
    pin(recipe, folder, trial)
    loop.seeds = read_records(loop.paths["seeds"])
    if left_out := recipe.seed_data()[1]:
        say(f"{left_out:,} records of the seed data are held out, and left out of it")
    return loop


def _run(loop: Loop) -> LoopReport:
    rounds = loop.recipe.config.stop.rounds
    status, because = "done", f"{rounds} rounds"
    for number in range(rounds + 1):
        loop.rounds.append(Round(number, teacher=loop.state.checkpoint))
        try:
            ended = _round(loop, loop.rounds[-1])
        except BudgetReached as reached:
            loop.rounds[-1].verdict, loop.rounds[-1].why = "stopped", [reached.message]
            ended = "budget", reached.message
        _report(loop, "running", f"round {number} is done")
        if ended is not None:
            status, because = ended
            break
    return _report(loop, status, because)


def _report(loop: Loop, status: str, because: str) -> LoopReport:
    report = LoopReport(loop.recipe.config.name, status, because, loop.main, loop.rounds, str(loop.folder))
    report.write(loop.folder)
    return report


def _round(loop: Loop, found: Round) -> End:
    """Why the loop ends with this round, or None."""
    new: list[Record] = []
    made = mixture(loop, found.number, new)
    if found.number and loop.recipe.config.generate is not None:
        new = generate(loop, found)
        made = mixture(loop, found.number, new)
        ended = examine(loop, found, new, made.rows)
        if ended is not None:
            return ended
        if loop.recipe.config.alarms.action == "remix" and (found.collapsed or loop.state.remix):
            made = mixture(loop, found.number, new, remix=True)
    _train(loop, found, made)
    _evaluate(loop, found)
    return judge(loop, found, new)


def _train(loop: Loop, found: Round, made: Mixture) -> None:
    init = loop.state.checkpoint if loop.recipe.config.init == "previous" and found.number else ""

    def work() -> dict[str, Any]:
        loop.say(f"round {found.number}: training on {len(made.rows):,} rows")
        facts = train_student(
            loop.recipe,
            made.rows,
            loop.steps(found.number).folder,
            loop.folder,
            init=loop.folder / init if init else None,
            seed=loop.seed(found.number),
            number=found.number,
            say=loop.say,
        )
        counts = {"seed_rows": made.seed_rows, "earlier_rows": made.earlier_rows, "new_rows": made.new_rows}
        return {**facts, **counts}

    inputs = [
        digest([[r.instruction, r.input, r.output, [a.text for a in r.answers]] for r in made.rows]),
        loop.hash(init),
    ]
    found.training = loop.step(found.number, "train", inputs, work)


def _evaluate(loop: Loop, found: Round) -> None:
    checkpoint = str(loop.folder / found.training["checkpoint"])
    held_out = {name: loop.paths[f"{name}/prompts"] for name in loop.recipe.config.held_out}
    folder = loop.steps(found.number).folder / "evaluate"

    def work() -> dict[str, Any]:
        loop.say(f"round {found.number}: evaluating")
        return asyncio.run(evaluation.evaluate(loop.recipe, checkpoint, held_out, folder))

    found.scores = loop.step(found.number, "evaluate", loop.hash(found.training["checkpoint"]), work)
