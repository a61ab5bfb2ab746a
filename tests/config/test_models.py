from __future__ import annotations

import pytest
from pydantic import ValidationError

from synthgen.config.models import Budget, Config, Entry
from synthgen.engine.budget import Budget as EngineBudget
from synthgen.engine.pipeline import Pipeline

SOURCE = {"use": "seeds"}


def test_the_defaults_are_those_of_the_pipeline() -> None:
    config = Config(name="x", source=Entry(use="seeds"))
    pipeline = Pipeline(name="x", source=None, stages=[], teachers={})  # type: ignore[arg-type]
    assert (config.concurrency, pipeline.concurrency) == ("auto", None)
    assert config.stop.barren_attempts == pipeline.barren_attempts
    assert config.stop.attempts is pipeline.max_attempts is None
    assert EngineBudget(**config.budget.model_dump()) == pipeline.budget


def test_two_million_may_be_written_short() -> None:
    assert Budget.model_validate({"tokens": 2e6}).tokens == 2_000_000
    with pytest.raises(ValidationError):
        Budget.model_validate({"tokens": 2.5})


def test_settings_are_all_keys_but_use() -> None:
    assert Entry.model_validate({"use": "x", "a": 1, "name": "y"}).settings == {"a": 1, "name": "y"}


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "../x", "a b", "-x"])
def test_a_name_is_one_folder(name: str) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"name": name, "source": SOURCE})
