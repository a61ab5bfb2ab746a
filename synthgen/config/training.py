"""The `train:` section of a config: checked key by key, and listed for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from synthgen.config.document import Document, Key
from synthgen.config.problems import problems
from synthgen.errors import ConfigError
from synthgen.plugins.nulls import validated
from synthgen.trainers.bundled import section_model

SECTION = "train"
OWN = "run"
"""What the section calls the run's own dataset, which is also the default of `train.data`."""


def checked_section(
    section: Mapping[str, Any], document: Document, at: Key = (SECTION,), *, own: bool = True
) -> tuple[dict[str, Any], list[ConfigError]]:
    """The section, which stands at this key, without nulls that say nothing, and what is wrong, each with its place.

    With `own` there is a run, whose dataset is the default of `data`.
    """
    given = {key: value for key, value in section.items() if key != "data" or value is not None}
    if own:
        given = {"data": OWN, **given}
    try:
        _, values = validated(section_model(), given, document.taken_back(*at))
    except ValidationError as error:
        return dict(section), problems(error, document, at, section_model())
    return {key: value for key, value in values.items() if key in section}, []


def sources_of(section: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The section's data, one mapping a source; the run's own dataset where it names none."""
    data = section.get("data", OWN)
    named = data if isinstance(data, list) else [data]
    return [dict(source) if isinstance(source, dict) else {"path": str(source)} for source in named]


_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "keys and values",
}


def setting_lines() -> Iterator[str]:
    """All settings of the section: a line with the type and the default of each, and one with what it is for."""
    schema = section_model().model_json_schema(ref_template="{model}")
    yield from _lines(schema, schema["$defs"], "")


def _lines(model: Mapping[str, Any], models: Mapping[str, Any], before: str) -> Iterator[str]:
    for name, field in model["properties"].items():
        inner = [models[ref] for ref in dict.fromkeys(_refs(field))]
        if "discriminator" in field:
            tag = field["discriminator"]["propertyName"]
            names = " | ".join(choice["properties"][tag]["const"] for choice in inner)
            yield _line(f"{before}{name}.{tag}", names, {**field, "default": field["default"][tag]})
            for choice in inner:
                rest = {key: value for key, value in choice["properties"].items() if key != tag}
                yield f"  {before}{name}: {{{tag}: {choice['properties'][tag]['const']}}}\n      {_first(choice)}"
                yield from _lines({"properties": rest}, models, f"{before}{name}.")
            continue
        if not inner or "$ref" not in field or "description" in field:
            yield _line(f"{before}{name}", _type(field), field, required=name in model.get("required", ()))
        number = "N." if '"array"' in json.dumps(field) else ""
        for below in inner:
            yield from _lines(below, models, f"{before}{name}.{number}")


def _line(key: str, kind: str, field: Mapping[str, Any], *, required: bool = False) -> str:
    default = field.get("default")
    plain = default not in (None, "") and not isinstance(default, dict)
    told = "required" if required else f"default {default if isinstance(default, str) else json.dumps(default)}"
    aside = f" ({told})" if required or plain else ""
    return f"  {key}: {kind}{aside}\n      {field['description']}"


def _first(model: Mapping[str, Any]) -> str:
    """The first paragraph of a model's docstring, on one line."""
    return " ".join(str(model.get("description", "")).partition("\n\n")[0].split())


def _refs(value: Any) -> Iterator[str]:
    """The models that a field may hold."""
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for key, below in value.items():
            if key != "discriminator":
                yield from _refs(below)
    elif isinstance(value, list):
        for below in value:
            yield from _refs(below)


def _type(field: Mapping[str, Any]) -> str:
    """What a field takes, in words."""
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if "$ref" in field:
        return _TYPES["object"]
    if "anyOf" in field:
        kinds = [_type(choice) for choice in field["anyOf"] if choice.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if field.get("type") == "array":
        return "list"
    return _TYPES[field["type"]]
