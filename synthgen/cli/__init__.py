"""The command line."""

from synthgen.cli.app import app
from synthgen.cli.main import main

__all__ = ["app", "main"]
