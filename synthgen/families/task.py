"""What the families give: tasks, solutions and verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Values = Mapping[str, Any]
"""What a task is about, by slot name; `op` says which of the family's kinds of task it is."""


class Unprovable(Exception):
    """The text has the form of a task of ours, but asks for something that has no answer (the ninth of five words)."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task with its true answer. `input` is empty where the instruction holds the data; `labels` are the classes."""

    instruction: str
    input: str
    output: str
    reasoning: str | None
    family: str
    task_type: str
    is_classification: bool = False
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Solution:
    """The answer worked out from a task's text alone, with the steps where the family writes them."""

    output: str
    reasoning: str | None
    family: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`proved`, `refuted` (with the `expected` answer and a `reason` for people) or `unknown` (with the reason)."""

    status: Literal["proved", "refuted", "unknown"]
    expected: str | None = None
    reason: str = ""
    family: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """An instruction as read: its family, its values, and what its last sentences ask of the answer's form.

    `complete` says that the data is there; if not, it has to come from the input.
    """

    family: str
    values: dict[str, Any]
    closings: tuple[tuple[str, str], ...] = ()
    complete: bool = True
