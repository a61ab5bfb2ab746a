"""All that is known before the first step: data, student, checks, plan."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from synthgen.errors import ConfigError
from synthgen_train import arithmetic, preflight, prepare, sft
from synthgen_train.config import TrainConfig
from synthgen_train.loading import Student, load_student
from synthgen_train.methods import apply
from synthgen_train.settings import Settings, resolve


@dataclass(slots=True)
class Ready:
    """A student with its data, checked; nothing has been written yet."""

    config: TrainConfig
    settings: Settings
    student: Student
    records: prepare.Records
    prepared: prepare.Prepared
    findings: list[preflight.Finding]
    preflight_seconds: float


@dataclass(slots=True)
class Trainee:
    """A model whose trained parameters are set, the rows it is trained on, and the plan."""

    model: Any
    rows: Any
    plan: arithmetic.Plan
    reference: Any


def get_ready(config: TrainConfig, *, force: bool, say: Callable[[str], None], command: Sequence[str]) -> Ready:
    """Reads and checks everything; what fails is said before it raises. `command` is what trains on several GPUs.

    Raises:
        ConfigError: the data, the model or a setting cannot be used.
        PreflightError: training would go wrong in a way that the loss does not show.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()
    _one_device(command)
    _trackers(config.report_to)
    records = prepare.read_records(config.data, config.eval_share, config.seed)
    student = load_student(config, [r.text for r in records.all])
    settings = resolve(config, student)
    prepared = prepare.prepare(config, settings, student.tokenizer, records)
    started = time.perf_counter()
    findings = preflight.inspect(student.model, student.tokenizer, prepared.seen, settings["max_length"])
    seconds = time.perf_counter() - started
    if not all(f.ok for f in findings):
        for finding in findings:
            say(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.check}: {finding.seen}")
    preflight.require(findings, force=force)
    if not prepared.examples:
        raise ConfigError("there is nothing to train on", key="train.data")
    return Ready(config, settings, student, records, prepared, findings, seconds)


def make_trainee(ready: Ready) -> Trainee:
    """The model with its method applied, and the plan of its training.

    Raises:
        ConfigError: the model has nothing that the method trains.
    """
    import torch

    config, settings, student = ready.config, ready.settings, ready.student
    reference = _reference(config, student)
    # What a method adds is drawn at random: the same for the same seed, in all processes.
    torch.manual_seed(config.seed)
    model = apply(student.model, config.method, student.new_tokens)
    rows = _rows(config, settings, ready.prepared)
    plan = _plan(config, model, student, settings, ready.records, ready.prepared, rows, ready.findings)
    return Trainee(model, rows, plan, reference)


def make_trainer(ready: Ready, trainee: Trainee) -> Any:
    """TRL's trainer for the objective."""
    config, settings, student = ready.config, ready.settings, ready.student
    folder = config.out / "checkpoints"
    steps, reference = trainee.plan.steps, trainee.reference
    if config.objective == "sft":
        held = _held_out_rows(config, settings, student, ready.records)
        return sft.make_trainer(
            trainee.model, student.tokenizer, config, settings, trainee.rows, held, steps, folder, reference
        )
    from synthgen_train import preference

    return preference.make_trainer(
        trainee.model, student.tokenizer, config, settings, trainee.rows, steps, folder, reference
    )


def _one_device(command: Sequence[str]) -> None:
    import torch

    devices = torch.cuda.device_count()
    if devices > 1 and "LOCAL_RANK" not in os.environ:
        line = arithmetic.launch_line(devices, command)
        raise ConfigError(
            f"{devices} GPUs are visible to one process",
            hint=f"train on all of them with\n    {line}\n  or on one with CUDA_VISIBLE_DEVICES=0",
        )


def _trackers(wanted: str | list[str]) -> None:
    from transformers.integrations import get_available_reporting_integrations

    installed = get_available_reporting_integrations()
    for name in [wanted] if isinstance(wanted, str) else wanted:
        if name not in ("none", "all", *installed):
            there = f"installed are {', '.join(sorted(installed))}" if installed else "none is installed"
            raise ConfigError(
                f"there is no tracker {name!r} here",
                key="train.report_to",
                hint=f"{there}; metrics.jsonl is written in any case",
            )


def _reference(config: TrainConfig, student: Student) -> Any:
    """A copy of the model before training, where the loss needs one and there is no adapter to switch off."""
    from synthgen_train.methods import peft_config

    has_switch = peft_config(config.method) is not None
    needed = bool(config.keep.l2) or (not has_switch and (bool(config.keep.kl) or config.objective != "sft"))
    if not needed:
        return None
    from synthgen_train.regularise import frozen_copy

    return frozen_copy(student.model)


def _rows(config: TrainConfig, settings: Settings, prepared: prepare.Prepared) -> Any:
    if config.objective == "sft":
        return sft.rows_of(prepared.examples, settings)
    from synthgen_train.preference import dpo_rows, kto_rows

    return dpo_rows(prepared.pairs) if config.objective == "dpo" else kto_rows(prepared.pairs, config.batch_size)


def _plan(
    config: TrainConfig,
    model: Any,
    student: Student,
    settings: Settings,
    records: prepare.Records,
    prepared: prepare.Prepared,
    rows: Any,
    findings: Sequence[preflight.Finding],
) -> arithmetic.Plan:
    devices = int(os.environ.get("WORLD_SIZE", "1"))
    steps = config.max_steps or arithmetic.steps_of(
        len(rows), config.batch_size, config.gradient_accumulation, devices, settings["epochs"]
    )
    parameters, trainable = arithmetic.parameters_of(model)
    longest = settings["max_length"] if config.packing else max(len(e.input_ids) for e in prepared.examples)
    return arithmetic.Plan(
        records=len(records.all) + len(records.held_out),
        held_out=len(records.held_out),
        examples=len(prepared.examples),
        tokens=sum(len(e.input_ids) for e in prepared.examples),
        trained_tokens=sum(e.trained for e in prepared.examples),
        left_out=dict(prepared.seen.left_out),
        why=prepared.seen.why,
        shares=prepared.shares,
        rows=len(rows),
        rows_per_step=config.batch_size * config.gradient_accumulation * devices,
        steps=steps,
        parameters=parameters,
        trainable=trainable,
        memory=arithmetic.memory_of(model, settings, longest),
        settings=settings,
        findings=list(findings),
        notes=student.notes,
    )


def _held_out_rows(config: TrainConfig, settings: Settings, student: Student, records: prepare.Records) -> Any:
    if config.objective != "sft" or not records.held_out:
        return None
    from synthgen_train.examples import make_examples

    made = make_examples(
        records.held_out,
        student.tokenizer,
        max_length=settings["max_length"],
        reasoning=config.reasoning,
        loss=config.loss,
    )
    settings = Settings({**settings.values, "packing": False}, settings.origins)
    return sft.rows_of(made.items, settings) if made.items else None
