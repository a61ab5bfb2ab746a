"""The loop: rounds of generate, look for collapse, mix, train, evaluate, judge. `_round` is one of them.

Everything is a step whose result is kept in `rounds/<k>/`; a loop that was stopped runs through the kept results and
goes on with the first step that has none. Generation and evaluation are runs with journals of their own, so not even
half a step is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from synthgen.api import run_recipe
from synthgen.api.event_loop import run_async
from synthgen.errors import BudgetReached, Interrupted
from synthgen.loop.limits import Purse, alarms, is_better, refusals, repeats, spending, worse_than_start
from synthgen.loop.measures import READINGS, compared_repetition, evaluate, measure, score_summary
from synthgen.loop.recipe import LoopRecipe
from synthgen.loop.report import LoopReport
from synthgen.loop.round import Damage, Generation, Measures, Round, Scores, Training
from synthgen.loop.state import End, Loop, Say, checked_loop, digest
from synthgen.loop.training import Mixture, balanced, look_for_damage, mix, train_student
from synthgen.records import Record
from synthgen.store import RunReport
from synthgen.store.files import Lock, refuse_links
from synthgen.store.record_files import accepted_records, rejected_records, write_records
from synthgen.text import normalize


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
        return _rounds(checked_loop(recipe, folder, say))
    finally:
        lock.release()


def _rounds(loop: Loop) -> LoopReport:
    last = loop.recipe.config.stop.rounds
    end = End("done", f"{last} rounds")
    for number in range(last + 1):
        round = Round(number, teacher=loop.state.checkpoint)
        loop.rounds.append(round)
        try:
            ended = _round(loop, round)
        except BudgetReached as reached:
            round.verdict, round.why = "stopped", [reached.message]
            ended = End("budget", reached.message)
        _report(loop, End("running", f"round {number} is done"))
        if ended is not None:
            end = ended
            break
    return _report(loop, end)


def _report(loop: Loop, end: End) -> LoopReport:
    report = LoopReport(loop.recipe.config.name, end.status, end.because, loop.main, loop.rounds, str(loop.folder))
    report.write(loop.folder)
    return report


def _round(loop: Loop, round: Round) -> End | None:
    """One round from top to bottom; why the loop ends with it, or None. Round 0 has only the seed data."""
    new: list[Record] = []
    generates = round.number > 0 and loop.recipe.config.generate is not None
    if generates:
        new = _generate(loop, round)
    mixture = _mixture(loop, round, new)
    if generates:
        _measure(loop, round, new, mixture.rows)
        end = _collapse(loop, round) or _barren(round, new)
        if end is not None:
            return end
        if loop.recipe.config.alarms.action == "remix" and (round.collapsed or loop.state.remix):
            mixture = _mixture(loop, round, new, remix=True)
    _train(loop, round, mixture)
    _evaluate(loop, round)
    better = _judge(loop, round, new)
    return _end(loop, round, better)


# 1. generate


def _generate(loop: Loop, round: Round) -> list[Record]:
    """The records that the round's own run accepted, within what the loop may still spend.

    Raises:
        BudgetReached: the loop's budget leaves no room for another request; what came in is kept.
        Interrupted: the user asked to stop; the replies that came in are kept.
    """
    number, config = round.number, loop.recipe.config
    folder, known = loop.steps(number).folder / "generate", loop.steps(number).folder / "known.jsonl"
    own = config.generate.budget if config.generate else {}
    purse = Purse(config.stop.budget, spending(r.generation for r in loop.rounds), own)

    def work() -> Generation:
        if purse.empty:
            raise BudgetReached(f"the loop's budget of {purse.empty} is spent")
        loop.say(f"round {number}: generating")
        write_records(known, loop.unique())
        report = run_async(run_recipe(loop.generation(number, loop.served(), known, purse.round), out=folder))
        if report.status == "interrupted":
            raise Interrupted(report.stopped_because, hint="the same command goes on where it stopped")
        made = _figures(report)
        if report.status == "budget" and (unit := purse.ended(made)):
            round.generation = made
            raise BudgetReached(f"the loop's budget of {unit} leaves no room for another request")
        return made

    inputs = [loop.hash(loop.state.checkpoint), digest([r.id for r in loop.unique()])]
    round.generation = loop.step(number, "generate", inputs, work)
    return accepted_records(folder)


def _figures(report: RunReport) -> Generation:
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


# 2. mix


def _mixture(loop: Loop, round: Round, new: list[Record], *, remix: bool = False) -> Mixture:
    """The rows to train on; remixed, large task types are cut down and there is more seed data."""
    settings, seed = loop.recipe.config.mix, loop.seed(round.number)
    if remix:
        new = balanced(new, seed=seed)
        share = max(settings.seed_share, loop.recipe.config.alarms.remix_seed_share)
        settings = settings.model_copy(update={"seed_share": share})
    return mix(loop.seeds, loop.state.kept, new, settings, seed=seed)


# 3. look for collapse in what was written and in what will be trained on


def _measure(loop: Loop, round: Round, new: list[Record], rows: list[Record]) -> None:
    look_at = loop.recipe.config.alarms.look_at
    known = {normalize(READINGS[look_at][1](r)) for r in (*loop.seeds, *loop.state.kept)}
    generated, first = round.generation["generated"], loop.state.first
    folder = loop.steps(round.number).folder / "generate"

    def work() -> Measures:
        found = measure(
            new,
            generated=generated,
            known=known,
            seeds=loop.seeds,
            written=[*accepted_records(folder), *rejected_records(folder)],
            like=first,
            look_at=look_at,
        )
        found["rows"], found["seeds"] = compared_repetition(rows, loop.seeds, look_at)
        return found

    inputs = [digest([r.id for r in new]), generated, digest([r.id for r in rows]), digest(first)]
    round.measures = loop.step(round.number, "measures", inputs, work)


def _collapse(loop: Loop, round: Round) -> End | None:
    """The end of a loop that has collapsed, or whose first round has nothing to start from."""
    limits, state = loop.recipe.config.alarms, loop.state
    if state.first is None:
        state.first = round.measures
        if (end := _too_little(loop, round)) is not None:
            return end
    wrote, start = state.scores[loop.main], loop.rounds[0].scores[loop.main]
    round.alarms = [
        *alarms(round.measures, state.first, limits, better=is_better(wrote, start)),
        *repeats(round.measures["rows"], round.measures["seeds"], limits),
        # the last student's sign counts here too: two rounds in a row are a collapse
        *state.worse,
    ]
    round.collapsed = len(round.alarms) >= limits.least
    if not round.collapsed or limits.action != "halt":
        return None
    round.verdict, round.why = "collapsed", round.alarms
    return End("collapsed", "; ".join(round.alarms))


def _too_little(loop: Loop, round: Round) -> End | None:
    least = loop.recipe.config.stop.least_yield
    share = round.measures["new"] / max(1, round.measures["generated"])
    if share >= least:
        return None
    round.verdict = "stopped"
    round.why = [f"only {share:.1%} of what was generated is new and passes"]
    return End(
        "no_yield",
        f"{round.why[0]}, and {least:.0%} are needed: below some competence no loop starts."
        " More seed data, more training in round 0, easier tasks or a fixed teacher raise it",
    )


def _barren(round: Round, new: Sequence[Record]) -> End | None:
    if new:
        return None
    round.verdict, round.why = "stopped", ["no new record has passed"]
    return End("no_yield", "no new record has passed; rejected.parquet in the round's generate folder has the reasons")


# 4. train


def _train(loop: Loop, round: Round, mixture: Mixture) -> None:
    init = loop.state.checkpoint if loop.recipe.config.init == "previous" and round.number else ""

    def work() -> Training:
        loop.say(f"round {round.number}: training on {len(mixture.rows):,} rows")
        trained = train_student(
            loop.recipe,
            mixture.rows,
            loop.steps(round.number).folder,
            loop.folder,
            init=loop.folder / init if init else None,
            seed=loop.seed(round.number),
            number=round.number,
            say=loop.say,
        )
        trained["seed_rows"] = mixture.seed_rows
        trained["earlier_rows"], trained["new_rows"] = mixture.earlier_rows, mixture.new_rows
        return trained

    rows = digest([[r.instruction, r.input, r.output, [a.text for a in r.answers]] for r in mixture.rows])
    round.training = loop.step(round.number, "train", [rows, loop.hash(init)], work)


# 5. evaluate


def _evaluate(loop: Loop, round: Round) -> None:
    checkpoint = str(loop.folder / round.training["checkpoint"])
    held_out = {name: loop.paths[f"{name}/prompts"] for name in loop.recipe.config.held_out}
    folder = loop.steps(round.number).folder / "evaluate"

    def work() -> dict[str, Scores]:
        loop.say(f"round {round.number}: evaluating")
        return run_async(evaluate(loop.recipe, checkpoint, held_out, folder))

    round.scores = loop.step(round.number, "evaluate", loop.hash(round.training["checkpoint"]), work)


# 6. judge: the gate, the monitors, the alarms that only a trained student can raise


def _judge(loop: Loop, round: Round, new: list[Record]) -> bool:
    """Makes the student the next teacher, unless gate or monitors refuse it; whether it is better than the last."""
    state, now = loop.state, round.scores[loop.main]
    good = state.scores.get(loop.main)
    if good:
        round.why = refusals(now, good, loop.recipe.config.gate) or _damage(loop, round)
    round.verdict = "refused" if round.why else "passed"
    if not round.why:
        state.checkpoint, state.scores = round.training["checkpoint"], round.scores
        state.kept += new
    loop.say(f"round {round.number}: {round.verdict}, accuracy {score_summary(now)['accuracy']:.1%}")
    return good is not None and is_better(now, good)


def _damage(loop: Loop, round: Round) -> list[str]:
    """Which of the monitors' gates failed."""
    if loop.recipe.config.gate.monitors is None:
        return []
    student, good = round.training["checkpoint"], loop.state.checkpoint
    out = loop.steps(round.number).folder / "monitors"

    def work() -> Damage:
        loop.say(f"round {round.number}: looking for what the training broke")
        return look_for_damage(loop.recipe, loop.folder / student, loop.folder / good, out)

    round.monitors = loop.step(round.number, "monitors", [loop.hash(student), loop.hash(good)], work)
    return list(round.monitors["failed"])


def _end(loop: Loop, round: Round, better: bool) -> End | None:
    """Why the loop ends after a round that went all the way, or None."""
    config, state = loop.recipe.config, loop.state
    if round.generation and (end := _late_collapse(loop, round)) is not None:
        return end
    if round.why and config.gate.refused == "stop":
        return End("refused", "; ".join(round.why))
    if round.number:
        state.flat = 0 if better else state.flat + 1
    plateau = config.stop.plateau
    if plateau and state.flat >= plateau and round.number < config.stop.rounds:
        return End("plateau", f"no gain beyond noise in {state.flat} rounds")
    return None


def _late_collapse(loop: Loop, round: Round) -> End | None:
    """The end of the loop where the trained student shows a collapse that its records alone did not."""
    limits, state = loop.recipe.config.alarms, loop.state
    state.worse = worse_than_start(round.number, round.scores[loop.main], loop.rounds[0].scores[loop.main], limits)
    round.alarms = round.alarms + state.worse
    state.remix = len(round.alarms) >= limits.least and not round.collapsed
    if not state.remix:
        return None
    round.collapsed = True
    if limits.action != "halt":
        return None
    if round.verdict == "passed":
        round.verdict, round.why = "collapsed", round.alarms
    return End("collapsed", "; ".join(round.alarms))
