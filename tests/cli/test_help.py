"""`docs/cli.md` shows the help of every command, word for word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from synthgen.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
SHOWN = dict(
    re.findall(r"^```text\n\$ synthgen ?(.*?) ?--help\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
)
COMMANDS = ["", *get_command(app).commands]  # type: ignore[attr-defined]


def help_of(command: str) -> str:
    arguments = [*command.split(), "--help"]
    result = CliRunner().invoke(app, arguments, prog_name="synthgen", env={"COLUMNS": "80"}, terminal_width=80)
    assert result.exit_code == 0
    return "\n".join(line.rstrip() for line in result.output.rstrip().splitlines()) + "\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_shows_the_help(command: str) -> None:
    assert SHOWN[command] == help_of(command)


def test_the_page_shows_no_other_command() -> None:
    assert sorted(SHOWN) == sorted(COMMANDS)


def test_the_first_line_of_every_command_fits_the_list() -> None:
    assert "..." not in help_of("").partition("Commands:")[2]
