"""A part of a pipeline from what `use:` found and the settings beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from synthgen.errors import PluginError, SynthgenError
from synthgen.plugins.find import Found
from synthgen.plugins.kinds import check_instance
from synthgen.plugins.nulls import Path as Keys
from synthgen.plugins.settings import make
from synthgen.stages.filter import FilterStage


@dataclass(frozen=True, slots=True)
class Built:
    """A part, and all its settings as plain values, defaults included."""

    part: Any
    settings: dict[str, Any]


def build(found: Found, settings: Mapping[str, Any], base: Path, taken_back: Iterable[Keys] = ()) -> Built:
    """The part, ready for a pipeline: a filter as the stage that applies it.

    At the keys `taken_back` a null took an inherited setting back.

    Raises:
        pydantic.ValidationError: a setting is wrong, unknown or missing.
        PluginError: the part could not be made, or lacks what its kind needs.
    """
    try:
        part, plain = make(found.part, settings, base, taken_back)
    except (ValidationError, SynthgenError):
        raise
    except Exception as error:
        raise PluginError(
            f"{found.use!r} could not be made: {type(error).__name__}: {error}",
            hint="`--debug` shows where it was raised",
        ) from error
    check_instance(found.use, found.kind, part)
    return Built(FilterStage(part) if found.kind == "filter" else part, plain)
