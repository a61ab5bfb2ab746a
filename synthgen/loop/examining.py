"""A round's records, measured before anything is trained on them, and what they are mixed with."""

from __future__ import annotations

from typing import Any

from synthgen.loop.alarms import alarms, better_than_start, repeats
from synthgen.loop.generating import written
from synthgen.loop.measures import READINGS, against, measure
from synthgen.loop.mixing import Mixture, balanced, mix
from synthgen.loop.round import Round
from synthgen.loop.state import End, Loop
from synthgen.loop.steps import digest
from synthgen.records import Record
from synthgen.text import normalize


def mixture(loop: Loop, number: int, new: list[Record], *, remix: bool = False) -> Mixture:
    """The rows to train on; remixed, large task types are cut down and there is more seed data."""
    settings = loop.recipe.config.mix
    if remix:
        new = balanced(new, seed=loop.seed(number))
        share = max(settings.seed_share, loop.recipe.config.alarms.remix_seed_share)
        settings = settings.model_copy(update={"seed_share": share})
    return mix(loop.seeds, loop.state.kept, new, settings, seed=loop.seed(number))


def examine(loop: Loop, found: Round, new: list[Record], rows: list[Record]) -> End:
    """Measures a round's new records and the rows to train on, and whether the loop ends because of them."""
    limits, first = loop.recipe.config.alarms, loop.state.first
    found.measures = _measured(loop, found, new, rows)
    if first is None:
        loop.state.first = first = found.measures
        ended = _too_little(loop, found)
        if ended is not None:
            return ended
    wrote, start = loop.state.scores[loop.main], loop.rounds[0].scores[loop.main]
    found.alarms = alarms(found.measures, first, limits, better=better_than_start(wrote, start))
    found.alarms += repeats(found.measures["rows"], found.measures["seeds"], limits)
    # the last student's sign counts here too: two rounds in a row are a collapse
    found.alarms += loop.state.worse
    found.collapsed = len(found.alarms) >= limits.least
    if found.collapsed and limits.action == "halt":
        found.verdict, found.why = "collapsed", found.alarms
        return "collapsed", "; ".join(found.alarms)
    if not new:
        found.verdict, found.why = "stopped", ["no new record has passed"]
        return "no_yield", "no new record has passed; rejected.parquet in the round's generate folder has the reasons"
    return None


def _measured(loop: Loop, found: Round, new: list[Record], rows: list[Record]) -> dict[str, Any]:
    look_at = loop.recipe.config.alarms.look_at
    known = {normalize(READINGS[look_at][1](r)) for r in (*loop.seeds, *loop.state.kept)}
    generated, first = found.generation["generated"], loop.state.first

    def work() -> dict[str, Any]:
        everything = written(loop.steps(found.number).folder / "generate")
        shared: dict[str, Any] = {"seeds": loop.seeds, "written": everything, "like": first, "look_at": look_at}
        measured = measure(new, generated=generated, known=known, **shared)
        trained, human = against(rows, loop.seeds, look_at)
        return {**measured, "rows": trained, "seeds": human}

    inputs = [digest([r.id for r in new]), generated, digest([r.id for r in rows]), digest(first)]
    return loop.step(found.number, "measures", inputs, work)


def _too_little(loop: Loop, found: Round) -> End:
    """The end of a loop whose first round has nothing to start from."""
    least = loop.recipe.config.stop.least_yield
    share = found.measures["new"] / max(1, found.measures["generated"])
    if share >= least:
        return None
    found.verdict = "stopped"
    found.why = [f"only {share:.1%} of what was generated is new and passes"]
    return "no_yield", (
        f"{found.why[0]}, and {least:.0%} are needed: below some competence no loop starts."
        " More seed data, more training in round 0, easier tasks or a fixed teacher raise it"
    )
