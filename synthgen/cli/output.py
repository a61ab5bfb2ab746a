"""Where a command writes: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from synthgen.errors import StoreError
from synthgen.plugins.suggestions import suggestion

if TYPE_CHECKING:
    from rich.console import Console


def console(*, stderr: bool = False) -> Console:
    """A console that prints texts as they are: no markup, no guessing at colours for numbers and paths."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def say(text: str) -> None:
    """Prints a line of progress or advice on stderr."""
    print(text, file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Prints one JSON object on stdout, on one line."""
    print(json.dumps(value, ensure_ascii=False, default=str))


@contextmanager
def own_prints(as_json: bool) -> Iterator[None]:
    """Sends what plug-ins print in the block to stderr, where stdout is for one JSON object alone."""
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        yield


def interactive(stream: TextIO) -> bool:
    """Whether the stream is a terminal that can redraw, and the user has not asked for plain lines by NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def run_path(run: str) -> Path:
    """The folder that a user means by a run: a path, or a name in `outputs/`.

    Raises:
        StoreError: there is neither.
    """
    path, named = Path(run), Path("outputs") / run
    if path.exists():
        return path
    if not named.exists():
        runs = [folder.name for folder in Path("outputs").glob("*") if (folder / "config.yaml").is_file()]
        near = (
            suggestion(path.name, runs, what="runs in outputs/") if runs else "name the folder of a run: outputs/<run>"
        )
        raise StoreError(f"{run} does not exist", hint=near)
    return named
