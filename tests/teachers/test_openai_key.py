"""What makes a run ask anew, and what does not: each setting turned alone, over a whole run that reuses another's."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from openai_parts import OpenAIServer, Plan

from synthgen.api import run_recipe
from synthgen.config import load
from synthgen.store import RunReport

TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}
ROWS = [{"instruction": f"Say what {n} means.", "input": "", "system": "Be brief."} for n in range(4)]
RECIPE: dict[str, Any] = {
    "name": "key",
    "teacher": {"use": "openai", "model": "test-model", "sampling": {"max_tokens": 60}},
    "source": {"use": "dataset", "path": "tasks.jsonl", "chunk": 2},
    "stages": [{"use": "respond"}],
}
Rows = list[dict[str, Any]]
Change = Callable[[dict[str, Any], Rows], Any]


def sampled(**fields: Any) -> Change:
    return lambda recipe, rows: recipe["teacher"]["sampling"].update(fields)


def taught(**fields: Any) -> Change:
    return lambda recipe, rows: recipe["teacher"].update(fields)


def staged(**fields: Any) -> Change:
    return lambda recipe, rows: recipe["stages"][0].update(fields)


def first_row(**fields: Any) -> Change:
    return lambda recipe, rows: rows[0].update(fields)


CHANGES: dict[str, tuple[int, Change]] = {
    "system prompt": (1, first_row(system="Be exact.")),
    "a user message": (1, first_row(instruction="Say what 0 means ")),
    "an input": (1, first_row(input="0")),
    "model": (4, taught(model="other-model")),
    "api responses": (4, taught(api="responses")),
    "api completions": (4, taught(api="completions")),
    "api of the stage": (4, staged(api="completions")),
    "temperature": (4, sampled(temperature=0.5)),
    "top_p": (4, sampled(top_p=0.5)),
    "max_tokens": (4, sampled(max_tokens=61)),
    "presence_penalty": (4, sampled(presence_penalty=0.5)),
    "frequency_penalty": (4, sampled(frequency_penalty=0.5)),
    "stop": (4, sampled(stop=["END"])),
    "seed": (4, sampled(seed=1)),
    "n": (4, sampled(n=2)),
    "logprobs": (4, sampled(logprobs=True)),
    "top_logprobs": (4, sampled(top_logprobs=2)),
    "logit_bias": (4, sampled(logit_bias={"5": -1})),
    "extra": (4, sampled(extra={"top_k": 5})),
    "sampling of the stage": (4, staged(sampling={"temperature": 0.5})),
    "tools": (1, first_row(tools=[TOOL])),
    "form and schema": (4, staged(reasoning=True)),
    "a further row": (1, lambda recipe, rows: rows.append({"instruction": "One more.", "system": "Be brief."})),
}
SAME: dict[str, Change] = {
    "nothing": lambda recipe, rows: None,
    "name": lambda recipe, rows: recipe.update(name="other"),
    "key": taught(api_key_env="OTHER_KEY"),
    "time-out": taught(timeout_s=7),
    "give_up_after_s": taught(give_up_after_s=7),
    "limits": taught(max_concurrency=3, rpm=5000, tpm=5_000_000, max_reply_mb=3),
    "price": taught(price={"input": 1, "output": 2}),
    "headers": taught(headers={"X-Team": "data"}),
    "organization and project": taught(organization="o", project="p"),
    "concurrency": lambda recipe, rows: recipe.update(concurrency=3),
    "budget": lambda recipe, rows: recipe.update(budget={"requests": 1000}),
    "a file's name": lambda recipe, rows: recipe["source"].update(path="renamed.jsonl"),
    "chunk": lambda recipe, rows: recipe["source"].update(chunk=1),
    "order of the rows": lambda recipe, rows: rows.reverse(),
    "a further filter": lambda recipe, rows: recipe["stages"].append({"use": "empty", "output_required": True}),
}


def run(folder: Path, url: str, change: Change, reuse: Path | None = None) -> RunReport:
    recipe, rows = copy.deepcopy(RECIPE), copy.deepcopy(ROWS)
    recipe["teacher"]["base_url"] = url
    change(recipe, rows)
    folder.mkdir()
    (folder / recipe["source"]["path"]).write_text("\n".join(json.dumps(row) for row in rows))
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return asyncio.run(run_recipe(load(folder / "recipe.yaml"), out=folder / "run", reuse=reuse))


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run to reuse."""
    folder = tmp_path_factory.mktemp("key") / "first"

    async def serve() -> None:
        async with OpenAIServer() as server:
            await asyncio.to_thread(run, folder, server.url, lambda recipe, rows: None)

    asyncio.run(serve())
    return folder


def asked_again(folder: Path, first: Path, change: Change) -> int:
    """How many requests a run with the change sends, at a server of another URL, with the first run's replies there."""

    async def serve() -> int:
        async with OpenAIServer(Plan(models=("test-model", "other-model"))) as server:
            report = await asyncio.to_thread(run, folder / "next", server.url, change, first / "run")
            assert report.requests.bought == server.requests
            return server.requests

    return asyncio.run(serve())


@pytest.mark.parametrize("name", CHANGES)
def test_what_changes_a_reply_is_asked_anew(tmp_path: Path, first: Path, name: str) -> None:
    requests, change = CHANGES[name]
    assert asked_again(tmp_path, first, change) == requests


@pytest.mark.parametrize("name", SAME)
def test_what_changes_no_reply_is_not(tmp_path: Path, first: Path, name: str) -> None:
    assert asked_again(tmp_path, first, SAME[name]) == 0


def test_every_setting_of_the_teacher_is_turned_above() -> None:
    from synthgen.requests.request import Sampling
    from synthgen.teachers.openai import OpenAI

    elsewhere = {"base_url", "structured", "batch", "azure_api_version", "azure_deployment"}
    turned = {"model", "api", "sampling", "api_key_env", "timeout_s", "give_up_after_s", "price", "headers"}
    turned |= {"max_concurrency", "rpm", "tpm", "max_reply_mb", "organization", "project"}
    assert set(OpenAI.model_fields) == turned | elsewhere
    assert set(Sampling.model_fields) - {"retry_max_tokens"} <= set(CHANGES)  # which is not sent itself
