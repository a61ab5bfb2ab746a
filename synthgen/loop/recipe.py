"""A loop's YAML as a checked recipe, and the pipelines that its rounds run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from synthgen.config import Recipe, locate
from synthgen.config.document import Document
from synthgen.config.merge import override, read_config
from synthgen.config.problems import combined, problems
from synthgen.config.recipe import check_kind, make_recipe
from synthgen.errors import ConfigError
from synthgen.loop.by_round import of_round
from synthgen.loop.contamination import HeldOut
from synthgen.loop.door import TRAINERS, function
from synthgen.loop.models import LoopConfig
from synthgen.loop.tasks import tasks_of
from synthgen.plugins.nulls import validated
from synthgen.records import Record

SAME_SEED = 1000
"""Seeds of makers and rounds are this far apart for recipes whose `seed` differs by one."""

CHECKPOINT = "student"
"""What stands in for a checkpoint while a recipe is checked before there is one."""


@dataclass(frozen=True, slots=True)
class LoopRecipe:
    """A loop that has been checked; paths in it start from `base`."""

    config: LoopConfig
    base: Path

    def trainer(self) -> Callable[..., Any]:
        """The function that trains a student."""
        return function(self.config.train.use, TRAINERS, self.base)

    def records(self, place: str) -> list[Record]:
        """The seed data (`seeds`) or a held-out set, read or made; all have answers.

        Raises:
            ConfigError: they cannot be read or made, are none, or one lacks its answer.
        """
        entry = self.config.seeds if place == "seeds" else self.config.held_out[place]
        # the held-out sets have seeds of their own, beside those of the seed data
        number = 0 if place == "seeds" else 1 + list(self.config.held_out).index(place)
        return tasks_of(entry, self.base, seed=self.config.seed * SAME_SEED + number, key=place)

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
            source: dict[str, Any] = {"use": "synthgen.loop.source:Known", "path": str(known)}
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
                {"use": "synthgen.loop.contamination:HeldOut", "paths": [str(path) for path in held_out]},
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
    data = {**document.data, "name": document.data.get("name") or path.stem}
    try:
        checked, _ = validated(LoopConfig, data, document.taken_back())
    except ValidationError as error:
        raise combined(problems(error, Document(data, document.places), (), LoopConfig)) from error
    return LoopRecipe(checked, base)
