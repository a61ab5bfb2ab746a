from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError, ValidationInfo, model_validator

from synthgen.errors import PluginError
from synthgen.plugins import setting_names, settings_model
from synthgen.plugins.settings import make
from synthgen.records import Record

BASE = Path("/somewhere")
RECORD = Record(instruction="say hello")


def limited(record: Record, *, limit: int = 2, words: tuple[str, ...] = (), copy: bool = False) -> str | None:
    return f"limit_{limit + 0}_{len(words)}_{copy}"


def needing(record: Record, *, limit: int) -> str | None:
    return f"limit_{limit}"


def untyped(record, limit=2):  # type: ignore[no-untyped-def]
    return f"limit_{limit}"


class Plain:
    def __init__(self, limit: int = 1) -> None:
        if limit < 0:
            raise ValueError("a limit is not negative")
        self.limit = limit

    def __call__(self, record: Record) -> str | None:
        return f"limit_{self.limit}"


class Loose(BaseModel):
    """Says nothing of unknown keys."""

    limit: int = Field(1, alias="most")

    def __call__(self, record: Record) -> str | None:
        return f"limit_{self.limit}"


class Based(BaseModel):
    path: str

    @model_validator(mode="after")
    def _look(self, info: ValidationInfo) -> Based:
        self.path = str(info.context["base"] / self.path)
        return self


@pytest.mark.parametrize(
    ("part", "settings", "reason"),
    [
        (limited, {}, "limit_2_0_False"),
        (limited, {"limit": 5, "words": ["a", "b"], "copy": True}, "limit_5_2_True"),
        (needing, {"limit": 3}, "limit_3"),
        (untyped, {"limit": "x"}, "limit_x"),
        (Plain, {"limit": 4}, "limit_4"),
        (Loose, {"most": 4}, "limit_4"),
        (partial(limited, limit=7), {}, "limit_7_0_False"),
        (Plain(9), {}, "limit_9"),
    ],
)
def test_settings_reach_the_part(part: Any, settings: dict[str, Any], reason: str) -> None:
    made, _ = make(part, settings, BASE)
    assert made(RECORD) == reason


@pytest.mark.parametrize(
    ("part", "settings", "kind", "place"),
    [
        (limited, {"limit": "many"}, "int_parsing", ("limit",)),
        (limited, {"limt": 3}, "extra_forbidden", ("limt",)),
        (limited, {"words": "one"}, "tuple_type", ("words",)),
        (needing, {}, "missing", ("limit",)),
        (Plain, {"limit": []}, "int_type", ("limit",)),
        (Plain, {"other": 1}, "extra_forbidden", ("other",)),
        (Loose, {"mots": 1}, "extra_forbidden", ("mots",)),
    ],
)
def test_wrong_settings_are_validation_errors(
    part: Any, settings: dict[str, Any], kind: str, place: tuple[str]
) -> None:
    with pytest.raises(ValidationError) as caught:
        make(part, settings, BASE)
    assert [(error["type"], error["loc"]) for error in caught.value.errors()] == [(kind, place)]


def test_pydantic_parts_see_the_folder_of_the_config() -> None:
    made, plain = make(Based, {"path": "rows.jsonl"}, BASE)
    assert made.path == "/somewhere/rows.jsonl"
    assert plain == {"path": "/somewhere/rows.jsonl"}


def test_all_settings_come_back_as_plain_values() -> None:
    assert make(limited, {"limit": 5}, BASE)[1] == {"limit": 5, "words": [], "copy": False}
    assert make(Loose, {}, BASE)[1] == {"most": 1}


def test_names_are_those_of_the_yaml() -> None:
    assert setting_names(settings_model(limited)) == ["limit", "words", "copy"]
    assert setting_names(settings_model(Loose)) == ["most"]


def no_record() -> None: ...


def any_settings(record: Record, **settings: Any) -> None: ...


def unreadable(record: Record, *, limit: NoSuchType = 3) -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (no_record, "no_record takes no record"),
        (any_settings, r"any_settings has the parameter \*\*settings"),
        (unreadable, "the signature of unreadable cannot be read: name 'NoSuchType' is not defined"),
    ],
)
def test_a_signature_that_holds_no_settings(part: Any, words: str) -> None:
    with pytest.raises(PluginError, match=words):
        settings_model(part)
