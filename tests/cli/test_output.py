from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import pytest
from rich.table import Table
from rich.text import Text

from synthgen.cli.main import main
from synthgen.cli.terminal import Guarded, console, guarded, print_json, say
from synthgen.errors import TeacherError
from synthgen.safety.outward import learn

EVIL = "begin \x1b[2J\x1b]0;t\x07 \x9b31m \x7f \u202eback\u202c\u2028\r end"
RAW = set("\x1b\x07\x9b\x7f\u202e\u202c\u2028\r")
SECRET = "word-1234"


@contextmanager
def streams() -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """The process's streams, as they are while a test runs."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        yield out, err


def test_what_is_printed_passes_the_door_and_the_streams_come_back() -> None:
    learn(SECRET)
    with streams() as (out, err), guarded():
        print(EVIL, SECRET)
        sys.stdout.writelines([EVIL, SECRET])
        say(f"{EVIL} {SECRET}")
        sys.stderr.write(f"\x1b[32m{SECRET}\x1b[0m")  # a bar that another library draws
        assert not sys.stdout.isatty()
    assert not isinstance(sys.stdout, Guarded)
    assert not isinstance(sys.stderr, Guarded)
    assert not RAW & set(out.getvalue())
    assert SECRET not in out.getvalue() + err.getvalue()
    assert err.getvalue().endswith("end ***\n\x1b[32m***\x1b[0m")


def test_json_keeps_what_it_says() -> None:
    with streams() as (out, _):
        print_json({"text": EVIL, "key é": ["中", 1]})
    assert not RAW & set(out.getvalue())
    assert json.loads(out.getvalue()) == {"text": EVIL, "key é": ["中", 1]}


def test_tables_and_texts_show_what_they_hold_and_obey_no_markup() -> None:
    learn(SECRET)
    table = Table("name", EVIL)
    table.add_row("[bold]b[/bold] [link=http://x]l[/link]", Text(EVIL))
    with streams() as (out, _err), guarded():
        shown = console()
        shown.width = 400
        shown.print(table)
        shown.print(Text(f"{EVIL} {SECRET}"), soft_wrap=True)
    assert not RAW & set(out.getvalue())
    assert "[bold]b[/bold] [link=http://x]l[/link]" in out.getvalue()
    assert SECRET not in out.getvalue()


def test_a_consoles_own_colours_reach_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    with streams() as (out, _err), guarded():
        console().print(Text("red", style="red"), Text("\x1b[2J"))
    assert "\x1b[31mred\x1b[0m" in out.getvalue()
    assert "\x1b[2J" not in out.getvalue()
    assert "\\u001b[2J" in out.getvalue()


def test_other_libraries_warnings_and_errors_of_threads_pass_it() -> None:
    learn(SECRET)

    def fail() -> None:
        raise ValueError(EVIL + SECRET)

    with streams() as (_out, err), guarded():
        logging.getLogger("another.library").warning("%s %s", EVIL, SECRET)
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
    assert not RAW & set(err.getvalue())
    assert "ValueError: begin" in err.getvalue()
    assert SECRET not in err.getvalue()


@pytest.mark.parametrize(
    ("arguments", "error", "code", "traceback"),
    [
        ((), TeacherError(f"{EVIL} {SECRET}"), 1, False),
        (("--debug",), TeacherError(f"{EVIL} {SECRET}"), 1, True),
        ((), ValueError(f"{EVIL} {SECRET}"), 1, True),
    ],
)
def test_every_way_a_command_can_fail(
    monkeypatch: pytest.MonkeyPatch, arguments: Any, error: Exception, code: int, traceback: bool
) -> None:
    def app(*_: object, **__: object) -> None:
        raise error from KeyError(SECRET)

    monkeypatch.setattr(sys.modules["synthgen.cli.main"], "app", app)
    monkeypatch.setattr(sys, "argv", ["synthgen", *arguments])
    monkeypatch.setenv("ANY_TOKEN", SECRET)
    with streams() as (_, err), pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    assert ("Traceback" in err.getvalue()) is traceback
    assert "begin" in err.getvalue()
    assert not RAW & set(err.getvalue())
    assert SECRET not in err.getvalue()
