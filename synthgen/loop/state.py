"""A loop under way: its recipe and folder, what its rounds have left so far, and its steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthgen.config import Recipe
from synthgen.errors import BudgetReached
from synthgen.loop.recipe import SAME_SEED, LoopRecipe
from synthgen.loop.round import Round
from synthgen.loop.steps import Steps
from synthgen.records import Record, user_text
from synthgen.teachers.checkpoints import checkpoint_hash
from synthgen.text import normalize

Say = Callable[[str], None]
End = tuple[str, str] | None
"""The status and the reason with which the loop ends, or None."""


@dataclass(slots=True)
class State:
    """What the rounds so far have left: the student that teaches, its scores, and the records that are kept.

    `first` are the measures of the first round that generated, `worse` the sign that the last student is worse than
    that of round 0, `remix` whether the last round was found collapsed after its training; `flat` counts rounds
    without a gain.
    """

    checkpoint: str = ""
    scores: dict[str, Any] = field(default_factory=dict)
    kept: list[Record] = field(default_factory=list)
    first: dict[str, Any] | None = None
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

    def step(self, number: int, name: str, inputs: Any, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The result of a round's step, done now or kept from before.

        Raises:
            BudgetReached: the step is not done yet, and the loop's hours are over.
        """

        def in_time() -> dict[str, Any]:
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
