"""Every error that synthgen raises on purpose.

SynthgenError                 exit code 1
├── ConfigError               exit code 2   a config, recipe, plug-in or prompt that cannot be used
│   ├── PluginError                         a `use:` that names nothing, or something unusable
│   ├── PromptError                         a template that is missing, broken or lacks a variable
│   └── SeedError                           seed tasks or an input dataset that cannot be read
├── StageError                exit code 1   a stage, filter or selector that raised or broke its contract
├── TeacherError              exit code 1   a teacher that cannot go on: wrong key, no such model, unreachable
├── StoreError                exit code 1   a run folder that cannot be read or written
│   └── RunLocked                           another process works on this run folder
└── Stopped                                 a run that ended before its target; never a bug
    ├── BudgetReached         exit code 4
    └── Interrupted           exit code 130

A message says what happened, where (file, line, key, record, attempt) and what to do next. It holds no known secret
and nothing that a terminal would obey, whoever catches it: see `synthgen.safety.outward`.
"""

from __future__ import annotations

from pathlib import Path

from synthgen.safety.outward import shown


class SynthgenError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command line returns."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(shown(message))
        self.message = shown(message)
        self.hint = hint and shown(hint)

    def __str__(self) -> str:
        # once more: a secret may have become known since, and messages are put together
        return shown(f"{self.message}\n  → {self.hint}" if self.hint else self.message)


class ConfigError(SynthgenError):
    """A config that cannot be used; carries the place as `file`, `line` (from 1) and `key` (dotted)."""

    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        file: Path | str | None = None,
        line: int | None = None,
        key: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.file = file
        self.line = line
        self.key = key

    def __str__(self) -> str:
        place = str(self.file) if self.file else ""
        if self.line:
            place += f":{self.line}"
        parts = [p for p in (place, self.key) if p]
        text = ": ".join([*parts, self.message])
        return shown(f"{text}\n  → {self.hint}" if self.hint else text)


class PluginError(ConfigError):
    """A `use:` that names nothing, or something that is not what its place in the config needs."""


class PromptError(ConfigError):
    """A prompt template that is missing, does not parse, or names a variable that does not exist."""


class SeedError(ConfigError):
    """Seed tasks or an input dataset that cannot be read; `line` is the line in the JSONL file."""


class StageError(SynthgenError):
    """A stage, filter or selector that raised, returned the wrong type, or lost a record."""


class TeacherError(SynthgenError):
    """A teacher that cannot go on (wrong key, unknown model, unreachable server, quota spent)."""


class StoreError(SynthgenError):
    """A run folder that cannot be read or written (disk full, read-only, not a run)."""


class RunLocked(StoreError):
    """Another live process works on this run folder."""


class Stopped(SynthgenError):
    """A run that ended before its target with all its work saved."""


class BudgetReached(Stopped):
    """The next request could have crossed the budget, so it was not sent."""

    exit_code = 4


class Interrupted(Stopped):
    """The user or the system asked the run to stop; its state is saved."""

    exit_code = 130
