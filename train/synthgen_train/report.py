"""What is seen of a training and what it leaves: lines, `metrics.jsonl`, the picture of the loss, report and card."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from transformers import EarlyStoppingCallback, TrainerCallback

from synthgen.errors import ConfigError, SynthgenError
from synthgen_train.checkpoints import write_file
from synthgen_train.config import TrainConfig
from synthgen_train.examples import Example
from synthgen_train.generation import HeldOut
from synthgen_train.plan import Plan

NOT_PART = {"out", "log_every", "save_every", "report_to", "eval_prompts", "eval_tokens", "merge", "keep_checkpoint"}
"""Keys that may change between a killed training and its continuation."""

LATER = {
    "attn_implementation",
    "quantize",
    "group_by_length",
    "dpo_loss",
    "early_stopping",
    "keep_checkpoint",
    "eval_every",
}
"""Keys that an earlier version did not know."""


FEW_STOPS = 0.95
"""Below this share of held-out prompts whose answer ends by itself the report says so."""


@dataclass(slots=True)
class TrainReport:
    """What a training did. Seconds are wall time.

    `loss` is of the last steps, `start_loss` and `eval_loss` are of the held-out records before and after the training;
    these and `held_out` are None where nothing was held out.
    """

    out: Path
    model: Path
    steps: int
    loss: float | None
    start_loss: float | None
    eval_loss: float | None
    held_out: HeldOut | None
    tokens: int
    tokens_per_second: float
    seconds: float
    preflight_seconds: float
    resumed_from: int | None
    merged: Path | None = None
    best_step: int | None = None
    plan: dict[str, Any] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The report for people."""
        best = f" (of step {self.best_step}, the best)" if self.best_step is not None else ""
        out = [f"student     {self.model}{best}", f"loss        {_shown(self.loss)}"]
        if self.eval_loss is not None:
            out[-1] += f"; on held-out records {_shown(self.eval_loss)}, before the training {_shown(self.start_loss)}"
        if self.held_out:
            h = self.held_out
            out.append(f"held out    {h.exact:.1%} exact, {h.stopped:.1%} stop by themselves, of {h.prompts} prompts")
            if h.stopped < FEW_STOPS:
                out.append("            many answers run on to the limit: train longer, or raise eval_tokens")
        out.append(f"speed       {self.tokens_per_second:,.0f} tokens/s, {self.seconds:.1f} s")
        return out


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def fingerprint_of(config: TrainConfig, examples: Iterable[Example], base: str) -> str:
    """A hash of the settings that matter but for the number of steps, of all that is trained on, and of the base."""
    unset = set() if config.quantize else {"quantize"}  # which the version before did not know
    settings = config.model_dump_json(exclude=NOT_PART | {"max_steps", "epochs"} | unset)
    return _digest(f"{settings}{base}", examples)


def _earlier_fingerprint(config: TrainConfig, examples: Iterable[Example]) -> str:
    """What an earlier version wrote."""
    unknown: Any = {**dict.fromkeys(NOT_PART | LATER, True), "data": {"__all__": {"columns"}}}
    return _digest(config.model_dump_json(exclude=unknown), examples)


def _digest(settings: str, examples: Iterable[Example]) -> str:
    digest = hashlib.sha256(settings.encode())
    for example in examples:
        digest.update(repr((example.input_ids, example.labels)).encode())
    return digest.hexdigest()


def claim(
    config: TrainConfig,
    examples: Sequence[Example],
    base: str,
    steps: int,
    *,
    write: bool,
    notes: Sequence[str] = (),
) -> TrainReport | None:
    """Makes the folder this training's, or returns the report that is in it already.

    A training of more steps takes the folder over. `write` is false in all processes but the first; `notes` say what
    was left aside while reading the data.

    Raises:
        ConfigError: it belongs to another training, of other settings, other data or another base.
    """
    out = config.out
    mark, report = out / "training.json", out / "report.json"
    fingerprint = fingerprint_of(config, examples, base)
    if mark.is_file():
        known = json.loads(mark.read_text(encoding="utf-8"))
        if "steps" not in known and known["fingerprint"] == _earlier_fingerprint(config, examples):
            known |= {"fingerprint": fingerprint, "base": base, "steps": steps}
        what = "another base model" if known.get("base", base) != base else "other settings or other data"
        if known["fingerprint"] != fingerprint or known["steps"] > steps:
            fewer = known["fingerprint"] == fingerprint
            raise ConfigError(
                f"{out} holds a training with " + (f"{known['steps']} steps, other settings" if fewer else what),
                key="train.out",
                hint="name another `out`, or remove the folder",
            )
        if report.is_file() and known["steps"] == steps:
            return _from_json(json.loads(report.read_text(encoding="utf-8")))
    if write:
        out.mkdir(parents=True, exist_ok=True)
        report.unlink(missing_ok=True)  # of fewer steps
        versions = {name: version(name) for name in ("torch", "transformers", "trl", "peft")}
        values = {"fingerprint": fingerprint, "base": base, "steps": steps, "versions": versions, "notes": list(notes)}
        write_file(mark, json.dumps(values, indent=2) + "\n")
    return None


def _from_json(values: dict[str, Any]) -> TrainReport:
    values["out"], values["model"] = Path(values["out"]), Path(values["model"])
    values["merged"] = Path(values["merged"]) if values["merged"] else None
    values["held_out"] = HeldOut(**values["held_out"]) if values["held_out"] else None
    return TrainReport(**values)


def facts(config: TrainConfig, plan: Plan, report: TrainReport) -> dict[str, Any]:
    """What the model card says."""
    model = config.model if isinstance(config.model, str) else "from scratch"
    table = {
        "base model": model,
        "method": config.method.model_dump_json(),
        "objective": config.objective,
        "records": plan.records,
        "examples": plan.examples,
        "trained tokens": plan.trained_tokens,
        "sources": ", ".join(f"{s.source} {s.share:.1%}" for s in plan.shares),
        "steps": report.steps,
        "training loss": _shown(report.loss),
        "held-out loss before": _shown(report.start_loss),
        "held-out loss": _shown(report.eval_loss),
    }
    if plan.left_out:
        table["left out"] = ", ".join(f"{n} {cause}" for cause, n in sorted(plan.left_out.items()))
    if plan.notes:
        table["notes"] = "; ".join(plan.notes)
    table |= {"loss on" if name == "loss" else name: value for name, value in plan.settings.values.items()}
    if report.held_out:
        table["held-out exact match"] = f"{report.held_out.exact:.1%} of {report.held_out.prompts}"
        table["held-out answers that stop"] = f"{report.held_out.stopped:.1%}"
    return table


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
        losses = [row for row in kept if "loss" in row]
        self.points = [(row["step"], row["loss"]) for row in losses]
        if self.writes:
            self.path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        self._start = time.perf_counter()
        self._mark = (self._start, 0.0)
        self._first = state.global_step
        self._before = losses[-1]["tokens"] if losses else 0.0

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """One line, and one row of `metrics.jsonl`."""
        if logs and "eval_loss" in logs and self._first < state.global_step < state.max_steps:
            self.say(f"step {state.global_step:,}/{state.max_steps:,}  held-out loss {logs['eval_loss']:.4f}")
            self._keep({"step": state.global_step, "eval_loss": float(logs["eval_loss"])})
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
        self._keep(row)
        done = max(1, state.global_step - self._first)
        left = (now - self._start) / done * (state.max_steps - state.global_step)
        self.say(
            f"step {state.global_step:,}/{state.max_steps:,}  loss {loss:.4f}  "
            f"lr {logs.get('learning_rate', 0.0):.1e}  {rate:,.0f} tokens/s  {left:.0f} s left"
        )

    def _keep(self, row: dict[str, Any]) -> None:
        if self.writes:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


class StartLoss(TrainerCallback):  # type: ignore[misc]
    """Takes the held-out loss before the first step; a continued training finds it in a file.

    When the training has begun, for an evaluation before it would leave the model unwrapped: each of several processes
    would then train a model of its own.
    """

    def __init__(self, trainer: Any, path: Path) -> None:
        self.trainer, self.path = trainer, path
        self.value: float | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Evaluates, or reads what was measured at the first start."""
        if state.global_step == 0:
            self.value = float(self.trainer.evaluate()["eval_loss"])
            if state.is_world_process_zero:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                write_file(self.path, json.dumps(self.value) + "\n")
        elif self.path.is_file():
            self.value = float(json.loads(self.path.read_text(encoding="utf-8")))


class Patience(EarlyStoppingCallback):  # type: ignore[misc]
    """Early stopping that has ended a training stays its end where the training was killed behind it."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stops at once where the checkpoint that is gone on from says so."""
        super().on_train_begin(args, state, control, **kwargs)
        control.should_training_stop = self.early_stopping_patience_counter >= self.early_stopping_patience


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


WIDTH, HEIGHT, MARGIN = 640, 360, 48


def loss_picture(points: Sequence[tuple[int, float]], held_out: float | None = None) -> str:
    """An SVG of the loss (y) over the steps (x), with the held-out loss as a dashed line."""
    losses = [loss for _, loss in points] + ([held_out] if held_out is not None else [])
    if not losses:
        return f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"/>\n'
    low, high = min(0.0, *losses), max(losses) or 1.0
    last = max((step for step, _ in points), default=1) or 1

    def x(step: float) -> float:
        return MARGIN + step / last * (WIDTH - 2 * MARGIN)

    def y(loss: float) -> float:
        return HEIGHT - MARGIN - (loss - low) / (high - low or 1.0) * (HEIGHT - 2 * MARGIN)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><title>Training loss</title><rect width="100%" height="100%" fill="white"/>'
    ]
    for i in range(5):
        loss, step = low + (high - low) * i / 4, last * i / 4
        parts.append(
            f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y(loss):.1f}" y2="{y(loss):.1f}" stroke="#ddd"/>'
            f'<text x="{MARGIN - 6}" y="{y(loss) + 4:.1f}" text-anchor="end">{loss:.2f}</text>'
            f'<text x="{x(step):.1f}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{step:.0f}</text>'
        )
    line = " ".join(f"{x(step):.1f},{y(loss):.1f}" for step, loss in points)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#1f5fa8" stroke-width="1.5"/>')
    if held_out is not None:
        parts.append(
            f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y(held_out):.1f}" y2="{y(held_out):.1f}" '
            f'stroke="#a8321f" stroke-dasharray="6 4"/>'
            f'<text x="{WIDTH - MARGIN}" y="{y(held_out) - 5:.1f}" text-anchor="end">held out {held_out:.3f}</text>'
        )
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">step</text></svg>\n')
    return "".join(parts)
