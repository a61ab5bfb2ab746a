"""Whoever breaks a contract is named, with what it gave and what was expected; nobody else is blamed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from synthgen.api import run_recipe
from synthgen.config import load
from synthgen.errors import PluginError, SynthgenError

TEACHER = """
from synthgen import Choice, Completion, Sampling, Usage

class Broken:
    model = "m"
    sampling = None
    async def complete(self, request):
        {body}
"""
CONFIG = """\
name: mine
target: 2
teacher: {use: ./parts.py:Broken}
source: {use: seeds, human: 1, machine: 0}
stages:
  - use: generate
    prompt: alpaca/tasks
"""


def fails(folder: Path, config: str, parts: str) -> str:
    (folder / "parts.py").write_text(parts)
    (folder / "config.yaml").write_text(config)
    (folder / "rows.jsonl").write_text('{"instruction": "Name a sea.", "output": "The Baltic."}\n')
    with pytest.raises(SynthgenError) as caught:
        asyncio.run(asyncio.wait_for(run_recipe(load(folder / "config.yaml"), out=folder / "run"), 60))
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('return "a text"', "complete() returned the text 'a text', expected a Completion"),
        ("return None", "complete() returned None, expected a Completion"),
        ('return {"choices": []}', "complete() returned a dict, expected"),
        ('return Completion("text")', "returned a Completion with the text 'text' as a choice"),
        ('return Completion(("text",))', "returned a Completion with the text 'text' as a choice"),
        ("return Completion((Choice('x'),), None)", "returned a Completion with None as its usage"),
        ("raise ValueError('no tokens left')", "complete() raised ValueError: no tokens left"),
        ("return request.prompt", "complete() raised AttributeError: 'Request' object has no attribute 'prompt'"),
    ],
)
def test_a_teacher_that_breaks_its_word_is_named(tmp_path: Path, body: str, words: str) -> None:
    said = fails(tmp_path, CONFIG, TEACHER.format(body=body))
    assert said.startswith("teacher teacher (Broken): ")
    assert words in said
    assert "stage" not in said


def test_a_list_of_choices_will_do(tmp_path: Path) -> None:
    (tmp_path / "parts.py").write_text(TEACHER.format(body="return Completion([Choice('x')], Usage(1, 1))"))
    config = CONFIG.replace("use: generate\n    prompt: alpaca/tasks", "use: respond")
    (tmp_path / "config.yaml").write_text(
        config.replace("use: seeds, human: 1, machine: 0", "use: dataset, path: r.jsonl")
    )
    (tmp_path / "r.jsonl").write_text('{"instruction": "Name a sea."}\n')
    report = asyncio.run(run_recipe(load(tmp_path / "config.yaml"), out=tmp_path / "run"))
    assert report.accepted == 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("    sampling = {'temperature': 1}", "teacher teacher (Broken) has a dict as its sampling"),
        ("    model = None", "teacher teacher (Broken) has None as its model"),
        ("    async def open(self): raise OSError('no such device')", "open() raised OSError: no such device"),
        ("    def open(self): pass", "open() is not async"),
    ],
)
def test_a_teacher_that_cannot_be_opened_is_named(tmp_path: Path, more: str, words: str) -> None:
    assert words in fails(tmp_path, CONFIG, TEACHER.format(body="return None") + more + "\n")


STAGE = """\
name: mine
source: {use: dataset, path: rows.jsonl}
stages: [{use: "./parts.py:Broken"}]
"""
SOURCE = "name: mine\nsource: {use: './parts.py:Broken'}\n"
SELECTOR = "name: mine\nsource: {use: dataset, path: rows.jsonl}\nselectors: [{use: './parts.py:Broken'}]\n"
FILTER = STAGE.replace("Broken", "broken")
HEADS = {
    "stage": (STAGE, "class Broken:\n    ordered = False\n    async def run(self, records, ctx):\n        {}\n"),
    "source": (
        SOURCE,
        "from synthgen import Draw\nclass Broken:\n    reads_pool = False\n    seeds = ()\n"
        "    def draw(self, attempt, view, rng):\n        {}\n",
    ),
    "selector": (SELECTOR, "class Broken:\n    def select(self, records, rng):\n        {}\n"),
    "filter": (FILTER, "import asyncio\ndef broken(record):\n    {}\n"),
}


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        (
            "stage",
            "pass",
            "stage Broken, attempt 0: run() returned None, expected a list of records\n  → is a `return`",
        ),
        ("stage", "return 'x'", "run() returned the text 'x', expected a list of records"),
        ("stage", "return [{'instruction': 'x'}]", "returned a list that holds a dict, expected records"),
        ("stage", "return [None]", "returned a list that holds None"),
        ("stage", "return []", "stage Broken, attempt 0: "),
        ("stage", "raise KeyError('x')", "stage Broken, attempt 0: run() raised KeyError: 'x'"),
        ("source", "return [1]", "source (Broken): draw() returned a list, expected a Draw"),
        ("source", "return Draw(records=({'instruction': 'x'},))", "draw() returned a list that holds a dict"),
        ("source", "return Draw(demonstrations='x')", "draw() returned the text 'x', expected a list of records"),
        ("source", "raise OSError('gone')", "source (Broken): draw() raised OSError: gone"),
        ("selector", "pass", "selector Broken: select() returned None, expected a list of records"),
        ("selector", "return {}", "selector Broken: select() returned a dict"),
        ("selector", "return [r.id for r in records]", "selector Broken: select() returned a list that holds the text"),
        ("selector", "return records[:0]", "selector Broken gave back 0 of 1 records"),
        ("selector", "1 / 0", "selector Broken: select() raised ZeroDivisionError"),
        ("filter", "return True", "stage broken, attempt 0: the filter returned bool 'True' for record"),
        ("filter", "return 'Too Long!'", "the filter gave the reason 'Too Long!'"),
        ("filter", "return 3", "the filter returned int '3'"),
        ("filter", "return asyncio.sleep(0)", "it is async: a filter is a plain `def`"),
        ("filter", "return recrd.text", "the filter raised NameError"),
    ],
)
def test_every_kind_that_breaks_its_word_is_named(tmp_path: Path, kind: str, body: str, words: str) -> None:
    config, parts = HEADS[kind]
    assert words in fails(tmp_path, config, parts.format(body))


@pytest.mark.parametrize(
    ("config", "parts", "words"),
    [
        (STAGE, HEADS["stage"][1].replace("async def", "def"), "a stage whose `run` is not async"),
        (SOURCE, HEADS["source"][1].replace("def draw", "async def draw"), "a source whose `draw` is async"),
        (
            SELECTOR,
            HEADS["selector"][1].replace("def select", "async def select"),
            "a selector whose `select` is async",
        ),
        (CONFIG, TEACHER.replace("async def", "def"), "a teacher whose `complete` is not async"),
        (
            STAGE,
            HEADS["stage"][1].replace(", ctx", ""),
            r"whose `run(self, records)` does not take what it is called with",
        ),
        (CONFIG, TEACHER.replace("(self, request)", "()"), "whose `complete()` does not take"),
        (SOURCE, HEADS["source"][1].replace(", view, rng", ""), "whose `draw(self, attempt)` does not take"),
        (SELECTOR, HEADS["selector"][1].replace("records, rng", "records, rng, k"), "missing a required argument: 'k'"),
        (FILTER, HEADS["filter"][1].replace("def broken(record)", "def broken()"), "broken takes no record"),
        (FILTER, HEADS["filter"][1].replace("def broken", "async def broken"), "is an async filter"),
    ],
)
def test_a_wrong_signature_is_found_before_anything_runs(tmp_path: Path, config: str, parts: str, words: str) -> None:
    (tmp_path / "parts.py").write_text(parts.format("pass", body="pass"))
    (tmp_path / "config.yaml").write_text(config)
    (tmp_path / "rows.jsonl").write_text('{"instruction": "Name a sea."}\n')
    with pytest.raises(PluginError) as caught:
        load(tmp_path / "config.yaml")
    assert words in str(caught.value)


class Sync:
    """A teacher as one writes it without the YAML, which nobody has looked at."""

    model = "m"
    sampling = None

    def complete(self, request: Any) -> Any:
        return "text"


def test_a_pipeline_made_by_hand_is_held_to_the_same(tmp_path: Path) -> None:
    recipe = load("quickstart", ["target=2"])
    recipe.pipeline.teachers = {"teacher": Sync()}  # type: ignore[dict-item]
    with pytest.raises(
        SynthgenError, match=r"teacher teacher \(Sync\): complete\(\) is not async: it returned the text"
    ):
        asyncio.run(run_recipe(recipe, out=tmp_path / "run"))
