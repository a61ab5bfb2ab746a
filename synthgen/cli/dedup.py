"""`synthgen dedup`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from synthgen.api.dedup import Method, Progress, dedup
from synthgen.cli.progress import LINE_S
from synthgen.cli.terminal import console, interactive, print_json, say
from synthgen.errors import ConfigError
from synthgen.safety.outward import visible

SHOWN = 5
"""Rows that cannot be read are told one by one up to here."""


def dedup_file(
    source: Path,
    out: Path,
    *,
    field: list[str] | None,
    threshold: float | None,
    rule: Literal["gt", "ge"],
    tokenizer: Literal["unicode", "rouge"],
    method: Method,
    workers: int,
    dropped: Path | None,
    as_json: bool,
) -> None:
    """Writes the rows that are no near-duplicates, and says how many there are."""
    if threshold is not None and not 0 < threshold <= 1:
        raise ConfigError(f"the threshold is {threshold:g}", hint="give --threshold a number above 0 and at most 1")
    with _shown() as progress:
        result = dedup(
            source,
            out,
            field=field,
            threshold=threshold,
            rule=rule,
            tokenizer=tokenizer,
            method=method,
            workers=workers,
            dropped=dropped,
            progress=progress,
        )
    if as_json:
        print_json(
            {
                "kept": result.kept,
                "dropped": result.dropped,
                "without_text": result.without_text,
                "unreadable": len(result.unreadable),
                "seconds": round(result.seconds, 3),
            }
        )
        return
    for place in result.unreadable[:SHOWN]:
        say(visible(f"left out: {place}"))
    if len(result.unreadable) > SHOWN:
        say(f"left out: {len(result.unreadable) - SHOWN:,} more rows that cannot be read")
    if result.files_aside:
        say(visible(f"files left aside: {', '.join(result.files_aside)}"))
    print(f"{result.kept:,} rows kept in {out}, {result.dropped:,} dropped, {result.seconds:.1f} s")
    if result.without_text:
        print(f"{result.without_text:,} of the kept have no text to compare")
    if dropped is not None:
        print(f"the dropped rows, each with its neighbour: {dropped}")


@contextmanager
def _shown() -> Iterator[Callable[[Progress], None]]:
    """Shows the progress on stderr: a bar on a terminal, a line every few seconds elsewhere."""
    if not interactive(sys.stderr):
        yield _lines()
        return
    from rich.progress import Progress as Bars

    with Bars(console=console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=1.0)

        def draw(progress: Progress) -> None:
            bars.update(task, completed=progress.share, description=_text(progress))

        yield draw


def _lines() -> Callable[[Progress], None]:
    last = time.monotonic()

    def line(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_S:
            last = time.monotonic()
            say(f"{progress.share:.0%}: {_text(progress)}")

    return line


def _text(progress: Progress) -> str:
    return f"{progress.kept:,} kept, {progress.dropped:,} dropped"
