"""Runs the command line: errors raised on purpose become one message and an exit code."""

from __future__ import annotations

import sys

from synthgen.cli.app import app
from synthgen.errors import SynthgenError


def main() -> None:
    """Runs the command that the process was started with, and ends the process."""
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
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
