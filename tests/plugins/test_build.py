from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synthgen.errors import PluginError
from synthgen.plugins import Found, build
from synthgen.stages.filter import FilterStage


class Forgetful:
    async def run(self, records: list[Any], ctx: Any) -> list[Any]:
        return records


class Costly:
    """A teacher whose model is looked up when it is first wanted."""

    sampling = None

    @property
    def model(self) -> str:
        raise AssertionError("the model is looked at while the config is read")

    async def complete(self, request: Any) -> Any: ...


def keep(record: Any) -> None: ...


def test_a_filter_is_built_as_the_stage_that_applies_it() -> None:
    built = build(Found("keep", "filter", keep, "keep"), {}, Path())
    assert isinstance(built.part, FilterStage)


def test_a_part_that_lacks_what_its_kind_needs() -> None:
    with pytest.raises(PluginError, match="'mine' is a stage without `ordered`"):
        build(Found("mine", "stage", Forgetful, "mine"), {}, Path())


def test_properties_are_not_looked_at() -> None:
    assert isinstance(build(Found("mine", "teacher", Costly, "mine"), {}, Path()).part, Costly)
