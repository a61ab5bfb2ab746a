from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from synthgen import assets
from synthgen.cli import project
from synthgen.config import schema
from synthgen.config.document import parse_document, read_document
from synthgen.plugins import BUILTINS

SCHEMA = schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def problems(text: str) -> list[str]:
    return [error.json_path for error in VALIDATOR.iter_errors(parse_document(text, "c").data)]


def test_it_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert "prefixItems" not in json.dumps(SCHEMA)  # draft 7 does not know it


def test_every_reference_leads_somewhere() -> None:
    found: list[str] = []

    def look(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                found.append(value["$ref"])
                assert value["$ref"].startswith("#/")
                place: Any = SCHEMA
                for step in value["$ref"][2:].split("/"):
                    place = place[step]
            for below in value.values():
                look(below)
        elif isinstance(value, list):
            for below in value:
                look(below)

    look(SCHEMA)
    assert {f"#/definitions/{name}" for name in SCHEMA["definitions"]} <= set(found)


@pytest.mark.parametrize("name", [name for name in assets.names("recipes") if not name.startswith("loop")])
def test_shipped_recipes_are_valid(name: str) -> None:
    assert list(VALIDATOR.iter_errors(read_document(assets.find("recipes", name)).data)) == []


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("source: {use: seeds}\nstage: []", "$"),
        ("target: 3", "$"),
        ("source: {use: seeds}\ntarget: 0", "$.target"),
        ("source: {use: seeds}\nstages: [{use: length, min_word: 3}]", "$.stages[0]"),
        ("source: {use: seeds}\nstages: [{use: length, min_words: x}]", "$.stages[0].min_words"),
        ("source: {use: seeds}\nstages: [{min_words: 3}]", "$.stages[0]"),
        ("source: {use: seeds}\nstages: [{use: blocklist}]", "$.stages[0]"),
        ("source: {use: seeds, humans: 3}", "$.source"),
        ("source: {use: seeds}\nteacher: {use: procedural, flaws: 2}", "$.teacher.flaws"),
        ("source: {use: seeds}\nteachers: {judge: {use: procedural, flaws: 2}}", "$.teachers.judge.flaws"),
        ("source: {use: seeds}\nstages: [{use: generate, prompt: p, sampling: {temp: 1}}]", "$.stages[0].sampling"),
        ("source: {use: seeds}\nexport: [alpacca]", "$.export[0]"),
    ],
)
def test_what_a_config_may_not_hold_the_schema_refuses(text: str, path: str) -> None:
    assert path in problems(text)


@pytest.mark.parametrize(
    "text",
    [
        "extends: alpaca\ntarget: 5\nteacher: {flaws: 0}",
        "extends: alpaca\ntarget: null\nsource: {where: null}\nstop:\nexport:\nteacher: {sampling: null}",
        "extends: alpaca\nstages: {length: {min_words: 6}, urls: null}\nselectors: null",
        "source: {use: seeds}\nstages: [{use: generate, prompt: p, sampling: {temperature: null}, count: null}]",
        "source: {use: seeds}\nstages: [{use: './filters.py:f', anything: [1]}, {use: length, min_words: 3, name: n}]",
        "source: {use: ./mine.py:Source}\nteacher: {use: package.module:Teacher, key: value}",
    ],
)
def test_parts_that_are_not_built_in_may_have_any_settings(text: str) -> None:
    assert problems(text) == []


def test_every_built_in_part_is_offered_with_its_description() -> None:
    offered = SCHEMA["properties"]["stages"]["items"]["properties"]["use"]["anyOf"]
    names = {choice["const"]: choice["description"] for choice in offered if choice}
    assert names.keys() == BUILTINS["stage"].keys() | BUILTINS["filter"].keys()
    assert all(names.values())


def test_the_template_of_init_is_valid() -> None:
    path = Path(project.__path__[0]) / "config.yaml"
    assert list(VALIDATOR.iter_errors(read_document(path).data)) == []


def test_recipes_of_trainings_and_loops_have_schemas_too() -> None:
    from synthgen.config.schema import loop_schema, training_schema
    from synthgen.loop.recipe import LoopConfig

    training = jsonschema.Draft7Validator(training_schema())
    loop = jsonschema.Draft7Validator(loop_schema(LoopConfig))
    for made in (training.schema, loop.schema):
        jsonschema.Draft7Validator.check_schema(made)
    for good in ("{train: {model: m, data: d, max_steps: null}}", "{model: m, data: [d, {path: e}]}"):
        assert list(training.iter_errors(parse_document(good, "c").data)) == []
    for bad in (
        "{train: {modl: m}}",
        "{train: {model: m}, seed: 3}",
        "{model: m, data: d, epoch: 3}",
        "{method: lora}",
    ):
        assert list(training.iter_errors(parse_document(bad, "c").data))
    for name in assets.names("recipes"):
        if name.startswith("loop"):
            assert list(loop.iter_errors(read_document(assets.find("recipes", name)).data)) == []
    assert list(loop.iter_errors({"generate": {"stagez": []}}))
