"""One training, from the recipe to the student's folder and its report."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from synthgen.errors import ConfigError
from synthgen_train import arithmetic, preflight, prepare, sft
from synthgen_train.checkpoint import model_card, resumable, save_merged, save_student, write_file
from synthgen_train.config import TrainConfig
from synthgen_train.evaluate import held_out
from synthgen_train.loading import Student, load_student
from synthgen_train.methods import apply
from synthgen_train.picture import loss_picture
from synthgen_train.report import TrainReport, claim, facts, fingerprint_of
from synthgen_train.settings import resolve


def train(
    config: TrainConfig, *, force: bool = False, say: Callable[[str], None] = print, dry_run: bool = False
) -> TrainReport | None:
    """Trains the student and returns the report, which is also in `<out>/report.json`; None after a dry run.

    A training that was killed goes on from its last checkpoint when it is called again; one that has ended returns its
    report. `force` trains although a check before training fails; a dry run ends when the plan is printed.

    Raises:
        ConfigError: the data, the model or a setting cannot be used, or `out` holds another training.
        PreflightError: training would go wrong in a way that the loss does not show.
        TrainingError: the loss is not a finite number.
        StoreError: the disk is full.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()
    _one_device()
    first = int(os.environ.get("RANK", "0")) == 0
    say = say if first else _silent
    started = time.perf_counter()
    records = prepare.read_records(config.data, config.eval_share, config.seed)
    student = load_student(config, [r.text for r in records.all])
    settings = resolve(config, student)
    prepared = prepare.prepare(config, settings, student.tokenizer, records)
    checking = time.perf_counter()
    findings = preflight.inspect(student.model, student.tokenizer, prepared.seen, settings["max_length"])
    preflight_seconds = time.perf_counter() - checking
    if not all(f.ok for f in findings):
        for finding in findings:
            say(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.check}: {finding.seen}")
    preflight.require(findings, force=force)
    if not prepared.examples:
        raise ConfigError("there is nothing to train on", key="train.data")
    fingerprint = fingerprint_of(config, prepared.examples)
    if not dry_run:
        done = claim(config.out, fingerprint)
        if done is not None:
            say(f"{config.out} holds this training, finished already")
            return done

    reference = _reference(config, student)
    model = apply(student.model, config.method)
    rows = _rows(config, settings, prepared)
    plan = _plan(config, model, student, settings, records, prepared, rows, findings)
    for line in plan.lines():
        say(line)
    if dry_run:
        return None
    held = _held_out_rows(config, settings, student, records)
    trainer = _trainer(config, settings, model, student, rows, held, plan.steps, reference)
    report = _run(trainer, config, student, plan, records, preflight_seconds, started, say, first)
    for line in report.lines():
        say(line)
    return report


def _silent(line: str) -> None:
    """Says nothing: the first process speaks for all."""


def _one_device() -> None:
    import torch

    devices = torch.cuda.device_count()
    if devices > 1 and "LOCAL_RANK" not in os.environ:
        line = arithmetic.launch_line(devices, ["recipe.yaml"])
        raise ConfigError(
            f"{devices} GPUs are visible to one process",
            hint=f"train on all of them with\n    {line}\n  or on one with CUDA_VISIBLE_DEVICES=0",
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


def _rows(config: TrainConfig, settings: Any, prepared: prepare.Prepared) -> Any:
    if config.objective == "sft":
        return sft.rows_of(prepared.examples, settings)
    from synthgen_train.preference import dpo_rows, kto_rows

    return dpo_rows(prepared.pairs) if config.objective == "dpo" else kto_rows(prepared.pairs, config.batch_size)


def _plan(
    config: TrainConfig,
    model: Any,
    student: Student,
    settings: Any,
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


def _held_out_rows(config: TrainConfig, settings: Any, student: Student, records: prepare.Records) -> Any:
    if config.objective != "sft" or not records.held_out:
        return None
    from synthgen_train.examples import make_examples

    made = make_examples(
        records.held_out, student.tokenizer, max_length=settings["max_length"], reasoning=config.reasoning
    )
    settings = type(settings)({**settings.values, "packing": False}, settings.origins)
    return sft.rows_of(made.items, settings) if made.items else None


def _trainer(
    config: TrainConfig, settings: Any, model: Any, student: Student, rows: Any, held: Any, steps: int, reference: Any
) -> Any:
    folder = config.out / "checkpoints"
    if config.objective == "sft":
        return sft.make_trainer(model, student.tokenizer, config, settings, rows, held, steps, folder, reference)
    from synthgen_train.preference import make_trainer

    return make_trainer(model, student.tokenizer, config, settings, rows, steps, folder, reference)


def _run(
    trainer: Any,
    config: TrainConfig,
    student: Student,
    plan: arithmetic.Plan,
    records: prepare.Records,
    preflight_seconds: float,
    started: float,
    say: Callable[[str], None],
    first: bool,
) -> TrainReport:
    from transformers.trainer_callback import PrinterCallback

    from synthgen_train.progress import Progress

    out = config.out
    trainer.remove_callback(PrinterCallback)
    progress = Progress(out / "metrics.jsonl", say, writes=first)
    trainer.add_callback(progress)
    checkpoint = resumable(out / "checkpoints")
    resumed = int(checkpoint.name.rpartition("-")[2]) if checkpoint else None
    if checkpoint:
        say(f"goes on from step {resumed}")
    begun = time.perf_counter()
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    seconds = time.perf_counter() - begun
    eval_loss = None
    if trainer.eval_dataset is not None:
        eval_loss = float(trainer.evaluate()["eval_loss"])
    model = trainer.accelerator.unwrap_model(trainer.model)
    figures = None
    if records.held_out and config.eval_prompts:
        figures, replies = held_out(
            model,
            student.tokenizer,
            records.held_out,
            prompts=config.eval_prompts,
            max_tokens=config.eval_tokens,
            seed=config.seed,
            reasoning=config.reasoning,
            batch_size=config.batch_size,
        )
    loss = progress.points[-1][1] if progress.points else None
    report = TrainReport(
        out=out,
        model=out / "model",
        steps=trainer.state.global_step,
        loss=loss,
        eval_loss=eval_loss,
        held_out=figures,
        tokens=int(progress.tokens),
        tokens_per_second=progress.tokens / seconds if seconds else 0.0,
        seconds=time.perf_counter() - started,
        preflight_seconds=preflight_seconds,
        resumed_from=resumed,
        plan=plan.as_json(),
    )
    if first:
        card = model_card(out.name, facts(config, plan, report))
        save_student(model, student, config.method, report.model, card)
        write_file(out / "loss.svg", loss_picture(progress.points, eval_loss))
        if figures is not None:
            write_file(
                out / "held_out.jsonl",
                "".join(
                    json.dumps({"id": r.id, "prompt": r.instruction, "reference": r.output, **asdict(reply)}) + "\n"
                    for r, reply in replies
                ),
            )
        if config.merge:
            report.merged = out / "merged"
            save_merged(model, student, config.method, report.merged, card)
        write_file(out / "report.json", json.dumps(asdict(report), indent=2, default=str) + "\n")
        shutil.rmtree(out / "checkpoints", ignore_errors=True)
    return report
