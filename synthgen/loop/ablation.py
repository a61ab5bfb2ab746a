"""What a stage of the pipeline is worth: students trained on data made with it, without it, and on two controls.

The controls are as many records of the data without the stage, drawn at random and the longest answers: a filter that
does no more than make the data smaller, or the answers longer, is no better than they are.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from synthgen.api import run_recipe
from synthgen.api.event_loop import run_async
from synthgen.config import Recipe
from synthgen.config.merge import label
from synthgen.errors import ConfigError, Interrupted
from synthgen.intervals import Interval, hierarchical
from synthgen.loop.measures import bit_values, evaluate
from synthgen.loop.recipe import SAME_SEED, LoopRecipe
from synthgen.loop.round import Scores, Training
from synthgen.loop.rounds import run_loop
from synthgen.loop.state import Steps, digest
from synthgen.loop.training import mix, train_student
from synthgen.records import Record
from synthgen.store import RunReport, files
from synthgen.store.record_files import accepted_records, read_records
from synthgen.text import suggestion

ARMS = ("with", "without", "random", "longest")

Verdict = Literal["helps", "no evidence", "hurts"]


@dataclass(slots=True)
class Ablation:
    """What a stage was worth. `differences` are accuracy with it less that of the other arm, paired by prompt.

    `records` are those that each arm adds to the seed data; `accuracy` is by seed.
    """

    stage: str
    seeds: int
    records: dict[str, int] = field(default_factory=dict)
    accuracy: dict[str, list[float]] = field(default_factory=dict)
    differences: dict[str, Interval] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The result for people."""
        lines = [f"{'arm':10} {'records':>8}  accuracy by seed"]
        for arm, values in self.accuracy.items():
            lines.append(f"{arm:10} {self.records[arm]:8,}  {' '.join(f'{v:.1%}' for v in values)}")
        for arm, d in self.differences.items():
            shown = f"{100 * d.mean:+.1f} points [{100 * d.low:+.1f}, {100 * d.high:+.1f}]"
            lines.append(f"with {self.stage} against {arm}: {shown}: {self.verdicts[arm]}")
        spent = f"{self.cost['requests']:,} requests and {self.cost['tokens']:,} tokens bought"
        return [*lines, f"cost: {spent}, {self.cost['trainings']} trainings, {self.cost['seconds']:,.0f} s"]


def verdict(difference: Interval) -> Verdict:
    """`helps` or `hurts` where the interval leaves 0 out."""
    return "helps" if difference.low > 0 else "hurts" if difference.high < 0 else "no evidence"


def ablate(
    recipe: LoopRecipe, stage: str, out: Path, *, seeds: int = 3, say: Callable[[str], None] = print
) -> Ablation:
    """Makes a round's data with and without the stage, trains `seeds` students on each arm, and compares them.

    Replies are bought once: the run without the stage takes over those of the run with it. A stopped ablation goes on
    with the same call. One seed says nothing of how much training itself varies, so take at least three.

    Raises:
        ConfigError: the recipe generates nothing, or has no such stage.
        SynthgenError: a step failed; what is done stays.
    """
    bare = without(recipe, stage)
    still = recipe.config.stop.model_copy(update={"rounds": 0})
    start = run_loop(
        replace(recipe, config=recipe.config.model_copy(update={"stop": still})), out / "start", say=say
    ).rounds[0]
    seed_data = read_records(out / "start/seeds.jsonl")
    checkpoint = out / "start" / start.training["checkpoint"]

    def generated(arm: str, made_by: LoopRecipe, reuse: Path | None) -> RunReport:
        held_out = [out / "start/held_out" / f"{name}.jsonl" for name in recipe.config.held_out]
        pipeline: Recipe = made_by.generation(1, str(checkpoint.resolve()), out / "start/seeds.jsonl", held_out)
        say(f"generating {arm} {stage}")
        report = run_async(run_recipe(pipeline, out=out / arm, reuse=reuse))
        if report.status == "interrupted":
            raise Interrupted(report.stopped_because, hint="the same command goes on where it stopped")
        return report

    reports = [generated("with", recipe, None), generated("without", bare, out / "with")]
    arms = controls(accepted_records(out / "with"), accepted_records(out / "without"), seed=recipe.config.seed)
    result = Ablation(stage, seeds, {arm: len(records) for arm, records in arms.items()})
    correct: dict[str, list[list[float]]] = {arm: [] for arm in ARMS}
    seconds = 0.0
    init = checkpoint if recipe.config.init == "previous" else None
    for seed in range(seeds):
        for arm, records in arms.items():
            rows = mix(seed_data, [], records, recipe.config.mix, seed=seed).rows
            steps = Steps(out / "students" / f"{arm}-{seed}")
            correct[arm].append(_student(recipe, rows, steps, out, init, seed, say))
            seconds += sum(steps.seconds().values())
    result.accuracy = {arm: [round(sum(v) / len(v), 4) for v in values] for arm, values in correct.items()}
    for arm in ARMS[1:]:
        pairs = [[a - b for a, b in zip(x, y, strict=True)] for x, y in zip(correct["with"], correct[arm], strict=True)]
        result.differences[arm] = hierarchical(pairs)
        result.verdicts[arm] = verdict(result.differences[arm])
    result.cost = {
        "requests": sum(r.requests.bought for r in reports),
        "tokens": sum(r.tokens.prompt + r.tokens.completion for r in reports),
        "trainings": len(ARMS) * seeds,
        "seconds": round(seconds, 1),
    }
    files.write(out / "ablation.json", json.dumps(asdict(result), indent=1) + "\n")
    return result


def without(recipe: LoopRecipe, stage: str) -> LoopRecipe:
    """The same recipe without a stage, which is named by its `name` or the last word of its `use`.

    Raises:
        ConfigError: there is none of that name.
    """
    section = recipe.config.generate
    labels = [label(entry) for entry in section.stages] if section else []
    if section is None or stage not in labels:
        raise ConfigError(f"the recipe has no stage {stage!r}", key="generate.stages", hint=suggestion(stage, labels))
    kept = [entry for entry, name in zip(section.stages, labels, strict=True) if name != stage]
    changed = section.model_copy(update={"stages": kept})
    return replace(recipe, config=recipe.config.model_copy(update={"generate": changed}))


def controls(made: Sequence[Record], bare: Sequence[Record], *, seed: int) -> dict[str, list[Record]]:
    """The records of each arm; the controls are as many as `made`, or all where there are no more."""
    size = min(len(made), len(bare))
    drawn = sorted(random.Random(f"{seed}/ablation").sample(range(len(bare)), size))
    by_length = sorted(range(len(bare)), key=lambda i: (-len(bare[i].output or ""), i))[:size]
    return {
        "with": list(made),
        "without": list(bare),
        "random": [bare[i] for i in drawn],
        "longest": [bare[i] for i in sorted(by_length)],
    }


def _student(
    recipe: LoopRecipe,
    rows: Sequence[Record],
    steps: Steps,
    out: Path,
    init: Path | None,
    seed: int,
    say: Callable[[str], None],
) -> list[float]:
    """Which held-out prompts a student trained on these rows gets right."""
    number = recipe.config.seed * SAME_SEED + seed
    made_from = [digest([[r.instruction, r.input, r.output] for r in rows]), number]

    def work() -> Training:
        say(f"training {steps.folder.name} on {len(rows):,} rows")
        return train_student(
            recipe, rows, steps.folder, out, init=init, seed=number, number=int(init is not None), say=say
        )

    trained = steps.result("train", made_from, work)
    main = next(iter(recipe.config.held_out))
    prompts = {main: out / "start/held_out" / f"{main}.prompts.jsonl"}

    def answer() -> dict[str, Scores]:
        checkpoint = str(out / trained["checkpoint"])
        return run_async(evaluate(recipe, checkpoint, prompts, steps.folder / "evaluate"))

    scores = steps.result("evaluate", made_from, answer)
    return bit_values(scores[main]["correct"])
