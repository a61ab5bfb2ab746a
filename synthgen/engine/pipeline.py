"""A pipeline as the engine takes it, and the state of its run as whoever watches sees it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from synthgen.engine.budget import Budget, Spending
from synthgen.errors import StageError, SynthgenError
from synthgen.protocols import Preparation, Selector, Source, Stage, Teacher, adapted
from synthgen.records import Record
from synthgen.requests.metering import Bought


def default_window(target: int | None) -> int:
    """How many attempts may pass between a record's joining the pool and its first use as a demonstration.

    A fiftieth of the target, between 4 and 1,024: small targets need a small window, or no machine-made task would
    ever be shown; 1,024 attempts keep 64 slots 87 to 98% busy under log-normal latency (sigma 1).
    """
    return max(4, min(1024, (target or 0) // 48))


@dataclass(slots=True)
class Pipeline:
    """Everything that a run does; the labels name stages and selectors in reports.

    The run stops at `target` accepted records, after `max_attempts` attempts, after `barren_attempts` in a row that
    accepted nothing, when the source is exhausted, or at the budget. `window=None` takes `default_window(target)`;
    `concurrency=None` finds how many requests at once pay.
    """

    name: str
    source: Source
    stages: Sequence[tuple[str, Stage]]
    teachers: Mapping[str, Teacher]
    selectors: Sequence[tuple[str, Selector]] = ()
    target: int | None = None
    seed: int = 0
    round: int = 0
    window: int | None = None
    concurrency: int | None = None
    budget: Budget = field(default_factory=Budget)
    max_attempts: int | None = None
    barren_attempts: int = 50
    base: Path = field(default_factory=Path)
    render: Callable[..., str] = field(default=lambda name, **variables: name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Here parts enter: from now on each has all that its kind may have."""
        match name:
            case "source":
                value = adapted(value, Source)
            case "teachers":
                value = {key: adapted(teacher, Teacher) for key, teacher in value.items()}
            case "stages":
                value = [(label, adapted(stage, Stage)) for label, stage in value]
            case "selectors":
                value = [(label, adapted(selector, Selector)) for label, selector in value]
        object.__setattr__(self, name, value)


class Sink(Protocol):
    """Where commits go, in order of attempts."""

    def commit(self, accepted: Sequence[Record], rejected: Sequence[Record]) -> None:
        """Takes the records of one attempt."""
        ...


@dataclass(slots=True)
class Flow:
    """What passed one stage: records that came in, new ones net of the parents they replace, dropped by reason."""

    entered: int = 0
    new: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Progress:
    """The state of a run, for whoever shows it; changed by the engine alone.

    `spending` is what has been bought, `took` what the replies of the committed attempts cost, whoever has bought them.
    """

    target: int | None = None
    attempts: int = 0
    generated: int = 0
    accepted: int = 0
    rejected: int = 0
    flows: dict[str, Flow] = field(default_factory=dict)
    spending: Spending = field(default_factory=Spending)
    took: Bought = field(default_factory=Bought)
    status: str = "running"
    message: str = ""
    started: float = field(default_factory=time.monotonic)

    @property
    def reasons(self) -> Counter[str]:
        """Dropped records by reason, over all stages."""
        return sum((flow.dropped for flow in self.flows.values()), Counter())


def prepare(pipeline: Pipeline) -> None:
    """Lets every part look at seeds, prompts and teachers before the run; parts with state start afresh."""
    preparation = Preparation(
        render=pipeline.render,
        seeds=pipeline.source.seeds,
        seed=pipeline.seed,
        base=str(pipeline.base),
        teachers=pipeline.teachers,
    )
    parts: list[tuple[str, Stage | Selector]] = [*pipeline.stages, *pipeline.selectors]
    for label, part in parts:
        try:
            part.prepare(preparation)
        except SynthgenError:
            raise
        except Exception as error:
            raise StageError(
                f"{label} raised {type(error).__name__}: {error} while it was prepared",
                hint="fix its prepare() and run the same command again",
            ) from error
