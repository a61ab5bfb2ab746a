"""A loop's recipe: its keys and their types, and values that are others in each round: `{by_round: [a, b, c]}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, cast

from pydantic import Field, ValidationError, model_validator

from synthgen.config import Recipe, locate
from synthgen.config.document import Document
from synthgen.config.merge import override, read_config
from synthgen.config.models import NAME, Budget, Count, Entry, Limit, Section, checked_training
from synthgen.config.problems import combined, problems, refuse_secrets
from synthgen.config.recipe import Workshop, check_kind, make_recipe
from synthgen.errors import ConfigError
from synthgen.filters.duplicates import HeldOut
from synthgen.plugins import Kind, part_of
from synthgen.plugins.settings import validated
from synthgen.records import Record
from synthgen.sources.tasks import TaskSet, tasks_of

KEY = "by_round"


def of_round(value: Any, number: int) -> Any:
    """The value with each `{by_round: [a, b, c]}` in it replaced by that of the round.

    a in round 1 (and in round 0), b in round 2, the last one in all further rounds.

    Raises:
        ConfigError: there is no list behind the key, an empty one, or another key beside it.
    """
    if isinstance(value, Mapping):
        if KEY not in value:
            return {key: of_round(below, number) for key, below in value.items()}
        choices = _choices(value)
        return of_round(choices[min(max(number, 1), len(choices)) - 1], number)
    return [of_round(below, number) for below in value] if isinstance(value, list | tuple) else value


def longest(value: Any) -> int:
    """The number of the first round from which on nothing in the value changes any more; 1 where nothing does."""
    if isinstance(value, Mapping):
        own = len(_choices(value)) if KEY in value else 1
        return max([own, *map(longest, value.values())])
    return max([1, *map(longest, value)]) if isinstance(value, list | tuple) else 1


def _choices(value: Mapping[str, Any]) -> list[Any]:
    choices = value[KEY]
    if len(value) > 1 or not isinstance(choices, list | tuple) or not choices:
        raise ConfigError(
            "found no list of values alone",
            key=KEY,
            hint="for example most: {by_round: [6, 7, 8]}, for rounds 1, 2, 3 …",
        )
    return list(choices)


class Train(Entry):
    """How a student is trained: `use` names a trainer, the other keys are its settings."""

    first: dict[str, Any] = Field(default_factory=dict, description="settings that are others in round 0")

    def of_round(self, number: int) -> dict[str, Any]:
        """The settings in this round."""
        return cast(dict[str, Any], of_round({**self.settings, **({} if number else self.first)}, number))


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


class LoopBudget(Budget):
    """Hard limits over all rounds and resumptions; null is no limit. Requests are those of generation."""

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
    seeds: str | TaskSet = Field(description="a JSON lines file of records, or a task set: {use: drills}")
    held_out: dict[str, str | TaskSet] = Field(
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


SAME_SEED = 1000
"""Seeds of task sets and rounds are this far apart for recipes whose `seed` differs by one."""

BUNDLED = "synthgen_train"
"""The trainer whose settings are known without it."""

CHECKPOINT = "student"
"""What stands in for a checkpoint while a recipe is checked before there is one."""


@dataclass(frozen=True, slots=True)
class LoopRecipe:
    """A loop that has been checked; paths in it start from `base`."""

    config: LoopConfig
    base: Path

    def trainer(self, number: int) -> Callable[..., Any]:
        """What trains the student of round `number`, with its settings.

        Raises:
            PluginError: there is no such trainer, or a setting is wrong.
        """
        return cast(Callable[..., Any], self.part("trainer", self.config.train.use, self.config.train.of_round(number)))

    def monitors(self) -> Callable[..., Any] | None:
        """What looks for damage, with its settings, or None.

        Raises:
            PluginError: there are no such monitors, or a setting is wrong.
        """
        entry = self.config.gate.monitors
        return None if entry is None else cast(Callable[..., Any], self.part("monitor", entry.use, entry.settings))

    def part(self, kind: Kind, use: str, settings: Mapping[str, Any]) -> Any:
        """The plug-in that `use` names, with these settings.

        Raises:
            PluginError: there is none, or a setting is wrong.
        """
        return part_of(self.base, kind, use, settings)

    def records(self, place: str) -> list[Record]:
        """The seed data (`seeds`) or a held-out set, read or made; all have answers.

        Raises:
            ConfigError: they cannot be read or made, are none, or one lacks its answer.
        """
        entry = self.config.seeds if place == "seeds" else self.config.held_out[place]
        # the held-out sets have seeds of their own, beside those of the seed data
        number = 0 if place == "seeds" else 1 + list(self.config.held_out).index(place)
        return tasks_of(entry, self.base, self.part, seed=self.config.seed * SAME_SEED + number, key=place)

    def seed_data(self) -> tuple[list[Record], int]:
        """The seed data without what is held out, and how many records that were.

        Raises:
            ConfigError: see `records`; or all of it is held out.
        """
        held_out = HeldOut()
        held_out.take(r for name in self.config.held_out for r in self.records(name))
        records = self.records("seeds")
        kept = [r for r in records if held_out(r) is None]
        if not kept:
            raise ConfigError("all of it is in the held-out sets", key="seeds")
        return kept, len(records) - len(kept)

    def student(self, checkpoint: str) -> dict[str, Any]:
        """The teacher entry that serves this checkpoint."""
        return {"use": self.config.student.use, **self.config.student.settings, "path": checkpoint}

    def generation(
        self,
        number: int,
        checkpoint: str,
        known: Path,
        held_out: Sequence[Path],
        budget: Mapping[str, float] | None = None,
    ) -> Recipe:
        """The pipeline of round `number` with this checkpoint as the student; `budget` replaces the section's own.

        Raises:
            ConfigError: with everything that is wrong in the `generate` section.
        """
        section = self.config.generate
        if section is None:
            raise ConfigError("this loop generates nothing", key="generate")
        values = section.model_dump(exclude={"teacher", "teachers", "source"}, exclude_none=True)
        if section.source is None:
            source: dict[str, Any] = {"use": "synthgen.sources.tasks:Known", "path": str(known)}
        else:
            source = section.source.model_dump()
            source["path"] = str(known) if source.get("path") == "known" else source.get("path")
            source = {key: value for key, value in source.items() if value is not None}
        data: dict[str, Any] = {
            **values,
            "budget": dict(section.budget if budget is None else budget),
            "name": f"{self.config.name}-round-{number}",
            "seed": self.config.seed * SAME_SEED + number,
            "source": source,
            "teachers": {name: self._teacher(entry, checkpoint) for name, entry in section.teachers.items()},
            "stages": [
                *section.stages,
                {"use": "synthgen.filters.duplicates:HeldOut", "paths": [str(path) for path in held_out]},
            ],
        }
        if section.teacher is not None:
            data["teacher"] = self._teacher(section.teacher, checkpoint)
        recipe = make_recipe(Document(of_round(data, number)), self.base, default_name="round")
        recipe.pipeline.round = number
        return recipe

    def evaluation(self, name: str, checkpoint: str, prompts: Path) -> Recipe:
        """The pipeline that has this checkpoint answer the tasks of a file greedily."""
        sampling = {"temperature": 0, "max_tokens": self.config.evaluate.max_tokens}
        data = {
            "name": f"{self.config.name}-{name}",
            # the loop's own folder, wherever the recipe lies
            "source": {"use": "dataset", "path": str(prompts.resolve())},
            "teacher": self.student(checkpoint),
            "stages": [{"use": "respond", "sampling": sampling, "tries": 1}],
            # students that answer nothing are a finding, not a reason to stop
            "stop": {"barren_attempts": 1_000_000},
            "concurrency": 256,
        }
        return make_recipe(Document(data), self.base, default_name=name)

    def _teacher(self, entry: Any, checkpoint: str) -> dict[str, Any]:
        return self.student(checkpoint) if entry == "student" else dict(entry.model_dump())


def load(config: Path | str, overrides: Sequence[str] = ()) -> LoopRecipe:
    """The loop of a YAML file, or of a shipped recipe by its name; `overrides` are as `--set` takes them.

    Raises:
        ConfigError: with everything that is wrong in it.
    """
    path, base = locate(config)
    document = override(read_config(path), overrides)
    check_kind(document, "loop", config, path)
    refuse_secrets(document)
    data = {**document.data, "name": document.data.get("name") or path.stem}
    try:
        checked, _ = validated(LoopConfig, data, document.taken_back())
    except ValidationError as error:
        raise combined(problems(error, Document(data, document.places), (), LoopConfig)) from error
    _check_parts(checked, Document(data, document.places), base)
    if checked.train.use == BUNDLED:
        _check_training(checked.train, document)
    return LoopRecipe(checked, base)


def _check_parts(config: LoopConfig, document: Document, base: Path) -> None:
    """Raises `ConfigError` for all that is wrong with the plug-ins which the loop calls itself."""
    workshop = Workshop(document, base)
    for key, entry in [("seeds", config.seeds), *((f"held_out.{n}", e) for n, e in config.held_out.items())]:
        if isinstance(entry, TaskSet):
            workshop.make(tuple(key.split(".")), Entry(use=entry.use, **entry.settings), "task_set")
    before = len(workshop.errors)
    for number in range(1 + longest(config.train.model_dump())):
        workshop.make(("train",), Entry(use=config.train.use, **config.train.of_round(number)), "trainer")
        if len(workshop.errors) > before:  # the next round would say it again
            break
    if config.gate.monitors is not None:
        workshop.make(("gate", "monitors"), config.gate.monitors, "monitor")
    if workshop.errors:
        raise combined(workshop.errors)


def _check_training(train: Train, document: Document) -> None:
    """Raises `ConfigError` where the bundled trainer would not take the settings of a round."""
    for number in range(1 + longest(train.model_dump())):
        settings = train.of_round(number)
        seen = Document({**document.data, "train": settings}, document.places)
        if own := settings.keys() & {"data", "out", "seed"}:
            raise combined(seen.error(("train", key), "the loop says this itself", hint="take it out") for key in own)
        _, wrong = checked_training(settings, seen)
        if wrong:
            raise combined(wrong)
