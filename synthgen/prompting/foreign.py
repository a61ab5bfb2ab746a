"""Renders templates that others wrote, such as a downloaded checkpoint's: in a process with bounds of time and memory.

The sandbox keeps a template from files and attributes, and not from `{{ 'a' * 10**9 }}` or loops in loops.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from synthgen.errors import PromptError

MOST_CHARACTERS = 1_000_000
"""Of what a template may write."""
MOST_BYTES = 1_000_000_000
"""Of memory that rendering may take."""
MOST_S = 20
"""Seconds that it may take."""


def render_foreign(template: str, variables: Mapping[str, Any]) -> str:
    """The text that a template makes of the variables, which are what JSON can hold.

    It may call `raise_exception(message)`, as templates of chats do.

    Raises:
        PromptError: it does not parse, raises, or goes beyond the bounds.
    """
    asked = json.dumps({"template": template, "variables": variables})
    command = [sys.executable, "-P", "-m", "synthgen.prompting.foreign"]
    try:
        done = subprocess.run(command, input=asked.encode(), capture_output=True, timeout=MOST_S, check=False)
    except subprocess.TimeoutExpired:
        raise PromptError(f"the template has no end within {MOST_S} s") from None
    try:
        answer = json.loads(done.stdout)
        found, text = answer["found"], str(answer["text"])
    except (ValueError, KeyError, TypeError):
        raise PromptError(f"the template ended its process (exit code {done.returncode})") from None
    if not found:
        raise PromptError(text)
    return text


def _rendered(template: str, variables: Mapping[str, Any]) -> str:
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(message: str) -> None:
        raise jinja2.TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = refuse
    return environment.from_string(template).render(variables)


def main() -> None:
    """Renders what stdin asks for, and writes what came of it to stdout."""
    asked = json.load(sys.stdin)
    with contextlib.suppress(ImportError, ValueError, OSError):  # where a system has no limits, time is left
        import resource

        for limit, most in ((resource.RLIMIT_AS, MOST_BYTES), (resource.RLIMIT_CPU, MOST_S)):
            resource.setrlimit(limit, (most, most))
    try:
        text, found = _rendered(asked["template"], asked["variables"]), True
        if len(text) > MOST_CHARACTERS:
            text, found = f"the template writes more than {MOST_CHARACTERS:,} characters", False
    except MemoryError:
        text, found = f"the template takes more than {MOST_BYTES // 1_000_000:,} MB of memory", False
    except Exception as error:  # noqa: BLE001 - a template may raise anything
        text, found = f"{type(error).__name__}: {error}"[:MOST_CHARACTERS], False
    json.dump({"found": found, "text": text}, sys.stdout)


if __name__ == "__main__":
    main()
