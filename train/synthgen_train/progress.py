"""What is seen while training runs: lines for people, `metrics.jsonl` for programs, and a stop at the first NaN."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from synthgen.errors import SynthgenError


class TrainingError(SynthgenError):
    """Training that cannot go on."""


class Progress(TrainerCallback):  # type: ignore[misc]
    """Prints and keeps loss, learning rate and tokens per second.

    Tokens per second cover the time since the last line and leave padding out. `tokens_here` are those of this
    process, `tokens` also those before the checkpoint that it went on from.

    Raises:
        TrainingError: the loss is not a finite number.
    """

    def __init__(self, path: Path, say: Callable[[str], None], *, writes: bool = True) -> None:
        self.path = path
        self.say = say
        self.writes = writes
        self.points: list[tuple[int, float]] = []
        self.tokens = self.tokens_here = 0.0
        self._mark: tuple[float, float] = (0.0, 0.0)
        self._start = 0.0
        self._first = 0
        self._before = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Starts the clock, and forgets what a killed run measured beyond its last checkpoint."""
        kept = [row for row in read_metrics(self.path) if row["step"] <= state.global_step]
        self.points = [(row["step"], row["loss"]) for row in kept]
        if self.writes:
            self.path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        self._start = time.perf_counter()
        self._mark = (self._start, 0.0)
        self._first = state.global_step
        self._before = kept[-1]["tokens"] if kept else 0.0

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """One line, and one row of `metrics.jsonl`."""
        if not logs or "loss" not in logs:
            return
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} at step {state.global_step}; the last good checkpoint is kept",
                hint="a smaller learning_rate, more warmup, dtype: float32, or a base model without NaN weights",
            )
        now, tokens = time.perf_counter(), float(logs.get("num_tokens", 0.0))
        seconds, new = now - self._mark[0], tokens - self._mark[1]
        self._mark, self.tokens_here, self.tokens = (now, tokens), tokens, self._before + tokens
        rate = new / seconds if seconds > 0 else 0.0
        self.points.append((state.global_step, loss))
        row = {
            "step": state.global_step,
            "epoch": logs.get("epoch"),
            "loss": loss,
            "learning_rate": logs.get("learning_rate"),
            "grad_norm": _number(logs.get("grad_norm")),
            "tokens": self.tokens,
            "tokens_per_second": rate,
            "seconds": now - self._start,
        }
        row |= {k: v for k, v in logs.items() if k.startswith(("rewards/", "keep/"))}
        if self.writes:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        done = max(1, state.global_step - self._first)
        left = (now - self._start) / done * (state.max_steps - state.global_step)
        self.say(
            f"step {state.global_step:,}/{state.max_steps:,}  loss {loss:.4f}  "
            f"lr {logs.get('learning_rate', 0.0):.1e}  {rate:,.0f} tokens/s  {left:.0f} s left"
        )


def _number(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(float(value)) else None


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a `metrics.jsonl`, a last line that a kill has cut left out."""
    rows = []
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                break
    return rows
