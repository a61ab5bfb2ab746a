"""What becomes of a trained student: the gate, the monitors, the alarms that only a trained student can raise."""

from __future__ import annotations

from typing import Any

from synthgen.loop.alarms import worse_than_start
from synthgen.loop.evaluation import summary
from synthgen.loop.gate import gains, refusals
from synthgen.loop.monitoring import examine
from synthgen.loop.round import Round
from synthgen.loop.state import End, Loop
from synthgen.records import Record


def judge(loop: Loop, found: Round, new: list[Record]) -> End:
    """The gate's verdict, what follows from it, and whether the loop ends."""
    config, state = loop.recipe.config, loop.state
    now, good = found.scores[loop.main], state.scores.get(loop.main)
    if good:
        found.why = refusals(now, good, config.gate) or _monitored(loop, found)
    found.verdict = "refused" if found.why else "passed"
    better = good is not None and gains(now, good)
    if not found.why:
        state.checkpoint, state.scores = found.training["checkpoint"], found.scores
        state.kept += new
    loop.say(f"round {found.number}: {found.verdict}, accuracy {summary(now)['accuracy']:.1%}")
    ended = _look_back(loop, found, now) if found.generation else None
    if ended is not None:
        return ended
    if found.why and config.gate.refused == "stop":
        return "refused", "; ".join(found.why)
    if found.number:
        state.flat = 0 if better else state.flat + 1
    plateau = config.stop.plateau
    if plateau and state.flat >= plateau and found.number < config.stop.rounds:
        return "plateau", f"no gain beyond noise in {state.flat} rounds"
    return None


def _monitored(loop: Loop, found: Round) -> list[str]:
    """Which of the monitors' gates failed; a student that is refused already is not monitored."""
    if loop.recipe.config.gate.monitors is None:
        return []
    student, good = found.training["checkpoint"], loop.state.checkpoint
    out = loop.steps(found.number).folder / "monitors"

    def work() -> dict[str, Any]:
        loop.say(f"round {found.number}: looking for what the training broke")
        return examine(loop.recipe, loop.folder / student, loop.folder / good, out)

    found.monitors = loop.step(found.number, "monitors", [loop.hash(student), loop.hash(good)], work)
    return list(found.monitors["failed"])


def _look_back(loop: Loop, found: Round, now: dict[str, Any]) -> End:
    """The end of the loop where the trained student shows a collapse that its records alone did not."""
    limits, state = loop.recipe.config.alarms, loop.state
    state.worse = worse_than_start(found.number, now, loop.rounds[0].scores[loop.main], limits)
    found.alarms = found.alarms + state.worse
    state.remix = len(found.alarms) >= limits.least and not found.collapsed
    if not state.remix:
        return None
    found.collapsed = True
    if limits.action != "halt":
        return None
    if found.verdict == "passed":
        found.verdict, found.why = "collapsed", found.alarms
    return "collapsed", "; ".join(found.alarms)
