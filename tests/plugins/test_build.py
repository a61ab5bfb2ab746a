from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from synthgen.engine.contracts import FilterStage
from synthgen.errors import PluginError
from synthgen.plugins import Found, build


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


class Fragile:
    def __init__(self, limit: int = 1) -> None:
        raise ZeroDivisionError(f"limit {limit}")

    def __call__(self, record: Any) -> None: ...


class FragileModel(BaseModel):
    limit: int = 1

    def model_post_init(self, context: Any) -> None:
        raise LookupError(f"limit {self.limit}")

    def __call__(self, record: Any) -> None: ...


@pytest.mark.parametrize("part", [Fragile, FragileModel])
def test_a_part_whose_own_code_raises_while_it_is_made(part: Any) -> None:
    with pytest.raises(PluginError, match=r"'mine' could not be made: (ZeroDivision|Lookup)Error: limit 3"):
        build(Found("mine", "filter", part, "mine"), {"limit": 3}, Path())


def test_properties_are_not_looked_at() -> None:
    assert isinstance(build(Found("mine", "teacher", Costly, "mine"), {}, Path()).part, Costly)
