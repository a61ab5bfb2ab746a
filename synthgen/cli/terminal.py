"""Where a command writes: results on stdout, everything else on stderr, and the progress of a run."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, redirect_stdout
from typing import TYPE_CHECKING, Any, TextIO, cast

from synthgen.safety.outward import Door, scrub, shown, told, visible

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, Group, RenderableType
    from rich.segment import Segment

    from synthgen.engine.pipeline import Progress


class Guarded:
    """A stream behind the door: all that is written to it, by whatever part of the process, passes a function."""

    def __init__(self, stream: TextIO, door: Callable[[str], str]) -> None:
        self.stream = stream
        self._door = door

    def write(self, text: str) -> int:
        """Writes what the door makes of the text."""
        self.stream.write(self._door(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Writes the lines one by one."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def guarded() -> Iterator[None]:
    """Puts the process's streams, its threads' errors and other libraries' warnings behind the door.

    On stderr control characters pass, for bars that other libraries draw; what we say there ourselves goes by `say`.
    """
    streams, threads, door = (sys.stdout, sys.stderr), threading.excepthook, Door()
    sys.stdout = cast(TextIO, Guarded(sys.stdout, lambda text: visible(scrub(text))))
    sys.stderr = cast(TextIO, Guarded(sys.stderr, scrub))
    threading.excepthook = lambda failed: say(told(failed.exc_value)) if failed.exc_value else None
    if logging.lastResort is not None:
        logging.lastResort.addFilter(door)
    try:
        yield
    finally:
        (sys.stdout, sys.stderr), threading.excepthook = streams, threads
        if logging.lastResort is not None:
            logging.lastResort.removeFilter(door)


def console(*, stderr: bool = False) -> Console:
    """A console that prints texts as they are: no markup, no guessing at colours for numbers and paths.

    Its own control codes reach the terminal, those in texts do not.
    """
    from rich.console import Console
    from rich.segment import Segment

    class Shown(Console):
        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            for text, style, control in super().render(renderable, options):
                yield Segment(text if control else visible(scrub(text)), style, control)

    stream = sys.stderr if stderr else sys.stdout
    file = stream.stream if isinstance(stream, Guarded) else None
    return Shown(file=file, stderr=stderr, highlight=False, markup=False, emoji=False)


def say(text: str) -> None:
    """Prints a line of progress or advice on stderr."""
    print(shown(text), file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Prints one JSON object on stdout, on one line, with what a terminal would obey as JSON's own escapes."""
    print(visible(scrub(json.dumps(value, ensure_ascii=False, default=str))))


@contextmanager
def own_prints(as_json: bool) -> Iterator[None]:
    """Sends what plug-ins print in the block to stderr, where stdout is for one JSON object alone."""
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        yield


def interactive(stream: TextIO) -> bool:
    """Whether the stream is a terminal that can redraw, and the user has not asked for plain lines by NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


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
