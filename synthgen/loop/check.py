"""What a loop will do, told before anything is asked or trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from synthgen.loop.recipe import CHECKPOINT, LoopRecipe
from synthgen.loop.rounds import begun


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """What is known of a loop before round 0: numbers of records, and the stages that make more of them."""

    recipe: LoopRecipe
    seeds: int
    held_out: dict[str, int]
    stages: list[str]

    @property
    def folder(self) -> Path:
        """The loop's folder, where no other is chosen."""
        return Path(self.recipe.config.output) / self.recipe.config.name

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "name": self.recipe.config.name,
            "folder": str(self.folder),
            "seeds": self.seeds,
            "held_out": self.held_out,
            "stages": self.stages,
            "config": self.recipe.config.model_dump(mode="json"),
        }

    def lines(self) -> Iterator[str]:
        """All of it for people."""
        config = self.recipe.config
        start = "last good student" if config.init == "previous" else "trainer's own model"
        yield f"{config.name}: everything loads"
        yield f"  folder       {self.folder}"
        yield f"  seed data    {self.seeds:,} records"
        yield f"  held out     {', '.join(f'{count:,} in {name}' for name, count in self.held_out.items())}"
        yield f"  rounds       {config.stop.rounds:,}, after round 0, which trains on the seed data alone"
        yield f"  stages       {', '.join(self.stages) or 'none: every round trains on the seed data alone'}"
        yield f"  train        {config.train.use}, each round from the {start}"
        yield f"  evaluate     greedy answers, served by {config.student.use}"


def check_loop(recipe: LoopRecipe) -> LoopPlan:
    """What the loop will do, after all has been checked that can be before round 0; nothing of it is kept.

    Raises:
        SynthgenError: something in it cannot be used.
    """
    with TemporaryDirectory() as folder:
        loop = begun(recipe, Path(folder), lambda line: None)
        stages: list[str] = []
        if recipe.config.generate is not None:
            pipeline = loop.generation(1, CHECKPOINT, loop.paths["seeds"], {}).pipeline
            stages = [label for label, _ in pipeline.stages]
    held_out = {name: len(recipe.records(name)) for name in recipe.config.held_out}
    return LoopPlan(recipe, len(loop.seeds), held_out, stages)
