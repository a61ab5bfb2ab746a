"""What came of one round."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Round:
    """One round. `teacher` is the checkpoint that generated; `verdict` is passed, refused, collapsed or stopped."""

    number: int
    teacher: str = ""
    generation: dict[str, Any] = field(default_factory=dict)
    measures: dict[str, Any] = field(default_factory=dict)
    alarms: list[str] = field(default_factory=list)
    collapsed: bool = False
    training: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)
    monitors: dict[str, Any] = field(default_factory=dict)
    verdict: str = ""
    why: list[str] = field(default_factory=list)
