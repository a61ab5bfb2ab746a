"""One training, from the recipe to the student's folder and its report."""

from __future__ import annotations

import json
import os
import shutil
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from synthgen.records import Record
from synthgen_train.arithmetic import Plan
from synthgen_train.checkpoint import model_card, resumable, save_merged, save_student, write_file
from synthgen_train.config import TrainConfig
from synthgen_train.evaluate import held_out
from synthgen_train.generation import Reply
from synthgen_train.picture import loss_picture
from synthgen_train.ready import Ready, Trainee, get_ready, make_trainee, make_trainer
from synthgen_train.report import TrainReport, claim, facts, fingerprint_of

SHOWN = 3
"""How many held-out prompts are shown with their answers."""

COMMAND = ("train", "recipe.yaml")
"""What stands for the arguments of the command where there was none."""


def plan(
    config: TrainConfig,
    *,
    force: bool = False,
    say: Callable[[str], None] = print,
    command: Sequence[str] = COMMAND,
) -> Plan:
    """What a training would do, said and returned; nothing is written. `command` is as for `train`.

    Raises:
        ConfigError: the data, the model or a setting cannot be used.
        PreflightError: training would go wrong in a way that the loss does not show.
    """
    made = make_trainee(get_ready(config, force=force, say=say, command=command)).plan
    for line in made.lines():
        say(line)
    return made


def train(
    config: TrainConfig,
    *,
    force: bool = False,
    say: Callable[[str], None] = print,
    command: Sequence[str] = COMMAND,
) -> TrainReport:
    """Trains the student and returns the report, which is also in `<out>/report.json`.

    A training that was killed goes on from its last checkpoint when it is called again; one that has ended returns its
    report. `force` trains although a check before training fails. `say` is given each line for people; `command` are
    the arguments with which `python -m synthgen_train` does this training, for the line that starts it on several GPUs.

    Raises:
        ConfigError: the data, the model or a setting cannot be used, or `out` holds another training.
        PreflightError: training would go wrong in a way that the loss does not show.
        TrainingError: the loss is not a finite number.
        StoreError: the disk is full.
    """
    started = time.perf_counter()
    first = int(os.environ.get("RANK", "0")) == 0
    say = say if first else _silent
    ready = get_ready(config, force=force, say=say, command=command)
    done = claim(config.out, fingerprint_of(config, ready.prepared.examples))
    if done is not None:
        say(f"{config.out} holds this training, finished already")
        return done
    if first:
        ready.student.keep_base()
    trainee = make_trainee(ready)
    for line in trainee.plan.lines():
        say(line)
    report = _run(ready, trainee, started, say, first)
    for line in report.lines():
        say(line)
    return report


def _short(text: str) -> str:
    return textwrap.shorten(text, 60, placeholder=" …") or "nothing"


def _silent(line: str) -> None:
    """Says nothing: the first process speaks for all."""


def _run(ready: Ready, trainee: Trainee, started: float, say: Callable[[str], None], first: bool) -> TrainReport:
    from transformers.trainer_callback import PrinterCallback

    from synthgen_train.progress import Progress

    config, student, records = ready.config, ready.student, ready.records
    out = config.out
    trainer = make_trainer(ready, trainee)
    trainer.remove_callback(PrinterCallback)
    progress = Progress(out / "metrics.jsonl", say, writes=first)
    trainer.add_callback(progress)
    checkpoint = resumable(out / "checkpoints")
    resumed = int(checkpoint.name.rpartition("-")[2]) if checkpoint else None
    if checkpoint:
        say(f"goes on from step {resumed}")
    has_held_out = trainer.eval_dataset is not None
    # Before `train`, which loads the checkpoint: the model is the one that the training began with.
    start_loss = float(trainer.evaluate()["eval_loss"]) if has_held_out else None
    begun = time.perf_counter()
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    seconds = time.perf_counter() - begun
    eval_loss = float(trainer.evaluate()["eval_loss"]) if has_held_out else None
    model = trainer.accelerator.unwrap_model(trainer.model)
    figures = None
    replies: list[tuple[Record, Reply]] = []
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
    for record, reply in replies[:SHOWN]:
        say(f"for example  {_short(record.instruction)} → {_short(reply.text)} (wanted: {_short(record.output or '')})")
    loss = progress.points[-1][1] if progress.points else None
    report = TrainReport(
        out=out,
        model=out / "model",
        steps=trainer.state.global_step,
        loss=loss,
        start_loss=start_loss,
        eval_loss=eval_loss,
        held_out=figures,
        tokens=int(progress.tokens),
        tokens_per_second=progress.tokens_here / seconds,
        seconds=time.perf_counter() - started,
        preflight_seconds=ready.preflight_seconds,
        resumed_from=resumed,
        plan=trainee.plan.as_json(),
    )
    if first:
        _write(ready, trainee, report, model, progress.points, replies)
    return report


def _write(
    ready: Ready,
    trainee: Trainee,
    report: TrainReport,
    model: Any,
    points: Sequence[tuple[int, float]],
    replies: Sequence[tuple[Record, Reply]],
) -> None:
    """Writes student, picture, held-out replies and at last the report; the checkpoints to resume from go."""
    config, student, out = ready.config, ready.student, report.out
    card = model_card(out.name, facts(config, trainee.plan, report))
    save_student(model, student, config.method, report.model, card)
    write_file(out / "loss.svg", loss_picture(points, report.eval_loss))
    if report.held_out is not None:
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
