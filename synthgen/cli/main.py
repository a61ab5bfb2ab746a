"""Runs the command line: errors raised on purpose become one message and an exit code."""

from __future__ import annotations

import logging
import os
import sys
import threading

from synthgen import outward
from synthgen.cli.app import app
from synthgen.cli.output import guard, say
from synthgen.errors import SynthgenError


def main() -> None:
    """Runs the command that the process was started with, and ends the process."""
    guard()
    outward.learn_environment(os.environ)
    sys.excepthook = lambda kind, error, trace: say(outward.told(error))
    threading.excepthook = lambda failed: say(outward.told(failed.exc_value)) if failed.exc_value else None
    if logging.lastResort is not None:
        logging.lastResort.addFilter(outward.Door())
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    if debug:
        # wherever it stands: people add it to the end of the command that failed
        arguments = ["--debug", *(a for a in arguments if a != "--debug")]
    try:
        app(arguments, prog_name="synthgen")
    except SynthgenError as error:
        if debug:
            raise
        say(f"error: {error}")
        sys.exit(error.exit_code)
