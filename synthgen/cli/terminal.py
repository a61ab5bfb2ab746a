"""Where a command writes: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from typing import TYPE_CHECKING, Any, TextIO, cast

from synthgen.safety.outward import Door, scrub, shown, told, visible

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment


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
