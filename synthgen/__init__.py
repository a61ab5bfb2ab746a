"""synthgen: from a few seed tasks and a teacher to a curated, traceable instruction dataset.

The names below are the public interface, with those of `synthgen.similarity` and `synthgen.families`; each is imported
when it is first used. Everything else is internal: it moves and changes without notice.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthgen.api.dedup import dedup as dedup
    from synthgen.api.event_loop import run_async as run_async
    from synthgen.api.plan import Plan as Plan
    from synthgen.api.plan import plan as plan
    from synthgen.api.recipes import arun as arun
    from synthgen.api.recipes import run as run
    from synthgen.api.recipes import run_recipe as run_recipe
    from synthgen.api.run import export as export
    from synthgen.config import Recipe as Recipe
    from synthgen.config import load as load
    from synthgen.engine.budget import Budget as Budget
    from synthgen.engine.pipeline import Pipeline as Pipeline
    from synthgen.engine.pipeline import Progress as Progress
    from synthgen.errors import BudgetReached as BudgetReached
    from synthgen.errors import ConfigError as ConfigError
    from synthgen.errors import Interrupted as Interrupted
    from synthgen.errors import PluginError as PluginError
    from synthgen.errors import PromptError as PromptError
    from synthgen.errors import RunLocked as RunLocked
    from synthgen.errors import SeedError as SeedError
    from synthgen.errors import StageError as StageError
    from synthgen.errors import Stopped as Stopped
    from synthgen.errors import StoreError as StoreError
    from synthgen.errors import SynthgenError as SynthgenError
    from synthgen.errors import TeacherError as TeacherError
    from synthgen.forms.reply_problems import why_unusable as why_unusable
    from synthgen.prompting.stage import Prompted as Prompted
    from synthgen.protocols import Context as Context
    from synthgen.protocols import Draw as Draw
    from synthgen.protocols import Filter as Filter
    from synthgen.protocols import PoolView as PoolView
    from synthgen.protocols import Preparation as Preparation
    from synthgen.protocols import Selector as Selector
    from synthgen.protocols import Source as Source
    from synthgen.protocols import Stage as Stage
    from synthgen.protocols import Teacher as Teacher
    from synthgen.records import Answer as Answer
    from synthgen.records import Drop as Drop
    from synthgen.records import Message as Message
    from synthgen.records import Provenance as Provenance
    from synthgen.records import Record as Record
    from synthgen.records import from_alpaca as from_alpaca
    from synthgen.records import from_messages as from_messages
    from synthgen.records import to_alpaca as to_alpaca
    from synthgen.records import to_messages as to_messages
    from synthgen.records import to_prompt_completion as to_prompt_completion
    from synthgen.report import stats as stats
    from synthgen.report.explanation import Explanation as Explanation
    from synthgen.report.explanation import explain as explain
    from synthgen.requests.metering import current_meter as current_meter
    from synthgen.requests.request import Choice as Choice
    from synthgen.requests.request import Completion as Completion
    from synthgen.requests.request import Request as Request
    from synthgen.requests.request import Sampling as Sampling
    from synthgen.requests.request import Usage as Usage
    from synthgen.store import RunFolder as RunFolder
    from synthgen.store import RunReport as RunReport
    from synthgen.store import verify as verify

    __version__: str

_NAMES = {
    "api.recipes": "arun run run_recipe",
    "api.dedup": "dedup",
    "api.event_loop": "run_async",
    "api.run": "export",
    "api.plan": "Plan plan",
    "config": "Recipe load",
    "engine.budget": "Budget",
    "engine.pipeline": "Pipeline Progress",
    "errors": "BudgetReached ConfigError Interrupted PluginError PromptError RunLocked SeedError StageError"
    " Stopped StoreError SynthgenError TeacherError",
    "forms.reply_problems": "why_unusable",
    "prompting.stage": "Prompted",
    "protocols": "Context Draw Filter PoolView Preparation Selector Source Stage Teacher",
    "records": "Answer Drop Message Provenance Record from_alpaca from_messages to_alpaca to_messages"
    " to_prompt_completion",
    "report.explanation": "Explanation explain",
    "report": "stats",
    "requests.metering": "current_meter",
    "requests.request": "Choice Completion Request Sampling Usage",
    "store": "RunFolder RunReport verify",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = ["__version__", *sorted(_MODULES)]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("synthgen")
    if name not in _MODULES:
        raise AttributeError(f"module 'synthgen' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"synthgen.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
