"""`synthgen train`, `synthgen monitor`, and the training that follows a run."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthgen import assets
from synthgen.api.training import train_on
from synthgen.cli.terminal import say
from synthgen.config import Recipe, locate
from synthgen.config.merge import read_config
from synthgen.config.recipe import check_kind
from synthgen.config.training import TRAINER, trainer
from synthgen.errors import Interrupted


def run_trainer(arguments: Sequence[str]) -> int:
    """The trainer's exit code. Its help is there without what it needs.

    Raises:
        ConfigError: what it needs is not installed.
    """
    if {"-h", "--help"} & set(arguments):
        try:
            return int(importlib.import_module(f"{TRAINER}.__main__").main(list(arguments), program="synthgen"))
        except SystemExit as done:  # argparse ends so
            return int(done.code or 0)
    command, *rest = arguments
    named = next((a for a in rest if not a.startswith("-")), None) if rest and not rest[0].startswith("-") else None
    if command == "train" and named is not None and (Path(named).exists() or named in assets.names("recipes")):
        _check_recipe(named)
    return int(trainer("__main__").main(list(arguments), program="synthgen"))


def _check_recipe(recipe: str) -> None:
    """Raises `ConfigError`, with the command that takes it, where a recipe has no `train:` section of a training."""
    path, _ = locate(recipe)
    document = read_config(path)
    wrong = "held_out" in document.data or "train" not in document.data
    if wrong:
        check_kind(document, "training", recipe, path)


def train_after(recipe: Recipe, folder: Path) -> dict[str, Any] | None:
    """Trains the student that the config asks for, and returns what `--json` tells of it; None where it asks for none.

    Raises:
        Interrupted: the user stopped it; what is done stays.
        SynthgenError: see `train_on`.
    """
    try:
        report = train_on(recipe, folder, say=say)
    except KeyboardInterrupt as error:
        raise Interrupted("the training was stopped", hint="the same command goes on where it stopped") from error
    if report is None:
        return None
    held_out = report.held_out
    return {
        "model": str(report.model),
        "merged": None if report.merged is None else str(report.merged),
        "steps": report.steps,
        "loss": report.loss,
        "start_loss": report.start_loss,
        "held_out_loss": report.eval_loss,
        "held_out_exact": None if held_out is None else held_out.exact,
        "held_out_stopped": None if held_out is None else held_out.stopped,
    }


def student_lines(student: dict[str, Any]) -> list[str]:
    """What came of a training, for the summary of a run."""
    exact, stopped = student["held_out_exact"], student["held_out_stopped"]
    lines = [f"  student   {student['model']} ({student['steps']:,} steps, loss {student['loss']:.3f})"]
    if student["held_out_loss"] is not None:
        told = "" if exact is None else f"; {exact:.0%} answered exactly, {stopped:.0%} stop by themselves"
        lines.append(f"            held out: loss {student['start_loss']:.3f} → {student['held_out_loss']:.3f}{told}")
    if student["merged"] is not None:
        lines.append(f"  merged    {student['merged']}")
    return lines
