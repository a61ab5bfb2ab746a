"""`synthgen preview`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.cli.environment import read_env
from synthgen.cli.output import console, own_prints, print_json
from synthgen.cli.progress import shown
from synthgen.cli.running import EXIT_CODES, spending_lines
from synthgen.config import Recipe, choose, load, preview_folder
from synthgen.eventloop import run_async
from synthgen.journal import Journal
from synthgen.outward import visible
from synthgen.pipeline import Progress, default_window
from synthgen.records import Record
from synthgen.run import run
from synthgen.store import RunFolder, RunReport
from synthgen.store.parquet import dataset_files, read_records

if TYPE_CHECKING:
    from rich.text import Text

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
        async with shown(progress):
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
    accepted = [record for file in dataset_files(folder.dataset_path) for record in read_records(file)]
    rejected = [r for r in read_records(folder.rejected_path) if r.drop and r.drop.reason != SURPLUS]
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
