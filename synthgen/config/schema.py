"""The JSON Schema of a config, for editors: every key, and the settings of every built-in part."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from synthgen.config.models import Config, LabelledEntry
from synthgen.plugins import BUILTINS, Finder, Kind, known, settings_model
from synthgen.trainers.bundled import section_model

DRAFT = "http://json-schema.org/draft-07/schema#"
"""The draft that editors' YAML support reads."""

_NULL = {"type": "null"}

_PLACES: dict[str, tuple[Kind, ...]] = {
    "source": ("source",),
    "teacher": ("teacher",),
    "stages": ("stage", "filter"),
    "selectors": ("selector",),
    "export": ("export",),
}


def schema() -> dict[str, Any]:
    """The schema (draft 7). A `use` that names no built-in part may have any settings."""
    finder = Finder(Path())
    placed = [kind for kinds in _PLACES.values() for kind in kinds]
    parts = {(kind, use): finder.find(use, (kind,)).part for kind in placed for use in BUILTINS[kind]}
    models = {key: settings_model(part, key[0]) for key, part in parts.items()}
    wanted: list[type[BaseModel]] = list(dict.fromkeys([Config, LabelledEntry, section_model(), *models.values()]))
    references, shared = models_json_schema(
        [(model, "validation") for model in wanted], ref_template="#/definitions/{model}"
    )
    definitions: dict[str, Any] = shared["$defs"]

    def definition(model: type[BaseModel]) -> dict[str, Any]:
        found: dict[str, Any] = definitions[references[model, "validation"]["$ref"].rpartition("/")[2]]
        return found

    top = dict(definition(Config))
    labelled = definition(LabelledEntry)["properties"]
    entries = {}
    for place, kinds in _PLACES.items():
        common = labelled if place in ("stages", "selectors", "export") else {"use": labelled["use"]}
        entries[place] = _entry(
            common,
            {use: parts[kind, use] for kind in kinds for use in BUILTINS[kind]},
            {use: definition(models[kind, use]) for kind in kinds for use in BUILTINS[kind]},
        )
    for place in ("stages", "selectors"):
        top["properties"][place]["items"] = entries[place] | {"required": ["use"]}
        # over an inherited list: its items by label, each with what changes
        top["properties"][place] |= {"type": ["array", "object"], "additionalProperties": {"type": ["object", "null"]}}
    names: list[dict[str, Any]] = [{"const": use} for use in known(("export",))]
    for name in names:
        if (part := parts.get(("export", name["const"]))) is not None:
            name["description"] = _fact(part)
    top["properties"]["export"]["items"] = {
        "anyOf": [*names, {"type": "string", "pattern": ":"}, entries["export"] | {"required": ["use"]}]
    }
    for place in ("source", "teacher"):
        # no `use` is required: a config that extends another may change a setting alone
        top["properties"][place] = entries[place] | {"description": top["properties"][place]["description"]}
    top["properties"]["teachers"]["additionalProperties"] = {"$ref": "#/properties/teacher"}
    # no key is required: `data` is the run's own where it is not said, and the rest may stand in what is extended
    top["properties"]["train"] = _section(definition(section_model())) | {
        "description": top["properties"]["train"]["description"]
    }
    del top["required"]
    top["anyOf"] = [{"required": ["source"]}, {"required": ["extends"]}]
    return {"$schema": DRAFT, **_nullable({**top, "definitions": _used(top, definitions)})}


_EXTENDS = {"type": "string", "description": Config.model_fields["extends"].description}


def training_schema() -> dict[str, Any]:
    """The schema (draft 7) of a recipe for `synthgen train`: the settings under `train`, or at the top."""
    model, definitions = _model_schema(section_model())
    section = _section(model)
    beside: dict[str, Any] = {"name": {"type": "string"}, "extends": _EXTENDS, "train": section}
    under = {"type": "object", "properties": beside, "additionalProperties": False, "required": ["train"]}
    alone = {**section, "properties": {"extends": _EXTENDS, **section["properties"]}}
    return {"$schema": DRAFT, **_nullable({"anyOf": [under, alone], "definitions": definitions})}


def loop_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema (draft 7) of a loop's recipe, whose keys this model has."""
    top, definitions = _model_schema(model)
    del top["required"]  # any of them may stand in what is extended
    top["properties"] = {"extends": _EXTENDS, **top["properties"]}
    return {"$schema": DRAFT, **_nullable({**top, "definitions": definitions})}


def _model_schema(model: type[BaseModel]) -> tuple[dict[str, Any], dict[str, Any]]:
    made = model.model_json_schema(ref_template="#/definitions/{model}")
    return made, made.pop("$defs", {})


def _section(model: Mapping[str, Any]) -> dict[str, Any]:
    return {key: model[key] for key in ("type", "properties", "additionalProperties")}


def _nullable(value: Any) -> Any:
    """The schema with null allowed for every key: it takes an inherited value back."""
    if isinstance(value, list):
        return [_nullable(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: {name: _or_null(_nullable(below)) for name, below in properties.items()}
        if key == "properties" and isinstance(properties, dict)
        else _nullable(properties)
        for key, properties in value.items()
    }


def _or_null(schema: Any) -> Any:
    if not isinstance(schema, dict) or schema == {} or "const" in schema:
        return schema
    if "anyOf" in schema and {} in schema["anyOf"]:  # `use`, which is no key to be taken back
        return schema
    if "anyOf" in schema:
        return {**schema, "anyOf": [*(s for s in schema["anyOf"] if s != _NULL), _NULL]}
    if "type" in schema and "enum" not in schema:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return {**schema, "type": [*types, *([] if "null" in types else ["null"])]}
    said = {key: schema[key] for key in ("description", "default") if key in schema}
    return {**said, "anyOf": [{key: below for key, below in schema.items() if key not in said}, _NULL]}


def _entry(common: Mapping[str, Any], parts: Mapping[str, Any], models: Mapping[str, Any]) -> dict[str, Any]:
    """An entry: the names that `use` takes, and the settings that go with each of them."""
    use = {**common["use"], "anyOf": [*({"const": n, "description": _fact(p)} for n, p in parts.items()), {}]}
    entry: dict[str, Any] = {"type": "object", "properties": {**common, "use": use}}
    if models:
        entry["allOf"] = [
            {
                "if": {"properties": {"use": {"const": name}}, "required": ["use"]},
                "then": {
                    "properties": {**dict.fromkeys(common, True), **model.get("properties", {})},
                    "required": model.get("required", []),
                    "additionalProperties": model.get("additionalProperties", True),
                },
            }
            for name, model in models.items()
        ]
    return entry


def _fact(part: Any) -> str:
    """The first paragraph of the part's docstring, on one line."""
    return " ".join((inspect.getdoc(part) or "").partition("\n\n")[0].split())


def _used(top: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The definitions that something refers to, directly or through others."""
    used: dict[str, Any] = {}
    text = json.dumps(top)
    while new := {n: d for n, d in definitions.items() if n not in used and f'"#/definitions/{n}"' in text}:
        used |= new
        text = json.dumps(new)
    return used
