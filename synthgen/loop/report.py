"""What came of a loop: `loop.json`, tables, a picture, a page."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synthgen.loop.picture import page, picture
from synthgen.loop.round import Round
from synthgen.loop.steps import Steps
from synthgen.loop.table import costs, outcome, summaries
from synthgen.store import atomic

__all__ = ["LoopReport", "Round"]


@dataclass(slots=True)
class LoopReport:
    """A loop; `main` names the gate's held-out set.

    `status` is running, done, plateau, budget, no_yield, collapsed or refused.
    """

    name: str
    status: str
    because: str
    main: str
    rounds: list[Round]
    folder: str

    def write(self, folder: Path) -> None:
        """Writes `loop.json`, `loop.svg` and `loop.html` into the folder."""
        seconds = self._seconds(folder)
        spent = costs(self.rounds, seconds)
        values = {
            "name": self.name,
            "status": self.status,
            "because": self.because,
            "main": self.main,
            "rounds": [asdict(r) | {"summary": self.summary(r)} for r in self.rounds],
            "table": self.lines(),
            "costs": spent,
            "seconds": seconds,
        }
        points = [self._point(r) for r in self.rounds]
        atomic.write(folder / "loop.json", json.dumps(values, indent=1, ensure_ascii=False) + "\n")
        atomic.write(folder / "loop.svg", picture(self.name, points) + "\n")
        tables = {"Rounds": self.lines(), "Cost": spent}
        atomic.write(folder / "loop.html", page(self.name, f"{self.status}: {self.because}", points, tables))

    def summary(self, found: Round) -> dict[str, dict[str, float]]:
        """Accuracy and stops of each held-out set, and on the main one the paired gain over round 0."""
        return summaries(found, self.rounds[0], self.main)

    def lines(self) -> list[str]:
        """The table and what is behind it, for people; the same for a loop that was stopped and resumed."""
        return [*outcome(self.rounds, self.main), f"{self.status}: {self.because}"]

    def costs(self) -> list[str]:
        """What the rounds cost, for people; the seconds are those of this machine."""
        return costs(self.rounds, self._seconds(Path(self.folder)))

    def _seconds(self, folder: Path) -> list[dict[str, float]]:
        return [Steps(folder / "rounds" / str(r.number)).seconds() for r in self.rounds]

    def _point(self, found: Round) -> dict[str, Any]:
        shown = self.summary(found)
        scores = found.scores.get(self.main, {})
        return {
            "round": found.number,
            "name": self.main,
            **shown.get(self.main, {}),
            "others": {name: v["accuracy"] for name, v in shown.items() if name not in (self.main, "gain")},
            "task_types": scores.get("task_types", {}),
            "entropy": found.measures.get("entropy"),
            "new": found.measures.get("new"),
            **{key: found.generation[key] for key in ("generated", "accepted", "rejected") if found.generation},
            "verdict": found.verdict,
        }
