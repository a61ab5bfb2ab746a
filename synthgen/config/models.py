"""What a config may hold: the keys of the YAML, their types and defaults, and those of its `train:` section.

The settings of sources, teachers, stages and selectors are not checked here but against the parts that `use:` names,
those of `train:` against the bundled trainer's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, ValidationError

from synthgen.config.document import Document, Key
from synthgen.config.problems import problems
from synthgen.errors import ConfigError
from synthgen.plugins.settings import validated
from synthgen.trainers.bundled import section_model


def _whole(value: object) -> object:
    """`2e6` is a float in YAML, and what people write for two million."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


MOST = 10**15
"""More than any run will ever see: a count beyond is a slip."""

Count = Annotated[StrictInt, Field(ge=1, le=MOST), BeforeValidator(_whole)]
Limit = Annotated[StrictInt, Field(ge=0, le=MOST), BeforeValidator(_whole)]

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class Section(BaseModel):
    """A mapping of the config; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(BaseModel):
    """A part of the pipeline: `use` names it, all other keys are its settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str = Field(
        min_length=1,
        description="a built-in's name, ./file.py:name beside the config, package.module:name, or an installed plug-in",
    )

    @property
    def settings(self) -> dict[str, Any]:
        """The keys that are the part's own."""
        return dict(self.model_extra or {})


class LabelledEntry(Entry):
    """A stage, filter or selector; `name` labels it in reports, the label is otherwise made from `use`."""

    name: str | None = Field(None, pattern=NAME, description="the label in reports; the last word of `use` if absent")


class Budget(Section):
    """Hard limits on what one run folder buys, over all its sessions and previews; null is no limit."""

    requests: Limit | None = Field(None, description="requests that leave, those without a reply included")
    tokens: Limit | None = Field(None, description="prompt and completion tokens bought; needs max_tokens")
    usd: float | None = Field(
        None,
        ge=0,
        strict=True,
        allow_inf_nan=False,
        description="US dollars spent; needs max_tokens and a teacher whose price is known",
    )


class Stop(Section):
    """When a run ends before its target."""

    barren_attempts: Count = Field(50, description="after so many attempts in a row that accepted nothing")
    attempts: Count | None = Field(None, description="after so many attempts")


class Config(Section):
    """One run: where tasks come from, who writes, what is kept, and when to stop."""

    name: str = Field(pattern=NAME, description="the run's name and folder; the file's name if absent")
    extends: str | None = Field(None, description="a config to build on: a shipped recipe's name, or a path")
    seed: StrictInt = Field(0, description="of all random numbers: the same seed and replies give the same dataset")
    target: Count | None = Field(None, description="accepted records to stop at; null: until the source is exhausted")
    source: Entry = Field(description="what attempts start from: `seeds`, `dataset`, or a plug-in")
    teacher: Entry | None = Field(None, description="who answers; a run over existing data may need none")
    teachers: dict[str, Entry] = Field(default_factory=dict, description="further teachers, by the name stages use")
    stages: list[LabelledEntry] = Field(default_factory=list, description="stages and filters in one list, in order")
    selectors: list[LabelledEntry] = Field(default_factory=list, description="at the end look at all accepted records")
    budget: Budget = Budget()
    stop: Stop = Stop()
    concurrency: Count | Literal["auto"] = Field(
        "auto",
        description="requests with the teachers at once; auto: as many as bring more replies a second. Does not change"
        " the data",
    )
    window: Count | None = Field(
        None,
        description="attempts between a task's joining the pool and its first use as a demonstration; null: by the"
        " target. Only where the source reads the pool",
    )
    export: list[str | LabelledEntry] = Field(
        default_factory=list, description="formats to write into exports/ at the end: names, or entries with settings"
    )
    output: str = Field("outputs", min_length=1, description="where run folders lie, seen from the current directory")
    license: str | None = Field(None, description="the dataset's licence, for its card")
    train: dict[str, Any] | None = Field(
        None, description="a student trained on the dataset when the run has ended; its keys are the trainer's"
    )


TRAIN_SECTION = "train"

OWN_DATASET = "run"
"""What the section calls the run's own dataset, which is also the default of `train.data`."""


def checked_training(
    section: Mapping[str, Any], document: Document, at: Key = (TRAIN_SECTION,), *, own: bool = True
) -> tuple[dict[str, Any], list[ConfigError]]:
    """The `train:` section, which is at this key, without nulls that say nothing; and what is wrong, with its place.

    With `own` there is a run, whose dataset is the default of `data`.
    """
    given = {key: value for key, value in section.items() if key != "data" or value is not None}
    if own:
        given = {"data": OWN_DATASET, **given}
    try:
        _, values = validated(section_model(), given, document.taken_back(*at))
    except ValidationError as error:
        return dict(section), problems(error, document, at, section_model())
    return {key: value for key, value in values.items() if key in section}, []


def training_data(section: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The section's data, one mapping a source; the run's own dataset where it names none."""
    data = section.get("data", OWN_DATASET)
    named = data if isinstance(data, list) else [data]
    return [dict(source) if isinstance(source, dict) else {"path": str(source)} for source in named]


_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "keys and values",
}


def training_setting_lines() -> Iterator[str]:
    """All settings of a `train:` section: a line with the type and the default of each, and one with what it is for."""
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
