"""One run: a pipeline, a run folder, the journal between them; signals, selectors, report and exports at the end."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from synthgen.api.event_loop import few_collections, told_of_signals
from synthgen.engine.asking import Asker
from synthgen.engine.contracts import opened, selection_of
from synthgen.engine.engine import Engine
from synthgen.engine.pipeline import Flow, Pipeline, Progress, default_window, prepare
from synthgen.errors import ConfigError, StageError, StoreError
from synthgen.formats.exporting import Export
from synthgen.journal import Journal
from synthgen.plugins import BUILTINS, Finder, build
from synthgen.protocols import Selector
from synthgen.records import Record
from synthgen.report import Presentation
from synthgen.requests.request import Sampling, model_name
from synthgen.safety.outward import logger
from synthgen.store import DatasetWriter, Exported, Ingredients, RunFolder, RunReport
from synthgen.store.exports import export_run, exported
from synthgen.store.report import AskedAgain, Lost, Requests, StageFlow, Status, TeacherFacts, Tokens, Took

log = logger("synthgen.api.run")

WINDOW_DIGITS = 9
"""More digits than this are no window."""


async def run(
    pipeline: Pipeline,
    folder: RunFolder,
    *,
    reuse: Path | None = None,
    previewed: Path | None = None,
    progress: Progress | None = None,
    made_from: Callable[[], Ingredients] | None = None,
    exports: Sequence[Export] = (),
) -> RunReport:
    """Runs the pipeline into the folder and returns the report, which is also in the folder.

    A folder that holds part of this run is gone on with: its journal is replayed. `reuse` is the folder (or journal)
    of another run, whose replies are taken over where the requests are equal. So are those of `previewed`, the folder
    of this run's preview (or of the run that a preview is made of), and what they cost is part of the budget.
    `made_from` is called when the prompts have been read. The first SIGINT, SIGTERM or SIGHUP ends the run with what
    has been sent coming in; the second one at once.

    Raises:
        SynthgenError: a part failed. The journal holds all that was bought; the dataset of an earlier end stays.
    """
    started_at = datetime.now(UTC)
    progress = progress or Progress()
    async with AsyncExitStack() as stack:
        for name, teacher in pipeline.teachers.items():
            teacher.keep_in(folder.path, name)
            stack.push_async_callback(teacher.close)
            await opened(name, teacher)
        prepare(pipeline)
        stack.enter_context(few_collections())
        folder.save_seeds(pipeline.source.seeds)
        journal = stack.enter_context(Journal(folder.journal_path))
        shared = [stack.enter_context(_journal_of(previewed))] if previewed else []
        old = [stack.enter_context(_journal_of(reuse))] if reuse else []
        pipeline = replace(pipeline, window=_window(pipeline, journal, [*old, *shared]))
        writer = DatasetWriter(folder, Presentation)
        stack.callback(writer.abandon)
        asker = Asker(
            pipeline.teachers,
            journal,
            reuse=[*old, *shared],
            shared=shared,
            concurrency=pipeline.concurrency,
            budget=pipeline.budget,
            on_budget=lambda: engine.stop("budget", asker.budget_message),
        )
        engine = Engine(pipeline, asker, writer, progress)
        with _ended_by_signals(engine):
            await engine.run()
        _select(pipeline, writer, progress)
        report = _report(pipeline, progress, journal, started_at)
        ingredients = made_from() if made_from else Ingredients(name=pipeline.name, seed=pipeline.seed)
        writer.finish(report, ingredients, exports=renewed(folder, exports), base=pipeline.base)
    return report


def _window(pipeline: Pipeline, journal: Journal, old: Sequence[Journal]) -> int:
    """The window: what the config says, or what the first session has settled.

    It shapes the prompts, so a run whose target is raised keeps the window it began with; else it would buy every
    reply anew.
    """
    settled = next((fact for j in (journal, *old) if (fact := j.fact("window"))), None)
    window = pipeline.window or _settled(settled) or default_window(pipeline.target)
    if settled and not _settled(settled) and not pipeline.window:
        log.warning(
            "the window that the journal keeps is damaged (%.40r): %d is taken, and where that is another one, replies"
            " are bought again",
            settled,
            window,
        )
    journal.settle("window", str(window))
    return window


def _settled(fact: str | None) -> int | None:
    """The window that a journal keeps, or None where it keeps none that can be."""
    whole = fact is not None and fact.isascii() and fact.isdecimal() and len(fact) <= WINDOW_DIGITS
    return int(fact or 0) or None if whole else None


def _journal_of(run: Path) -> Journal:
    path = run / "journal.sqlite" if run.is_dir() else run
    if not path.is_file():
        raise StoreError(f"there is nothing to reuse at {run}: no journal.sqlite", hint="name the folder of a run")
    return Journal(path, readonly=True)


@contextmanager
def _ended_by_signals(engine: Engine) -> Iterator[None]:
    """The first signal drains the run, the second aborts it."""
    aborting: list[asyncio.Task[None]] = []

    def on_signal() -> None:
        if engine.stopping:
            aborting.append(asyncio.get_running_loop().create_task(engine.abort()))
        else:
            engine.stop("interrupted", "asked to stop: what has been sent comes in; once more to end at once")

    with told_of_signals(on_signal):
        yield


def _select(pipeline: Pipeline, writer: DatasetWriter, progress: Progress) -> None:
    """Lets the selectors look at the whole accepted set, one after the other."""
    if not pipeline.selectors:
        return
    records = list(writer.accepted_records())
    dropped: list[Record] = []
    for label, selector in pipeline.selectors:
        entered = len(records)
        records, left_out = _selected(label, selector, records, pipeline)
        dropped += left_out
        flow = progress.flows[label] = Flow(entered)
        for record in left_out:
            if record.drop is not None:
                flow.dropped[record.drop.reason] += 1
        progress.accepted -= len(left_out)
        progress.rejected += len(left_out)
    writer.select([*records, *dropped])


def _selected(
    label: str, selector: Selector, records: list[Record], pipeline: Pipeline
) -> tuple[list[Record], list[Record]]:
    rng = random.Random(f"{pipeline.seed}/{pipeline.round}/selector/{label}")
    result = selection_of(label, selector.select, records, rng)
    if sorted(r.id for r in result) != sorted(r.id for r in records):
        raise StageError(
            f"selector {label} gave back {len(result)} of {len(records)} records, or others",
            hint="a selector returns every record once; those that it leaves out are marked: record.dropped(reason)",
        )
    kept = [r for r in result if r.drop is None]
    left_out = [r.replace(drop=r.drop.model_copy(update={"stage": label})) for r in result if r.drop is not None]
    return kept, left_out


def _report(pipeline: Pipeline, progress: Progress, journal: Journal, started_at: datetime) -> RunReport:
    totals, spending, took = journal.totals(), progress.spending, progress.took
    lost, again = spending.lost, spending.again
    priced = any(teacher.price for teacher in pipeline.teachers.values())
    status: dict[str, Status] = {s: s for s in ("done", "short", "budget", "interrupted")}
    return RunReport(
        generated=progress.generated,
        accepted=progress.accepted,
        rejected=progress.rejected,
        status=status[progress.status],
        stopped_because=progress.message,
        target=pipeline.target,
        attempts=progress.attempts,
        funnel=tuple(
            StageFlow(stage=label, entered=flow.entered, new=flow.new, dropped=dict(sorted(flow.dropped.items())))
            for label, flow in progress.flows.items()
        ),
        source=pipeline.source.facts(progress.attempts),
        requests=Requests(
            bought=totals.requests,
            reused=totals.reused,
            replayed=spending.replayed,
            retried=spending.retried,
            unusable=dict(sorted(spending.unusable.items())),
            unstructured=spending.unstructured,
            estimated=spending.estimated,
            unknown_finish=spending.unknown_finish,
        ),
        tokens=Tokens.of(totals.prompt_tokens, totals.completion_tokens, totals.cached_tokens),
        cost_usd=totals.usd if priced else None,
        lost=Lost(requests=lost.requests, tokens=lost.tokens, cost_usd=round(lost.usd, 6) if priced else None),
        asked_again=AskedAgain(
            requests=again.requests,
            tokens=again.tokens,
            share=round(again.tokens / (spending.asked.tokens or 1), 4),
            cost_usd=round(again.usd, 6) if priced else None,
        ),
        took=Took(
            requests=took.requests,
            tokens=Tokens.of(took.prompt_tokens, took.completion_tokens, took.cached_tokens),
            cost_usd=round(took.usd, 6) if priced else None,
        ),
        teachers={
            name: TeacherFacts(model=model_name(teacher.model), sampling=(teacher.sampling or Sampling()).settings)
            for name, teacher in pipeline.teachers.items()
        },
        wall_s=round(time.monotonic() - progress.started, 3),
        started_at=started_at.isoformat(timespec="seconds"),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def export(
    path: Path | str, formats: Sequence[str], *, out: Path | None = None, base: Path | None = None
) -> list[Exported]:
    """Writes `exports/<name>/` for each format, in place of an earlier export of that name.

    A format is a built-in's name, or one of yours: `./exports.py:mine`, seen from `base` (the current folder if None).
    With `out`, `<out>/<name>/` are written instead, none of which may be there yet, and the run is only read.

    Raises:
        ConfigError: a format has no such name.
        StageError: an export failed at a record.
        StoreError: the run has no dataset yet, another process works on it, or it cannot be written.
    """
    folder = RunFolder.open(path)
    return export_run(folder, exports_of(formats, base or Path.cwd()), out=out)


def exports_of(formats: Sequence[str], base: Path) -> list[Export]:
    """The exports of these names, each once.

    Raises:
        ConfigError: there is none of a name, or two have one name.
    """
    finder, made = Finder(base), dict[str, Export]()
    for use in dict.fromkeys(formats):
        found = finder.find(use, ("export",))
        try:
            built: Export = build(found, {}, base).part
        except ValidationError as error:
            needed = ", ".join(str(details["loc"][-1]) for details in error.errors())
            raise ConfigError(
                f"the export {use!r} needs settings: {needed}",
                key="export",
                hint="name it in the config: export: [{use: …, …}]",
            ) from error
        if built.name in made:
            raise ConfigError(f"{made[built.name].use!r} and {use!r} have one name", key="export", hint="rename one")
        made[built.name] = built
    return list(made.values())


def renewed(folder: RunFolder, exports: Sequence[Export]) -> list[Export]:
    """These, and the built-in ones that the folder holds of an earlier dataset."""
    names = {export.name for export in exports}
    earlier = [name for name in exported(folder) if name in BUILTINS["export"] and name not in names]
    return [*exports, *exports_of(earlier, folder.path)]
