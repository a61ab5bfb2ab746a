"""Runs the command line: errors raised on purpose become one message and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from synthgen.cli.app import app
from synthgen.cli.terminal import guarded, say
from synthgen.errors import SynthgenError
from synthgen.safety.outward import learn_environment, told


def main() -> None:
    """Runs the command that the process was started with, and ends the process."""
    with guarded():
        learn_environment(os.environ)
        sys.exit(_run(sys.argv[1:]))


def _run(arguments: Sequence[str]) -> int:
    debug = "--debug" in arguments
    if debug:
        # wherever it stands: people add it to the end of the command that failed
        arguments = ["--debug", *(a for a in arguments if a != "--debug")]
    try:
        app(list(arguments), prog_name="synthgen")
    except Exception as error:  # noqa: BLE001  an error that is not ours is shown as Python would show it
        if debug or not isinstance(error, SynthgenError):
            say(told(error))
            return 1
        say(f"error: {error}")
        return error.exit_code
    return 0
