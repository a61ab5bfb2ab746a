"""What a training did, and to which training a folder belongs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synthgen.errors import ConfigError
from synthgen_train.arithmetic import Plan
from synthgen_train.checkpoint import write_file
from synthgen_train.config import TrainConfig
from synthgen_train.evaluate import HeldOut
from synthgen_train.examples import Example

NOT_PART = {"out", "log_every", "save_every", "report_to", "eval_prompts", "eval_tokens", "merge"}
"""Keys that may change between a killed training and its continuation."""


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
    plan: dict[str, Any] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The report for people."""
        out = [f"student     {self.model}", f"loss        {_shown(self.loss)}"]
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


def fingerprint_of(config: TrainConfig, examples: Iterable[Example]) -> str:
    """A hash of the settings that matter and of all that is trained on."""
    digest = hashlib.sha256(config.model_dump_json(exclude=NOT_PART).encode())
    for example in examples:
        digest.update(repr((example.input_ids, example.labels)).encode())
    return digest.hexdigest()


def claim(out: Path, fingerprint: str) -> TrainReport | None:
    """Makes the folder this training's, or returns the report that is in it already.

    Raises:
        ConfigError: it belongs to another training.
    """
    mark, report = out / "training.json", out / "report.json"
    if mark.is_file():
        if json.loads(mark.read_text(encoding="utf-8"))["fingerprint"] != fingerprint:
            raise ConfigError(
                f"{out} holds a training with other settings or other data",
                key="train.out",
                hint="name another `out`, or remove the folder",
            )
        if report.is_file():
            return _from_json(json.loads(report.read_text(encoding="utf-8")))
    out.mkdir(parents=True, exist_ok=True)
    versions = {name: version(name) for name in ("torch", "transformers", "trl", "peft")}
    write_file(mark, json.dumps({"fingerprint": fingerprint, "versions": versions}, indent=2) + "\n")
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
        "loss": _shown(report.loss),
        "held-out loss": _shown(report.eval_loss),
    }
    table |= plan.settings.values
    if report.held_out:
        table["held-out exact match"] = f"{report.held_out.exact:.1%} of {report.held_out.prompts}"
        table["held-out answers that stop"] = f"{report.held_out.stopped:.1%}"
    return table
