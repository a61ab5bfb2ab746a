"""One training, from the recipe to the student's folder and its report: read this first.

recipe → records (`data.py`, `mixing.py`) → examples (`examples.py`, `rendering.py`) → model and method (`loading.py`,
`methods/`) → checks (`preflight.py`) → steps (`objectives.py`, `loss.py`) → the folder (`checkpoints.py`) → report
(`report.py`).
"""

from __future__ import annotations

import json
import shutil
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, islice
from typing import Any

from synthgen.errors import ConfigError
from synthgen.records import Record, to_messages, user_text
from synthgen_train import mixing, objectives, preflight
from synthgen_train.checkpoints import model_card, resumable, save_merged, save_student, weights_sum, write_file
from synthgen_train.config import TrainConfig
from synthgen_train.examples import Examples
from synthgen_train.generation import Reply, answers_as_it_is, held_out
from synthgen_train.loading import Student, load_student, parameters_of
from synthgen_train.methods import Start
from synthgen_train.plan import Plan, Settings, is_first, memory_of, one_device, processes, resolve, steps_of
from synthgen_train.report import Patience, Progress, StartLoss, TrainReport, claim, facts, loss_picture

SHOWN = 3
"""How many held-out prompts are shown with their answers."""

COMMAND = ("train", "recipe.yaml")
"""What stands for the arguments of the command where there was none."""

Say = Callable[[str], None]


@dataclass(slots=True)
class Ready:
    """A student with its data, checked; nothing has been written yet. `rows` are what TRL is given."""

    config: TrainConfig
    settings: Settings
    student: Student
    records: mixing.Records
    prepared: mixing.Prepared
    held_out: Examples
    rows: Any
    steps: int
    findings: list[preflight.Finding]
    preflight_seconds: float


@dataclass(slots=True)
class Trainee:
    """A model whose trained parameters are set, the plan, and the model as it was where the loss needs it."""

    model: Any
    plan: Plan
    reference: Any


def plan(config: TrainConfig, *, force: bool = False, say: Say = print, command: Sequence[str] = COMMAND) -> Plan:
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
    config: TrainConfig, *, force: bool = False, say: Say = print, command: Sequence[str] = COMMAND
) -> TrainReport:
    """Trains the student and returns the report, which is also in `<out>/report.json`.

    A training that was killed goes on from its last whole checkpoint when it is called again; one that has ended
    returns its report. `force` trains although a check before training fails. `say` is given each line for people;
    `command` are the arguments with which `synthgen` does this training, for the line that starts it on several GPUs.

    Raises:
        ConfigError: the data, the model or a setting cannot be used, or `out` holds another training.
        PreflightError: training would go wrong in a way that the loss does not show.
        TrainingError: the loss is not a finite number.
        StoreError: the disk is full.
    """
    started = time.perf_counter()
    first = is_first()
    say = say if first else _silent
    ready = get_ready(config, force=force, say=say, command=command)
    base, notes = weights_sum(config.model), ready.records.notes
    done = claim(config, ready.prepared.examples, base, ready.steps, write=first, notes=notes)
    if done is not None:
        say(f"{config.out} holds this training, finished already")
        return done
    if first:
        ready.student.keep_base()
    trainee = make_trainee(ready)
    ready.prepared.forget()
    for line in trainee.plan.lines():
        say(line)
    report = _run(ready, trainee, started, say, first)
    for line in report.lines():
        say(line)
    return report


def _silent(line: str) -> None:
    """Says nothing: the first process speaks for all."""


def get_ready(config: TrainConfig, *, force: bool, say: Say, command: Sequence[str]) -> Ready:
    """Reads and checks everything; what fails is said before it raises. `command` is what trains on several GPUs.

    Raises:
        ConfigError: the data, the model or a setting cannot be used.
        PreflightError: training would go wrong in a way that the loss does not show.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()
    one_device(command)
    _trackers(config.report_to)
    records = mixing.read_records(config.data, config.eval_share, config.seed)
    student = load_student(config, [r.text for r in records.all])
    settings = resolve(config, student)
    prepared = mixing.prepare(config, settings["max_length"], student.tokenizer, records)
    kept_out = mixing.held_out_examples(config, settings["max_length"], student.tokenizer, records)
    started = time.perf_counter()
    findings = preflight.inspect(student.model, student.tokenizer, prepared.seen, settings["max_length"])
    seconds = time.perf_counter() - started
    if not all(f.ok for f in findings):
        for finding in findings:
            say(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.check}: {finding.seen}")
    preflight.require(findings, force=force)
    if not prepared.examples:
        raise ConfigError("there is nothing to train on", key="train.data")
    if config.eval_every and not kept_out.items:
        raise ConfigError("nothing is held out to evaluate on", key="train.eval_every", hint="a larger eval_share")
    rows = objectives.rows_for(config, settings, prepared)
    steps = config.max_steps or steps_of(
        len(rows), config.batch_size, config.gradient_accumulation, processes(), settings["epochs"]
    )
    return Ready(config, settings, student, records, prepared, kept_out, rows, steps, findings, seconds)


def make_trainee(ready: Ready) -> Trainee:
    """The model with its method applied, and the plan of its training.

    Raises:
        ConfigError: the model has nothing that the method trains, or these versions of the libraries do not ask it.
    """
    import torch

    config, student = ready.config, ready.student
    reference = None if student.adapter else objectives.reference_of(config, student.model)
    # What a method adds is drawn at random: the same for the same seed, in all processes.
    torch.manual_seed(config.seed)
    text = list(islice(chain.from_iterable(e.input_ids for e in ready.prepared.examples), 512))
    try:
        if student.adapter is None:
            model = config.method.wrap(student.model, Start(student.new_tokens, text))
        else:
            model = config.method.resume(student.model, student.adapter)
            reference = objectives.reference_of(config, model, resumed=True)
    except ValueError as error:
        hint = "say what the adapter is" if student.adapter else "method: {use: lora} fits every model"
        raise ConfigError(f"{error}", key="train.method", hint=hint) from error
    if not config.method.packs:
        answers_as_it_is(model, student.tokenizer)
    return Trainee(model, _plan(ready, model, reference), reference)


def make_trainer(ready: Ready, trainee: Trainee) -> Any:
    """TRL's trainer for the objective."""
    config, settings, student = ready.config, ready.settings, ready.student
    folder = config.out / "checkpoints"
    rows, steps, reference = ready.rows, ready.steps, trainee.reference
    if config.objective == "sft":
        held = objectives.rows_of(ready.held_out.items, settings.but(packing=False)) if ready.held_out.items else None
        return objectives.sft_trainer(
            trainee.model, student.tokenizer, config, settings, rows, held, steps, folder, reference
        )
    return objectives.preference_trainer(
        trainee.model, student.tokenizer, config, settings, rows, steps, folder, reference
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


def _plan(ready: Ready, model: Any, reference: Any) -> Plan:
    config, settings, records, prepared = ready.config, ready.settings, ready.records, ready.prepared
    parameters, trainable = parameters_of(model)
    return Plan(
        records=len(records.all) + len(records.held_out),
        held_out=len(records.held_out),
        examples=len(prepared.examples),
        tokens=sum(len(e.input_ids) for e in prepared.examples),
        trained_tokens=sum(e.trained for e in prepared.examples),
        left_out=dict(prepared.seen.left_out + records.unread),
        why=prepared.seen.why,
        shares=prepared.shares,
        rows=len(ready.rows),
        rows_per_step=config.batch_size * config.gradient_accumulation * processes(),
        steps=ready.steps,
        parameters=parameters,
        trainable=trainable,
        memory=memory_of(model, config, settings, prepared.examples, reference),
        settings=settings,
        findings=list(ready.findings),
        notes=[*records.notes, *ready.student.notes],
    )


def _run(ready: Ready, trainee: Trainee, started: float, say: Say, first: bool) -> TrainReport:
    from transformers.trainer_callback import PrinterCallback

    config, out = ready.config, ready.config.out
    trainer = make_trainer(ready, trainee)
    trainer.remove_callback(PrinterCallback)
    progress = Progress(out / "metrics.jsonl", say, writes=first)
    trainer.add_callback(progress)
    start_loss = StartLoss(trainer, out / "checkpoints" / "start_loss.json") if trainer.eval_dataset else None
    if start_loss is not None:
        trainer.add_callback(start_loss)
    if config.early_stopping:
        trainer.add_callback(Patience(config.early_stopping))
    with trainer.accelerator.main_process_first():
        checkpoint = resumable(out / "checkpoints", say)
    resumed = int(checkpoint.name.rpartition("-")[2]) if checkpoint else None
    if checkpoint:
        say(f"goes on from step {resumed}")
    begun = time.perf_counter()
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    seconds = time.perf_counter() - begun
    eval_loss = float(trainer.evaluate()["eval_loss"]) if start_loss is not None else None
    # Gathered from all processes, whichever part of it each of them holds.
    state = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    model = trainer.accelerator.unwrap_model(trainer.model)
    report = TrainReport(
        out=out,
        model=out / "model",
        steps=trainer.state.global_step,
        loss=progress.points[-1][1] if progress.points else None,
        start_loss=start_loss.value if start_loss is not None else None,
        eval_loss=eval_loss,
        held_out=None,
        tokens=int(progress.tokens),
        tokens_per_second=progress.tokens_here / seconds,
        seconds=time.perf_counter() - started,
        preflight_seconds=ready.preflight_seconds,
        resumed_from=resumed,
        best_step=trainer.state.best_global_step if config.early_stopping else None,
        plan=trainee.plan.as_json(),
    )
    if first:
        replies = [] if trainer.is_fsdp_enabled else _answer(ready, model, report, say)
        report.seconds = time.perf_counter() - started
        _write(ready, trainee, report, model, state, progress.points, replies)
    return report


def _answer(ready: Ready, model: Any, report: TrainReport, say: Say) -> list[tuple[Record, Reply]]:
    """Has the student answer held-out prompts, and says the first of its answers."""
    config = ready.config
    asked = [r for r in ready.records.held_out if r.id not in ready.held_out.left_out_records]
    if not asked or not config.eval_prompts:
        return []
    report.held_out, replies = held_out(
        model,
        ready.student.tokenizer,
        asked,
        prompts=config.eval_prompts,
        max_tokens=config.eval_tokens,
        seed=config.seed,
        reasoning=config.reasoning,
        batch_size=config.batch_size,
    )
    for record, reply in replies[:SHOWN]:
        say(f"for example  {_short(record.instruction)} → {_short(reply.text)} (wanted: {_short(record.output or '')})")
    return replies


def _short(text: str) -> str:
    return textwrap.shorten(text, 60, placeholder=" …") or "nothing"


def _write(
    ready: Ready,
    trainee: Trainee,
    report: TrainReport,
    model: Any,
    state: dict[str, Any],
    points: Sequence[tuple[int, float]],
    replies: Sequence[tuple[Record, Reply]],
) -> None:
    """Writes student, picture, held-out replies and at last the report; the checkpoints to resume from go."""
    config, student, out = ready.config, ready.student, report.out
    card = model_card(out.name, facts(config, trainee.plan, report))
    save_student(model, student, config.method, report.model, card, state)
    write_file(out / "loss.svg", loss_picture(points, report.eval_loss))
    if report.held_out is not None:
        write_file(out / "held_out.jsonl", "".join(json.dumps(_asked(*pair)) + "\n" for pair in replies))
    if config.merge:
        report.merged = out / "merged"
        save_merged(model, student, config.method, report.merged, card)
    write_file(out / "report.json", json.dumps(asdict(report), indent=2, default=str) + "\n")
    if not config.keep_checkpoint:
        shutil.rmtree(out / "checkpoints", ignore_errors=True)


def _asked(record: Record, reply: Reply) -> dict[str, Any]:
    """A line of `held_out.jsonl`: all that was asked, what was wanted, and what came."""
    before = {"before": turns} if (turns := to_messages(record.replace(output=None))[:-1]) else {}
    return {"id": record.id, **before, "prompt": user_text(record), "reference": record.output, **asdict(reply)}
