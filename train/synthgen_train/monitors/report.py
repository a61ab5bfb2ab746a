"""The outcome of a monitor: every measure with its gate, for people and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from synthgen_train.checkpoints import write_file
from synthgen_train.monitors.observe import Observation
from synthgen_train.monitors.paired import Comparison


@dataclass(frozen=True, slots=True)
class MonitorReport:
    """All comparisons; `passed` where every gate held. `probes` is the hash of the probe sets."""

    model: str
    baseline: str | None
    comparisons: list[Comparison]
    probes: str

    @property
    def passed(self) -> bool:
        """Whether every gate held."""
        return all(c.passed for c in self.comparisons)

    def lines(self) -> list[str]:
        """The report for people."""
        out = [f"{'measure':32s} {'n':>4s} {'model':>8s} {'before':>8s} {'change, 95 %':>26s}  gate"]
        for c in self.comparisons:
            change, before = "", ""
            if c.difference is not None:
                before = f"{c.baseline:8.3f}"
                bounds = "" if c.low is None else f" [{c.low:+.3f}, {c.high:+.3f}]"
                change = f"{c.difference:+8.3f}{bounds}"
            verdict = (f"ok, {c.why}" if c.why else "ok") if c.passed else f"FAIL: {c.why}"
            out.append(f"{c.name:32s} {c.items:4d} {c.model:8.3f} {before:>8s} {change:>26s}  {verdict}")
        fewest = min((c.items for c in self.comparisons), default=0)
        out.append(
            f"{sum(not c.passed for c in self.comparisons)} of {len(self.comparisons)} gates fail. "
            f"A share on 100 probes is sure to about 10 points, on 400 to about 5; the smallest set here has {fewest}."
        )
        if self.baseline is None:
            out.append("without a baseline only the stop rate has a gate")
        return out

    def write(self, folder: Path, model: Observation, baseline: Observation | None) -> None:
        """Writes `monitor.json` and `replies.jsonl`."""
        folder.mkdir(parents=True, exist_ok=True)
        write_file(folder / "monitor.json", json.dumps({"passed": self.passed, **asdict(self)}, indent=2) + "\n")
        rows = []
        for key, reply in model.replies.items():
            before = baseline.replies.get(key) if baseline else None
            rows.append({"id": key, "model": asdict(reply), "baseline": asdict(before) if before else None})
        write_file(folder / "replies.jsonl", "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows))
