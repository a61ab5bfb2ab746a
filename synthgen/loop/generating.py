"""One round's generation: a run of its own in the round's folder, within what the loop may still spend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthgen.config import run_recipe
from synthgen.errors import BudgetReached, Interrupted
from synthgen.eventloop import run_async
from synthgen.loop.budget import Purse, spending
from synthgen.loop.records import accepted, rejected, write_records
from synthgen.loop.round import Round
from synthgen.loop.state import Loop
from synthgen.loop.steps import digest
from synthgen.records import Record
from synthgen.store import RunReport


def generate(loop: Loop, found: Round) -> list[Record]:
    """The round's accepted records.

    Raises:
        BudgetReached: the loop's budget leaves no room for another request; what came in is kept.
        Interrupted: the user asked to stop; the replies that came in are kept.
    """
    number, config = found.number, loop.recipe.config
    folder, known = loop.steps(number).folder / "generate", loop.steps(number).folder / "known.jsonl"
    own = config.generate.budget if config.generate else {}
    purse = Purse(config.stop.budget, spending(r.generation for r in loop.rounds), own)

    def work() -> dict[str, Any]:
        if purse.empty:
            raise BudgetReached(f"the loop's budget of {purse.empty} is spent")
        loop.say(f"round {number}: generating")
        write_records(known, loop.unique())
        report = run_async(run_recipe(loop.generation(number, loop.served(), known, purse.round), out=folder))
        if report.status == "interrupted":
            raise Interrupted(report.stopped_because, hint="the same command goes on where it stopped")
        made = _facts(report)
        if report.status == "budget" and (unit := purse.ended(made)):
            found.generation = made
            raise BudgetReached(f"the loop's budget of {unit} leaves no room for another request")
        return made

    inputs = [loop.hash(loop.state.checkpoint), digest([r.id for r in loop.unique()])]
    found.generation = loop.step(number, "generate", inputs, work)
    return accepted(folder)


def written(folder: Path) -> list[Record]:
    """All that a finished generation wrote, rejects included."""
    return [*accepted(folder), *rejected(folder)]


def _facts(report: RunReport) -> dict[str, Any]:
    """The figures of a run that the loop keeps; `requests` are those that have a reply, bought or reused."""
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
