"""`synthgen train` and `synthgen monitor`, the training that follows a run, `synthgen loop` and `synthgen ablate`."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthgen.api.training import load_training, plan, train, train_on
from synthgen.cli.doctor import read_env
from synthgen.cli.terminal import print_json, say
from synthgen.config import Recipe
from synthgen.config.models import training_setting_lines
from synthgen.errors import BudgetReached, ConfigError, Interrupted
from synthgen.loop import load, run_loop
from synthgen.loop.ablation import ablate
from synthgen.trainers.bundled import bundled

GATE_FAILED = 3
"""The exit code of `synthgen monitor` where a gate failed."""

SCRATCH = "scratch"
"""What `--model` calls a small model without a download."""

WIDTH = 100


def run_training(
    recipe: str | None, settings: Sequence[str], options: dict[str, Any], *, force: bool, dry_run: bool
) -> None:
    """Trains a student, or says what a training would do.

    Raises:
        Interrupted: the user stopped it; what is done stays.
        SynthgenError: the extra is missing, the recipe cannot be used, a check before training failed, or training
            cannot go on.
    """
    given = {name: value for name, value in options.items() if value}
    if recipe is None and not given.keys() & {"data", "model"}:
        raise ConfigError("there is nothing to train", hint="name a recipe, or --data and --model")
    command = ["train", *_arguments(recipe, given, settings), *(["--force"] if force else [])]
    if given.get("model") == SCRATCH:
        given["model"] = {"from_scratch": {}}
    if "method" in given:
        given["method"] = {"use": given["method"]}
    read_env(recipe or "config.yaml")
    training = load_training(recipe, settings, **given)
    training.check()
    try:
        (plan if dry_run else train)(training.settings, force=force, command=command)
    except KeyboardInterrupt as error:
        raise Interrupted("the training was stopped", hint="the same command goes on where it stopped") from error


def _arguments(recipe: str | None, options: dict[str, Any], settings: Sequence[str]) -> list[str]:
    """The options as they are written on the command line."""
    named = [
        (name, text) for name, value in options.items() for text in (value if isinstance(value, list) else [value])
    ]
    named += [("set", text) for text in settings]
    return [*([] if recipe is None else [recipe]), *(word for name, text in named for word in (f"--{name}", text))]


def print_settings() -> None:
    """Prints all settings of a `train:` section."""
    for line in "\n".join(training_setting_lines()).split("\n"):
        indent = " " * (len(line) - len(line.lstrip()))
        print(textwrap.fill(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False))


def watch(model: str, **settings: Any) -> int:
    """Compares a student with the model before, says what came of it, and returns the exit code."""
    report = bundled("monitors").monitor(model, settings.pop("baseline"), **settings)
    print("\n".join(report.lines()))
    return 0 if report.passed else GATE_FAILED


def write_probes(folder: Path) -> None:
    """Writes the monitor's probes as tasks of lm-evaluation-harness, and prints their files."""
    for path in bundled("monitors.probes").export(folder):
        print(path)


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


LOOP_EXIT_CODES = {"done": 0, "plateau": 0, "budget": BudgetReached.exit_code}
"""By the status of a loop; all other ends are short of what was asked for."""

LOOP_FILES = (("page", "loop.html"), ("picture", "loop.svg"), ("numbers", "loop.json"))


def run_rounds(config: str, settings: Sequence[str], *, out: Path | None, as_json: bool) -> int:
    """Runs a loop, says what came of it, and returns the exit code.

    Raises:
        Interrupted: the user stopped it; what is done stays.
    """
    read_env(config)
    recipe = load(config, settings)
    try:
        report = run_loop(recipe, out, say=say)
    except KeyboardInterrupt as error:
        raise Interrupted("the loop was stopped", hint="the same command goes on where it stopped") from error
    folder = Path(report.folder)
    if as_json:
        print_json(json.loads((folder / "loop.json").read_text(encoding="utf-8")))
    else:
        files = [f"{what:8} {folder / name}" for what, name in LOOP_FILES]
        print("\n".join([*report.lines(), "", *report.costs(), "", *files]))
    return LOOP_EXIT_CODES.get(report.status, 3)


def ablate_stage(
    config: str, settings: Sequence[str], *, drop: str, seeds: int, out: Path | None, as_json: bool
) -> None:
    """Measures what a stage is worth, and says it.

    Raises:
        Interrupted: the user stopped it; what is done stays.
    """
    read_env(config)
    recipe = load(config, settings)
    folder = out or Path(recipe.config.output) / f"{recipe.config.name}-without-{drop}"
    try:
        result = ablate(recipe, drop, folder, seeds=seeds, say=say)
    except KeyboardInterrupt as error:
        raise Interrupted("the ablation was stopped", hint="the same command goes on where it stopped") from error
    if as_json:
        print_json(json.loads((folder / "ablation.json").read_text(encoding="utf-8")))
    else:
        print("\n".join([*result.lines(), f"numbers  {folder / 'ablation.json'}"]))
