from __future__ import annotations

from pathlib import Path

import pytest

from synthgen.api.plan import ATTEMPTS, first_request, walk
from synthgen.config import Recipe, load
from synthgen.errors import ConfigError, StageError

CONFIG = """\
teacher: {use: openai, model: far, base_url: "http://127.0.0.1:9/v1", price: {input: 1, output: 1}}
source: {use: seeds, human: 3, machine: 2}
stages:
  - {use: generate, prompt: alpaca/tasks, count: 5, sampling: {max_tokens: 2000}}
  - {use: near_duplicate}
"""


def recipe(tmp_path: Path, *overrides: str) -> Recipe:
    (tmp_path / "c.yaml").write_text(CONFIG)
    return load(tmp_path / "c.yaml", overrides)


def test_the_first_request_is_the_runs_own_and_is_not_sent(tmp_path: Path) -> None:
    found = first_request(recipe(tmp_path).pipeline)
    assert found is not None
    name, request = found
    assert (name, request.model, request.sampling.max_tokens, request.sample) == ("teacher", "far", 2000, 0)
    assert first_request(recipe(tmp_path).pipeline) == found


def test_a_run_that_asks_nothing(tmp_path: Path) -> None:
    assert first_request(recipe(tmp_path, "stages=[{use: empty}]").pipeline) is None


def test_numbers_come_from_a_few_attempts_of_programs(tmp_path: Path) -> None:
    pipeline = recipe(tmp_path).pipeline
    numbers = walk(pipeline)
    assert numbers is not None
    asked = numbers.asked["teacher"]
    assert (numbers.attempts, asked.requests, asked.most) == (ATTEMPTS, ATTEMPTS, 2000 * ATTEMPTS)
    assert asked.prompt_tokens > 100 * ATTEMPTS
    assert walk(pipeline) == numbers


STAGE = """\
from typing import ClassVar
from pydantic import BaseModel

class Picky(BaseModel):
    ordered: ClassVar[bool] = False

    async def run(self, records, ctx):
        reply = await ctx.ask("Answer with the word yes.")
        if reply.text != "yes":
            raise ValueError(reply.text)
        return records
"""


def test_a_stage_that_programs_cannot_serve_has_no_numbers(tmp_path: Path) -> None:
    (tmp_path / "stages.py").write_text(STAGE)
    pipeline = recipe(tmp_path, "stages=[{use: ./stages.py:Picky}]").pipeline
    assert first_request(pipeline) is not None
    assert walk(pipeline) is None


def test_a_filter_without_the_settings_it_needs_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    pipeline = recipe(tmp_path, "stages=[{use: generate, prompt: alpaca/tasks}, {use: length}]").pipeline
    with pytest.raises(ConfigError, match="the filter length has no bound"):
        walk(pipeline)


def test_a_filter_that_raises_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text("def f(record):\n    return record.nothing")
    (tmp_path / "rows.jsonl").write_text('{"instruction": "a", "output": "b"}\n')
    source = ("source={use: dataset, path: rows.jsonl}", "stages=[{use: ./f.py:f}]")
    with pytest.raises(StageError, match="stage f, attempt 0"):
        first_request(recipe(tmp_path, *source).pipeline)
