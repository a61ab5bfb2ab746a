"""What came of one round: the results of its steps, as they are kept in `rounds/<k>/*.json`.

A result that is not there yet is empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict


class Generation(TypedDict, total=False):
    """What a round's pipeline made; `requests` are those that have a reply, bought or reused."""

    generated: int
    accepted: int
    rejected: dict[str, int]
    tokens: int
    requests: int
    usd: float | None


Bounds = tuple[float, float]
"""The lower and the upper bound of an interval at 95 %."""


class Repetition(TypedDict, total=False):
    """How much texts repeat themselves, over equally many words."""

    distinct_2: float | None
    compression: float | None
    intervals: dict[str, Bounds]


Measures = TypedDict(
    "Measures",
    {
        "records": int,
        "generated": int,
        "new": int,
        "task_types": dict[str, int],
        "typed": float,
        "openings": list[tuple[str, float]],
        "words": int,
        "neighbours": int,
        "known_asked": int,
        "yield": float,
        "new_share": float,
        "new_of_kept": float,
        "entropy": float,
        "opening_share": float,
        "length": float,
        "nearest": float | None,
        "known_right": float | None,
        "distinct_2": float | None,
        "compression": float | None,
        "intervals": dict[str, Bounds],
        # of the rows to train on, and of the seed data
        "rows": Repetition,
        "seeds": Repetition,
    },
    total=False,
)
"""What a round's records are like (`measures.py`); a figure that cannot be told is None."""


class Training(TypedDict, total=False):
    """What a student was trained on and where it lies; what else the trainer tells stands beside it."""

    checkpoint: str
    rows: int
    seed_rows: int
    earlier_rows: int
    new_rows: int
    steps: int
    loss: float
    tokens: int


class Scores(TypedDict):
    """A student's answers to one held-out set: `correct` and `stopped` as texts of 0 and 1, one a prompt."""

    correct: str
    stopped: str
    task_types: dict[str, float]


class Damage(TypedDict, total=False):
    """What a training broke: a sentence for each monitor that failed, and for those that the gate does not heed."""

    failed: list[str]
    not_heeded: list[str]


@dataclass(slots=True)
class Round:
    """One round. `teacher` is the checkpoint that generated; `verdict` is passed, refused, collapsed or stopped."""

    number: int
    teacher: str = ""
    generation: Generation = field(default_factory=Generation)
    measures: Measures = field(default_factory=Measures)
    alarms: list[str] = field(default_factory=list)
    collapsed: bool = False
    training: Training = field(default_factory=Training)
    scores: dict[str, Scores] = field(default_factory=dict)
    monitors: Damage = field(default_factory=Damage)
    verdict: str = ""
    why: list[str] = field(default_factory=list)
