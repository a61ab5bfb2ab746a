"""A loop under way: its recipe and folder, its steps whose results are kept, what may not change once it has begun."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from synthgen import assets
from synthgen.checkpoints.checkpoint import checkpoint_hash
from synthgen.config import Recipe
from synthgen.config.fingerprint import shaping_files
from synthgen.engine.contracts import FilterStage
from synthgen.errors import BudgetReached, ConfigError
from synthgen.loop.measures import prompt_rows
from synthgen.loop.recipe import CHECKPOINT, SAME_SEED, LoopRecipe, longest
from synthgen.loop.round import Measures, Round, Scores
from synthgen.plugins.find import BUILT_IN, Finder, source_hash
from synthgen.protocols import as_given
from synthgen.records import Record, user_text
from synthgen.requests.request import canonical
from synthgen.sources.tasks import Tasks
from synthgen.store import files
from synthgen.store.record_files import read_records, write_records
from synthgen.store.report import damaged, read_json
from synthgen.text import normalize

Say = Callable[[str], None]
Result = TypeVar("Result")


class End(NamedTuple):
    """How a loop ends: `status` is done, plateau, budget, no_yield, collapsed or refused."""

    status: str
    because: str


def digest(value: Any) -> str:
    """16 hex digits over plain values."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:16]


class Steps:
    """The steps of one round. A result is a mapping of plain values, kept with a hash of what it was made from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def result(self, name: str, inputs: Any, work: Callable[[], Result]) -> Result:
        """What `work` returns, or what it returned when the step was done with equal inputs.

        Raises:
            ConfigError: the step was done with other inputs.
            StoreError: the kept result cannot be read.
        """
        path, made_from = self.folder / f"{name}.json", digest(inputs)
        if path.is_file():
            kept = _kept(path)
            if kept["inputs"] != made_from:
                raise ConfigError(
                    f"the step {name} of {self.folder.name} was done with other data or settings",
                    file=path,
                    hint="start afresh with --out FOLDER, or remove this round's folder and those after it",
                )
            return cast(Result, kept["result"])
        started = time.monotonic()
        result = work()
        seconds = round(time.monotonic() - started, 2)
        kept = {"inputs": made_from, "result": result, "seconds": seconds}
        files.write(path, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
        # as it will be read again: tuples are lists there
        return cast(Result, json.loads(json.dumps(result)))

    def seconds(self) -> dict[str, float]:
        """Wall seconds of the steps that are done; a step that was interrupted counts from its last start."""
        return {p.stem: float(_kept(p)["seconds"]) for p in sorted(self.folder.glob("*.json"))}


def _kept(path: Path) -> dict[str, Any]:
    again = "remove it: the step is done again"
    kept = read_json(path, again)
    types = {"inputs": str, "result": dict, "seconds": (int, float)}
    for name, kind in types.items():
        if not isinstance(kept.get(name), kind):  # type: ignore[arg-type]
            raise damaged(path, f"its {name} are missing", again)
    return kept


@dataclass(slots=True)
class State:
    """What the rounds so far have left: the student that teaches, its scores, and the records that are kept.

    `first` are the measures of the first round that generated, `worse` the sign that the last student is worse than
    that of round 0, `remix` whether the last round was found collapsed after its training; `flat` counts rounds
    without a gain.
    """

    checkpoint: str = ""
    scores: dict[str, Scores] = field(default_factory=dict)
    kept: list[Record] = field(default_factory=list)
    first: Measures | None = None
    worse: list[str] = field(default_factory=list)
    remix: bool = False
    flat: int = 0


@dataclass(slots=True)
class Loop:
    """A loop under way. `paths` are those of the seed data and of the held-out sets."""

    recipe: LoopRecipe
    folder: Path
    say: Say
    paths: Mapping[str, Path]
    seeds: list[Record] = field(default_factory=list)
    state: State = field(default_factory=State)
    rounds: list[Round] = field(default_factory=list)

    @property
    def main(self) -> str:
        """The held-out set that the gate looks at."""
        return next(iter(self.recipe.config.held_out))

    def steps(self, number: int) -> Steps:
        """The steps of a round."""
        return Steps(self.folder / "rounds" / str(number))

    def step(self, number: int, name: str, inputs: Any, work: Callable[[], Result]) -> Result:
        """The result of a round's step, done now or kept from before.

        Raises:
            BudgetReached: the step is not done yet, and the loop's hours are over.
        """

        def in_time() -> Result:
            hours = self.recipe.config.stop.budget.hours
            seconds = sum(sum(self.steps(r.number).seconds().values()) for r in self.rounds)
            if hours is not None and seconds >= 3600 * hours:
                raise BudgetReached(f"the loop's {hours:g} hours are over")
            return work()

        return self.steps(number).result(name, inputs, in_time)

    def generation(self, number: int, checkpoint: str, known: Path, budget: Mapping[str, float]) -> Recipe:
        """The pipeline of a round with this checkpoint as the student."""
        paths = [self.paths[name] for name in self.recipe.config.held_out]
        return self.recipe.generation(number, checkpoint, known, paths, budget)

    def served(self) -> str:
        """The checkpoint of the student that teaches."""
        return str((self.folder / self.state.checkpoint).resolve())

    def unique(self) -> list[Record]:
        """Seed data and kept records, each task once: what counts as known."""
        found: dict[str, Record] = {}
        for record in (*self.seeds, *self.state.kept):
            found.setdefault(normalize(user_text(record)), record)
        return list(found.values())

    def seed(self, number: int) -> int:
        """The random seed of a round's mixture and training."""
        return self.recipe.config.seed * SAME_SEED + number

    def hash(self, checkpoint: str) -> str:
        """The hash of a checkpoint in the folder; empty of none."""
        return checkpoint_hash([self.folder / checkpoint]) if checkpoint else ""


PINS = "pins.json"


def checked_loop(recipe: LoopRecipe, folder: Path, say: Say) -> Loop:
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


def lay_out(recipe: LoopRecipe, folder: Path) -> dict[str, Path]:
    """Writes seed data and held-out tasks into the folder, where no loop has begun there, and returns their paths.

    Paths: `seeds`, and for each held-out set its records and, as `<name>/prompts`, its tasks without answers.
    """
    paths: dict[str, Path] = {"seeds": folder / "seeds.jsonl"}
    for name in recipe.config.held_out:
        paths[name] = folder / "held_out" / f"{name}.jsonl"
        paths[f"{name}/prompts"] = folder / "held_out" / f"{name}.prompts.jsonl"
    if not (folder / PINS).is_file():
        (folder / "held_out").mkdir(parents=True, exist_ok=True)
        for name in ("seeds", *recipe.config.held_out):
            records = recipe.seed_data()[0] if name == "seeds" else recipe.records(name)
            write_records(paths[name], records)
            if name != "seeds":
                rows = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in prompt_rows(records))
                files.write(paths[f"{name}/prompts"], rows)
    return paths


def pin(recipe: LoopRecipe, folder: Path, generation: Recipe | None) -> None:
    """Keeps a hash of all that is pinned; of a loop that has begun, compares it.

    Raises:
        ConfigError: something is not what it was when the loop began.
    """
    pins: dict[str, Any] = {"recipe": digest(_fixed(recipe)), "trainer": source_hash(recipe.trainer(0))}
    for name in ("seeds", *recipe.config.held_out):
        pins[name] = _content(recipe.records(name))
    if generation is not None:
        pins["stages"] = {
            label: source_hash(stage.filter if isinstance(stage, FilterStage) else as_given(stage))
            for label, stage in generation.pipeline.stages
        }
        if templates := _templates(generation):  # a judge is what its rubric says
            pins["prompts"] = templates
        pins["files"] = {name: source_digest(path) for name, path in sorted(_own_files(generation).items())}
        if isinstance(generation.pipeline.source, Tasks):
            pins["tasks"] = _content(generation.pipeline.source.known)
    if recipe.config.evaluate.check is not None:
        use = recipe.config.evaluate.check.use
        pins["check"] = source_hash(Finder(recipe.base).find(use, ("filter",)).part)
    if (look := recipe.monitors()) is not None:
        pins["monitors"] = source_hash(look)
    _compare(folder / PINS, pins)
    if not (folder / PINS).is_file():
        files.write(folder / PINS, json.dumps(pins, indent=1) + "\n")


def source_digest(path: Path) -> str:
    """16 hex digits over a file."""
    return files.sha256(path)[:16]


def _own_files(generation: Recipe) -> dict[str, Path]:
    """The files that decide beside the source's, which grow from round to round."""
    own = shaping_files(generation)
    return {name: path for name, path in own.items() if path not in set(generation.pipeline.source.files)}


def _content(records: Sequence[Record]) -> str:
    return digest([[r.instruction, r.input, r.output, r.task_type] for r in records])


def _templates(generation: Recipe) -> dict[str, str]:
    """The hashes of the prompt templates that the stages name."""
    stages = zip(generation.pipeline.stages, generation.resolved["stages"], strict=True)
    names = {settings[key] for (_, stage), settings in stages for key in stage.prompt_settings if settings.get(key)}
    files = {name: assets.find("prompts", name, generation.base) for name in sorted(names)}
    return {name: digest(file.read_text(encoding="utf-8")) for name, file in files.items()}


def _fixed(recipe: LoopRecipe) -> dict[str, Any]:
    """The recipe without what a loop that goes on may change: when it stops, and where it lies."""
    values = recipe.config.model_dump(mode="json", exclude={"stop", "output", "name"})
    values["student"].pop("device", None)
    return values


def _same(then: Any, now: Any) -> bool:
    """Whether a pin holds; a loop of an earlier version has pinned the code of built-in parts, too."""
    if isinstance(then, dict) and isinstance(now, dict):
        return then.keys() == now.keys() and all(_same(then[key], now[key]) for key in now)
    return bool(then == now) or (now == BUILT_IN and isinstance(then, str))


def _compare(path: Path, pins: dict[str, Any]) -> None:
    if not path.is_file():
        return
    before = read_json(path, f"restore it from a copy; removing {path.parent} and starting anew is the other way")
    if not before.keys() & pins.keys():
        raise damaged(
            path, "it pins nothing", f"restore it from a copy, or start afresh with --out (not {path.parent})"
        )
    # a loop of an earlier version has pinned less, of the templates too
    if isinstance(then := before.get("prompts"), dict) and "prompts" in pins:
        pins = {**pins, "prompts": {name: value for name, value in pins["prompts"].items() if name in then}}
    changed = [name for name in pins if name in before and not _same(before[name], pins[name])]
    if changed:
        files = [name for name in pins.get("files", {}) if _pinned(before, name) != pins["files"][name]]
        named = f" ({', '.join(files)})" if "files" in changed and files else ""
        raise ConfigError(
            f"what is pinned has changed since the loop began: {', '.join(changed)}{named}",
            file=path,
            hint="scores before and after could not be compared; start afresh with --out FOLDER",
        )


def _pinned(before: dict[str, Any], name: str) -> Any:
    files = before.get("files")
    return files.get(name) if isinstance(files, dict) else None
