"""`synthgen run` and `synthgen preview`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.api import choose, finished, open_folder, preview_folder, run_in, set_aside
from synthgen.api.event_loop import run_async
from synthgen.api.run import run
from synthgen.api.training import check_training
from synthgen.cli.doctor import read_env
from synthgen.cli.inspect import run_path
from synthgen.cli.progress import duration, progress_shown
from synthgen.cli.terminal import console, own_prints, print_json, say
from synthgen.cli.train import student_lines, train_after
from synthgen.config import Recipe, load
from synthgen.engine.pipeline import Progress, default_window
from synthgen.journal import Journal
from synthgen.records import Record
from synthgen.safety.likely_secrets import may_hold_secret
from synthgen.safety.outward import visible
from synthgen.store import RunFolder, RunReport
from synthgen.store.record_files import dataset_files, records_in

if TYPE_CHECKING:
    from rich.text import Text


EXIT_CODES = {"done": 0, "short": 3, "budget": 4, "interrupted": 130}


def run_config(
    config: str,
    settings: Sequence[str],
    *,
    target: int | None,
    out: Path | None,
    reuse: str | None,
    fresh: bool,
    as_json: bool,
) -> int:
    """Runs a config, says what came of it, and returns the exit code.

    `fresh` sets the folder aside that is there; what it has paid for can still be reused.
    """
    read_env(config)
    if target is not None:
        settings = [*settings, f"target={target}"]
    with own_prints(as_json):
        recipe = load(config, settings)
    old = None if reuse is None else RunFolder.open(run_path(reuse)).path
    path = choose(recipe, out=out, reuse=None if fresh else old)
    check_training(recipe, path)
    if fresh and (aside := set_aside(path)) is not None:
        say(f"{path} is kept as {aside}; --reuse {aside} takes over the replies that it has paid for")
        old = aside if old is not None and not old.exists() else old
    student = None
    with open_folder(recipe, path) as folder:
        report = finished(folder)
        if report is not None:
            say(f"{path} has ended already: raise the target to go on, or choose another --out")
        else:
            _announce(recipe, folder, old)
            with own_prints(as_json):
                report = run_async(_run(recipe, folder, old))
        if report.status == "done":
            student = train_after(recipe, path)
    if as_json:
        trained = {} if student is None else {"student": student}
        print_json({**report.model_dump(mode="json", by_alias=True), "folder": str(path), **trained})
    else:
        print("\n".join(summary(report, path)))
        if student is not None:
            print("\n".join(student_lines(student)))
        elif recipe.config.train is not None:
            command = f"synthgen train --data {shlex.quote(str(path))} --model …"
            print(f"  student   none: the run is not done; {command} trains on what there is")
    return EXIT_CODES[report.status]


async def _run(recipe: Recipe, folder: RunFolder, reuse: Path | None) -> RunReport:
    progress = Progress()
    async with progress_shown(progress):
        return await run_in(recipe, folder, reuse=reuse, progress=progress)


def _announce(recipe: Recipe, folder: RunFolder, reuse: Path | None) -> None:
    going_on = "going on with" if folder.state != "new" else "running into"
    target = recipe.config.target
    wanted = f", {target:,} records wanted" if target is not None else ""
    say(f"{recipe.config.name}: {going_on} {folder.path}{wanted}")
    for key, (old, new) in folder.changed.items():
        if old == new:
            continue  # a setting that the folder's version did not have
        top, _, rest = key.partition(".")
        # an older version may have kept a secret there, but for URLs, which were always kept without their logins
        secret = may_hold_secret(key.split(".")) and not rest.endswith("url")
        values = "" if secret else f": {old} → {new}"
        say(f"changed: {rest}; every record is decided anew" if top == "files" else f"changed: {key}{values}")
    for name in folder.lost:
        say(f"damaged or missing: {name}; it is made anew from the journal")
    if reuse is not None:
        say(f"replies are taken over from {reuse} where the requests are equal")


def summary(report: RunReport, path: Path) -> list[str]:
    """What came of a run, and where it is."""
    reasons: dict[str, int] = {}
    for flow in report.funnel:
        for reason, count in flow.dropped.items():
            reasons[reason] = reasons.get(reason, 0) + count
    ranked = sorted(reasons.items(), key=lambda item: -item[1])
    because = f" ({', '.join(f'{count:,} {reason}' for reason, count in ranked)})" if ranked else ""
    requests, tokens = report.requests, report.tokens
    cached = f", {tokens.cached_share:.0%} of the prompts' cached" if tokens.cached else ""
    retried = f", {requests.retried:,} asked again" if requests.retried else ""
    cost = "" if report.cost_usd is None else f", ${report.cost_usd:,.2f}"
    named = shlex.quote(str(path))
    lines = [
        f"{report.status}: {report.stopped_because}",
        f"  {report.accepted:,} accepted, {report.rejected:,} rejected{because}",
        *(f"  {head}: {visible(text)}" for head, text in (report.source.lines() if report.source else ())),
        f"  requests: {requests.bought:,} bought, {requests.reused:,} reused, {requests.replayed:,} replayed from the"
        f" journal{retried}; {tokens.prompt:,} + {tokens.completion:,} tokens{cached}{cost}; {duration(report.wall_s)}",
        *spending_lines(report),
        f"  dataset   {path / 'dataset'}",
        f"  rejected  {path / 'rejected.parquet'}",
        f"  look      synthgen view {named}, synthgen stats {named}, synthgen explain {named} ID",
    ]
    if report.status != "done":
        lines.append(f"  → {_next_step(report, path)}")
    return lines


def spending_lines(report: RunReport) -> list[str]:
    """What was spent on other than first replies, and what is no count of a server's; empty where there is nothing."""
    again, lost, estimated = report.asked_again, report.lost, report.requests.estimated
    unknown = report.requests.unknown_finish
    lines = []
    if again.requests:
        usd = f", ${again.cost_usd:,.2f}" if again.cost_usd else ""
        lines.append(
            f"  asked again: {_counted(again.requests, 'request', 'requests')},"
            f" {again.tokens:,} tokens ({again.share:.0%} of all){usd}"
        )
    if lost.requests:
        usd = f", ${lost.cost_usd:,.2f}" if lost.cost_usd else ""
        lines.append(
            f"  no reply: {_counted(lost.requests, 'request', 'requests')} that left;"
            f" they can have cost {lost.tokens:,} tokens{usd}"
        )
    if estimated:
        lines.append(
            f"  tokens of {_counted(estimated, 'reply', 'replies')} are estimated:"
            " the server gave no counts, or such as cannot be"
        )
    if unknown:
        lines.append(
            f"  {_counted(unknown, 'reply', 'replies')} ended for a reason that is not known here: what looked whole"
            " was kept"
        )
    return lines


def _counted(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"


def _next_step(report: RunReport, path: Path) -> str:
    if report.status != "short":
        return _NEXT[report.status]
    if report.rejected:
        named = shlex.quote(str(path))
        return f"synthgen stats {named} counts why records were rejected, synthgen explain {named} ID tells it of one"
    return "nothing was rejected: give the source more, raise stop.attempts, or lower the target"


_NEXT = {
    "budget": "raise the budget and run the same command again: it goes on where it stopped",
    "interrupted": "run the same command again: it goes on where it stopped",
}


SURPLUS = "over_target"
"""The reason of records that are only too many: they say nothing about the config."""


def preview_config(config: str, settings: Sequence[str], number: int, *, as_json: bool) -> int:
    """Makes so many records, shows them, and returns the exit code."""
    read_env(config)
    with own_prints(as_json):
        recipe = load(config, settings)
        path = preview_folder(recipe)
        report = run_async(_make(recipe, path, number))
    accepted, rejected = _records(path)
    if as_json:
        print_json(
            {
                "status": report.status,
                "accepted": [r.model_dump(mode="json", exclude_defaults=True) for r in accepted],
                "rejected": [r.model_dump(mode="json", exclude_defaults=True) for r in rejected],
                "requests": report.requests.model_dump(),
                "tokens": report.tokens.model_dump(),
                "asked_again": report.asked_again.model_dump(),
                "lost": report.lost.model_dump(),
            }
        )
        return EXIT_CODES[report.status]
    out = console()
    for record in [*accepted, *rejected]:
        out.print(_text(record), soft_wrap=True)
    bought, tokens = report.requests.bought, report.tokens
    print(
        f"{len(accepted)} accepted, {len(rejected)} rejected; {bought} requests bought,"
        f" {tokens.prompt + tokens.completion:,} tokens"
    )
    print("\n".join(spending_lines(report)), end="\n" if spending_lines(report) else "")
    return EXIT_CODES[report.status]


async def _make(recipe: Recipe, path: Path, number: int) -> RunReport:
    """The report of a little run in the folder, with what this preview alone has bought."""
    journal = RunFolder(choose(recipe)).journal_path
    begun = journal if journal.is_file() else None
    # the run's own window, not that of a target of three: so the requests are those which the run begins with
    window = recipe.pipeline.window or (None if begun else default_window(recipe.pipeline.target))
    few = replace(recipe.pipeline, target=number, window=window, selectors=())
    progress = Progress()
    with RunFolder.create_or_open(path, recipe.resolved, may_change=None) as folder:
        with Journal(folder.journal_path) as own:
            earlier = own.totals()
        async with progress_shown(progress):
            report = await run(few, folder, previewed=begun, progress=progress)
        with Journal(folder.journal_path) as own:
            own.settle("window", "")  # the run settles its own
    requests = report.requests.model_copy(update={"bought": report.requests.bought - earlier.requests})
    tokens = report.tokens.model_copy(
        update={
            "prompt": report.tokens.prompt - earlier.prompt_tokens,
            "completion": report.tokens.completion - earlier.completion_tokens,
        }
    )
    return report.model_copy(update={"requests": requests, "tokens": tokens})


def _records(path: Path) -> tuple[list[Record], list[Record]]:
    folder = RunFolder.open(path)
    accepted = [record for file in dataset_files(folder.dataset_path) for record in records_in(file)]
    rejected = [r for r in records_in(folder.rejected_path) if r.drop and r.drop.reason != SURPLUS]
    return accepted, rejected


def _text(record: Record) -> Text:
    """The record for a terminal: its outcome, and every text it has."""
    from rich.text import Text

    drop = record.drop
    if drop is None:
        text = Text("accepted\n", style="bold green")
    else:
        text = Text(f"rejected by {drop.stage}: {drop.reason}\n", style="bold red")
    shown_texts = {"system": record.system, "instruction": record.instruction, "input": record.input}
    for name, value in {**shown_texts, "output": record.output, "reasoning": record.reasoning}.items():
        if value:
            text.append(f"  {name}: ", style="bold")
            text.append(visible(value).replace("\n", "\n    ") + "\n", style="not bold default")
    return text
