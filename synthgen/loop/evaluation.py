"""A student's answers to held-out tasks, and whether they are right and end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from synthgen.api import run_recipe
from synthgen.errors import Interrupted
from synthgen.intervals import interval
from synthgen.loop.recipe import LoopRecipe
from synthgen.loop.round import Scores
from synthgen.plugins.find import Finder
from synthgen.plugins.settings import build
from synthgen.records import Record, to_alpaca
from synthgen.store.record_files import accepted, rejected


def checker(recipe: LoopRecipe) -> Callable[[Record, str], bool]:
    """Says whether a record with the student's answer is right; the text is the held-out record's own output."""
    entry = recipe.config.evaluate.check
    if entry is None:
        return lambda record, reference: (record.output or "").strip() == reference.strip()
    judge = build(Finder(recipe.base).find(entry.use, ("filter",)), entry.settings, recipe.base).part.filter
    return lambda record, reference: judge(record) is None


async def evaluate(
    recipe: LoopRecipe, checkpoint: str, held_out: Mapping[str, Path], folder: Path
) -> dict[str, Scores]:
    """Of each held-out set `correct` and `stopped` as texts of 0 and 1, one a prompt, and `task_types`' accuracies.

    Raises:
        Interrupted: the user asked to stop; the answers that came in are kept.
    """
    right = checker(recipe)
    found: dict[str, Scores] = {}
    for name, path in held_out.items():
        there = recipe.records(name)
        report = await run_recipe(recipe.evaluation(name, checkpoint, path), out=folder / name)
        if report.status == "interrupted":
            raise Interrupted("the evaluation was stopped", hint="the same command goes on")
        answered = {_task(r): r for r in accepted(folder / name)}
        cut = {_task(r) for r in rejected(folder / name) if r.drop is not None and r.drop.reason == "truncated"}
        correct = [(r := answered.get(_task(t))) is not None and right(r, t.output or "") for t in there]
        stopped = [_task(t) not in cut for t in there]
        found[name] = {"correct": bits(correct), "stopped": bits(stopped), "task_types": _by_type(there, correct)}
    return found


def _task(record: Record) -> tuple[str, str]:
    return record.instruction, record.input


def _by_type(records: Sequence[Record], correct: Sequence[bool]) -> dict[str, float]:
    groups: dict[str, list[bool]] = {}
    for record, right in zip(records, correct, strict=True):
        groups.setdefault(record.task_type or "none", []).append(right)
    return {name: round(sum(group) / len(group), 4) for name, group in sorted(groups.items())}


def bits(values: Sequence[bool]) -> str:
    """`0110…`: short in a file, and paired by place."""
    return "".join("1" if value else "0" for value in values)


def numbers(text: str) -> list[float]:
    """The values of `bits`."""
    return [float(c) for c in text]


def summary(scores: Scores) -> dict[str, float]:
    """Accuracy with its interval, and the share of answers that end, of one held-out set."""
    found = interval(numbers(scores["correct"]))
    stopped = numbers(scores["stopped"])
    return {
        "accuracy": round(found.mean, 4),
        "low": round(found.low, 4),
        "high": round(found.high, 4),
        "stops": round(sum(stopped) / len(stopped), 4),
    }


def prompts(records: Sequence[Record]) -> list[dict[str, str]]:
    """The held-out tasks without their answers, as rows."""
    return [{k: v for k, v in to_alpaca(r).items() if k != "output"} for r in records]
