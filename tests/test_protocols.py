"""What a part has that does not derive from its kind's class, and what one has that does."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from engine_parts import Demonstrations, HashTeacher
from pydantic import BaseModel

from synthgen.engine.attempt import StageContext
from synthgen.engine.pipeline import Pipeline
from synthgen.protocols import MOST, Context, Filter, Selector, Source, Stage, Teacher, adapted, api_of, as_given
from synthgen.requests.metering import Price
from synthgen.requests.request import Choice, Completion, Request, Sampling


class Bare:
    """Has only what a teacher needs."""

    def __init__(self) -> None:
        self.model = "bare"
        self.sampling = None

    async def complete(self, request: Request) -> Completion:
        return Completion((Choice("x"),))


class Rich(Bare):
    """Has some of what a teacher may have."""

    metered = True
    kind = "of its own"

    def holds(self, key: str) -> bool:
        return key == self.model


class Settings(Teacher, BaseModel):
    """Makes settings of what a teacher may have."""

    free_settings: ClassVar[tuple[str, ...]] = ("price",)
    model: str = "m"
    sampling: Sampling | None = None
    price: Price | None = None
    path: str = "here"

    async def complete(self, request: Request) -> Completion:
        return Completion((Choice("x"),))


def test_what_an_object_lacks_is_its_kinds_default(tmp_path: Path) -> None:
    teacher: Teacher = adapted(Bare(), Teacher)
    teacher.keep_in(tmp_path, "teacher")
    teacher.drain()
    assert (teacher.metered, teacher.price, teacher.batch, teacher.at_once) == (False, None, False, MOST)
    assert (teacher.holds("key"), teacher.structured, teacher.free_settings) == (False, False, ())
    assert api_of(teacher) == "chat"


def test_what_it_has_is_its_own() -> None:
    rich = Rich()
    teacher: Any = adapted(rich, Teacher)
    assert (teacher.metered, teacher.holds("bare"), teacher.holds("key"), teacher.kind) == (
        True,
        True,
        False,
        "of its own",
    )
    teacher.model = "found when it was opened"
    assert rich.model == "found when it was opened"
    assert as_given(teacher) is rich
    with pytest.raises(AttributeError, match="no attribute 'prise'"):
        _ = teacher.prise


def test_what_derives_or_is_adapted_is_left_as_it_is() -> None:
    teacher, bare = HashTeacher(), adapted(Bare(), Teacher)
    assert adapted(teacher, Teacher) is teacher
    assert adapted(bare, Teacher) is bare
    assert as_given(teacher) is teacher


def test_settings_take_the_place_of_defaults() -> None:
    teacher = Settings(price=Price(input=1, output=2))
    assert teacher.price == Price(input=1, output=2)
    assert teacher.path == "here"
    assert teacher.free_settings == ("price",)
    assert set(Settings.model_fields) == {"model", "sampling", "price", "path"}


def test_parts_are_adapted_where_they_enter_a_pipeline() -> None:
    pipeline = Pipeline("p", Demonstrations(), (), {"teacher": Bare()})  # type: ignore[dict-item]
    assert not pipeline.teachers["teacher"].metered
    assert pipeline.source.facts() is None
    assert pipeline.source.files == ()
    pipeline.teachers = {"teacher": Rich()}  # type: ignore[dict-item]
    assert pipeline.teachers["teacher"].metered
    assert not pipeline.teachers["teacher"].batch


@pytest.mark.parametrize("kind", [Teacher, Source, Stage, Filter, Selector])
def test_a_part_without_what_it_needs_is_not_made(kind: type) -> None:
    with pytest.raises(TypeError, match="abstract"):
        type("Lacking", (kind,), {})()


def test_a_stage_sees_of_an_attempt_what_a_context_promises() -> None:
    promised = {name for name in (*vars(Context), *Context.__annotations__) if not name.startswith("_")}
    assert {name for name in dir(StageContext) if not name.startswith("_")} == promised
