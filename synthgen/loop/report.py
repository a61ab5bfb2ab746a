"""What came of a loop: `loop.json`, a table, a picture."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from synthgen.loop.evaluation import numbers, summary
from synthgen.loop.intervals import paired
from synthgen.loop.picture import picture
from synthgen.loop.steps import Steps
from synthgen.store import atomic


@dataclass(slots=True)
class Round:
    """One round. `teacher` is the checkpoint that generated; `verdict` is passed, refused, collapsed or stopped."""

    number: int
    teacher: str = ""
    generation: dict[str, Any] = field(default_factory=dict)
    measures: dict[str, Any] = field(default_factory=dict)
    alarms: list[str] = field(default_factory=list)
    collapsed: bool = False
    training: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)
    monitors: dict[str, Any] = field(default_factory=dict)
    verdict: str = ""
    why: list[str] = field(default_factory=list)


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
        """Writes `loop.json` and `loop.svg` into the folder."""
        values = {
            "name": self.name,
            "status": self.status,
            "because": self.because,
            "main": self.main,
            "rounds": [asdict(r) | {"summary": self.summary(r)} for r in self.rounds],
            "table": self.lines(),
            "seconds": [Steps(folder / "rounds" / str(r.number)).seconds() for r in self.rounds],
        }
        atomic.write(folder / "loop.json", json.dumps(values, indent=1, ensure_ascii=False) + "\n")
        atomic.write(folder / "loop.svg", picture(self.name, [self._point(r) for r in self.rounds]))

    def summary(self, found: Round) -> dict[str, dict[str, float]]:
        """Accuracy and stops of each held-out set, and on the main one the paired gain over round 0."""
        shown = {name: summary(scores) for name, scores in found.scores.items()}
        if found.number and found.scores:
            first = self.rounds[0].scores[self.main]
            gain = paired(numbers(found.scores[self.main]["correct"]), numbers(first["correct"]))
            shown["gain"] = {"mean": round(gain.mean, 4), "low": round(gain.low, 4), "high": round(gain.high, 4)}
        return shown

    def _point(self, found: Round) -> dict[str, Any]:
        shown = self.summary(found)
        return {
            "round": found.number,
            **shown.get(self.main, {}),
            "entropy": found.measures.get("entropy"),
            "new": found.measures.get("new"),
            "verdict": found.verdict,
        }

    def lines(self) -> list[str]:
        """The table and what is behind it, for people; the same for a loop that was stopped and resumed."""
        others = [name for name in self.rounds[0].scores if name != self.main] if self.rounds else []
        heads = ["round", "rows", "made", "new", "yield", "entropy", "tokens", self.main, "gain over round 0", *others]
        heads += ["stops", "verdict"]
        rows = [heads, *(self._row(r, others) for r in self.rounds)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        for found in self.rounds:
            lines += [f"round {found.number}: alarm: {alarm}" for alarm in found.alarms]
            if found.verdict == "refused":
                lines += [f"round {found.number}: refused: {why}" for why in found.why]
        return [*lines, f"{self.status}: {self.because}"]

    def _row(self, found: Round, others: list[str]) -> list[str]:
        shown = self.summary(found)
        main, gain = shown.get(self.main), shown.get("gain")
        made, seen = found.generation, found.measures
        return [
            str(found.number),
            f"{found.training['rows']:,}" if found.training else "",
            f"{made['generated']:,}" if made else "",
            f"{seen['new']:,}" if seen else "",
            f"{seen['yield']:.0%}" if seen else "",
            f"{seen['entropy']:.2f}" if seen else "",
            f"{made['tokens']:,}" if made else "",
            f"{main['accuracy']:.1%} [{main['low']:.1%}, {main['high']:.1%}]" if main else "",
            f"{100 * gain['mean']:+.1f} [{100 * gain['low']:+.1f}, {100 * gain['high']:+.1f}]" if gain else "",
            *(f"{shown[name]['accuracy']:.1%}" if name in shown else "" for name in others),
            f"{main['stops']:.1%}" if main else "",
            found.verdict,
        ]
