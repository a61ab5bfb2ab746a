"""The progress of a run: a redrawn block on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from synthgen.cli.terminal import console, interactive, say
from synthgen.engine.pipeline import Progress

if TYPE_CHECKING:
    from rich.console import Group

REDRAW_S = 0.2
"""A terminal's block is drawn anew after so long."""

LINE_S = 5.0
"""Elsewhere a line is written after so long."""

RATE_OVER_S = 30.0
"""The rate is that of the last half minute: the first seconds of a run that goes on replay its journal."""

REASONS = 4
"""How many of the most frequent reasons are named."""


class Rate:
    """Accepted records per second, over the last `RATE_OVER_S` seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque([(clock(), 0)])

    def update(self, accepted: int) -> float:
        """The rate, now that so many records are accepted."""
        now = self._clock()
        self._seen.append((now, accepted))
        while len(self._seen) > 2 and self._seen[1][0] <= now - RATE_OVER_S:
            self._seen.popleft()
        then, before = self._seen[0]
        return (accepted - before) / (now - then) if now > then else 0.0


@asynccontextmanager
async def progress_shown(progress: Progress) -> AsyncIterator[None]:
    """Shows the progress on stderr while the block runs."""
    show = _block if interactive(sys.stderr) else _lines
    task = asyncio.create_task(show(progress))
    try:
        yield
    finally:
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(ended, Exception):
            say(f"the progress could not be shown: {type(ended).__name__}: {ended}")


async def _lines(progress: Progress) -> None:
    rate, said = Rate(), ""
    started = time.monotonic()
    while True:
        await asyncio.sleep(REDRAW_S)
        if progress.message != said:
            said = progress.message
            say(said)
        if time.monotonic() - started >= LINE_S:
            started = time.monotonic()
            say("; ".join(progress_lines(progress, rate.update(progress.accepted))))


async def _block(progress: Progress) -> None:
    from rich.live import Live

    rate = Rate()
    with Live(console=console(stderr=True), auto_refresh=False, transient=True) as live:
        while True:
            live.update(_drawn(progress, rate.update(progress.accepted)), refresh=True)
            await asyncio.sleep(REDRAW_S)


def _drawn(progress: Progress, per_second: float) -> Group:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    lines = [Text(line) for line in progress_lines(progress, per_second)]
    if progress.message:
        lines.append(Text(progress.message, style="yellow"))
    if progress.target is None:
        return Group(*lines)
    return Group(ProgressBar(total=progress.target, completed=progress.accepted, width=60), *lines)


def progress_lines(progress: Progress, per_second: float) -> list[str]:
    """What there is to say: accepted of target with rate and time left, rejected by reason, what was asked."""
    spending = progress.spending
    accepted = f"{progress.accepted:,} accepted"
    if progress.target is not None:
        accepted = f"{progress.accepted:,} of {progress.target:,} accepted"
    accepted += f", {per_second:,.1f}/s"
    if progress.target is not None and per_second > 0:
        accepted += f", {duration((progress.target - progress.accepted) / per_second)} left"
    asked = f"requests: {spending.requests:,} bought, {spending.replayed + spending.reused:,} from the journal"
    asked += f", {spending.in_flight:,} in flight; {spending.tokens:,} tokens"
    if spending.cached_tokens:
        asked += f", {spending.cached_tokens / spending.prompt_tokens:.0%} of the prompts' cached"
    if spending.usd:
        asked += f", ${spending.usd:,.2f}"
    return [accepted, rejected_line(progress), asked]


def rejected_line(progress: Progress) -> str:
    """How many records were rejected, by their most frequent reasons."""
    reasons = progress.reasons.most_common()
    text = f"{progress.rejected:,} rejected"
    if reasons:
        text += ": " + ", ".join(f"{count:,} {reason}" for reason, count in reasons[:REASONS])
        rest = sum(count for _, count in reasons[REASONS:])
        text += f", {rest:,} for other reasons" if rest else ""
    return text


def duration(seconds: float) -> str:
    """The time as people say it: `4.2 s`, `45 s`, `3 min 20 s`, `2 h 5 min`, `9 days`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 100 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400:,} days"
