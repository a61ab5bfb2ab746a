"""What a loop's recipe may hold: the keys of the YAML, their types and defaults.

The settings of makers, trainers and of the `generate` section are checked against what they name.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from synthgen.config.models import NAME, Count, Entry, Limit, Section


class Train(Entry):
    """How a student is trained: `use` names a trainer, the other keys are its settings."""

    first: dict[str, Any] = Field(default_factory=dict, description="settings that are others in round 0")


class Generate(Section):
    """How a round makes records: a pipeline, in the keys of any config. Without a source it starts from nothing."""

    teacher: Literal["student"] | Entry | None = Field("student", description="the latest good student, or a fixed one")
    teachers: dict[str, Literal["student"] | Entry] = Field(default_factory=dict)
    source: Entry | None = Field(None, description="`path: known` in it means the seed data and all kept records")
    stages: list[dict[str, Any]]
    selectors: list[dict[str, Any]] = Field(default_factory=list)
    target: Count | None = None
    budget: dict[str, Any] = Field(default_factory=dict)
    stop: dict[str, Any] = Field(default_factory=dict)
    concurrency: Count | Literal["auto"] = "auto"


class Mix(Section):
    """What a student is trained on."""

    keep: Literal["accumulate", "replace"] = Field(
        "accumulate", description="accumulate: seed data and all kept rounds; replace: this round alone"
    )
    seed_share: float = Field(
        0.1, ge=0, lt=1, description="seed data is at least this share of the rows, repeated where it has to be"
    )


class Evaluate(Section):
    """How a student is held against the held-out tasks: greedy answers."""

    max_tokens: Count = 256
    check: Entry | None = Field(None, description="a filter that keeps right answers; default: equal to the output")


class Monitors(Entry):
    """Measures of what a training may have broken: `use` names them, the other keys are their settings."""

    only: list[str] = Field(
        default_factory=list, description="the gate heeds measures whose name begins so; none named: all"
    )


class Gate(Section):
    """When a student does not become the teacher."""

    worse: float = Field(0.0, ge=0, description="accuracy lower by more than this, with an interval that leaves 0 out")
    stops: float = Field(0.02, ge=0, description="share of answers that end, lower by more than this, likewise")
    monitors: Monitors | None = Field(
        None, description="held against the last good student: {use: synthgen_train}, or a function of yours"
    )
    refused: Literal["continue", "stop"] = Field(
        "continue", description="after a refused round: go on from the last good student without its data, or stop"
    )


class Alarms(Section):
    """How far a round may move from the first one that generated, and its students from that of round 0.

    A sign is a change beyond its limit, with an interval that leaves 0 out.
    """

    look_at: Literal["tasks", "solutions"] = Field(
        "tasks", description="what has to stay varied and new: tasks that the student writes, or its solutions"
    )
    entropy: float = Field(0.1, gt=0, description="fall of the task types' normalised entropy")
    opening: float = Field(1.0, gt=0, description="relative rise of the commonest first word's share")
    distinct: float = Field(0.15, gt=0, description="relative fall of distinct-2 over equally many words")
    compression: float = Field(0.2, gt=0, description="relative rise of the compression ratio over equally many words")
    nearest: float = Field(0.08, gt=0, description="rise of the mean ROUGE-L to the nearest task")
    length: float = Field(0.3, gt=0, description="relative change of the answers' mean length")
    new: float = Field(0.3, gt=0, lt=1, description="relative fall of the share of new tasks")
    fewer: float = Field(0.3, gt=0, lt=1, description="relative fall of the yield")
    passed: float = Field(0.05, gt=0, description="rise of the yield that is a sign where types and new tasks fall")
    known: float = Field(0.05, gt=0, lt=1, description="fall of the share of right answers to tasks of the seed data")
    accuracy: float = Field(0.02, ge=0, lt=1, description="held-out accuracy lower than round 0's")
    least: Count = Field(2, description="so many signs are a collapse")
    action: Literal["halt", "remix", "warn"] = Field(
        "halt", description="halt the loop; remix: balance task types and add seed data; warn: go on"
    )
    remix_seed_share: float = Field(0.5, gt=0, lt=1, description="the seed data's share in a remixed round")


class LoopBudget(Section):
    """Hard limits over all rounds and resumptions; null is no limit. Requests are those of generation."""

    requests: Limit | None = Field(None, description="replies bought")
    tokens: Limit | None = Field(None, description="their prompt and completion tokens; needs max_tokens")
    usd: float | None = Field(None, ge=0, description="US dollars; needs max_tokens and teachers with a price")
    hours: float | None = Field(None, ge=0, description="of all steps together; a step that has begun is finished")


class Stop(Section):
    """When the loop ends."""

    rounds: Limit = Field(3, description="rounds after round 0, which trains on seed data alone")
    plateau: Count | None = Field(None, description="so many rounds in a row without a gain beyond noise")
    budget: LoopBudget = LoopBudget()
    least_yield: float = Field(
        0.05, ge=0, lt=1, description="a first round that keeps a smaller share of new records stops the loop"
    )


class LoopConfig(Section):
    """A loop: seed data, held-out tasks, a student, how records are made, mixed, trained on and judged."""

    name: str = Field(pattern=NAME)
    seed: int = 0
    output: str = Field("outputs", min_length=1, description="where run folders lie, seen from the current directory")
    seeds: str | Entry = Field(description="a JSON lines file of records, or a maker of them: {use: drills}")
    held_out: dict[str, str | Entry] = Field(
        min_length=1, description="sets of tasks with answers; the gate looks at the first"
    )
    student: Entry = Field(description="the teacher that serves a checkpoint: {use: transformers} or {use: vllm}")
    generate: Generate | None = Field(None, description="null: every round trains on the seed data alone")
    mix: Mix = Mix()
    train: Train
    init: Literal["base", "previous"] = Field(
        "base", description="each round's student starts from the trainer's own model, or from the last good student"
    )
    evaluate: Evaluate = Evaluate()
    gate: Gate = Gate()
    alarms: Alarms = Alarms()
    stop: Stop = Stop()

    @model_validator(mode="after")
    def _named(self) -> Self:
        wrong = [name for name in self.held_out if not name.replace("_", "").isalnum()]
        if wrong:
            raise ValueError(f"held_out: {wrong[0]!r} is no name: letters, digits and _ only")
        return self
