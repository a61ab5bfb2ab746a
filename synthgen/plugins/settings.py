"""The settings of a part: a pydantic model made from a function's or a class's signature, or the part's own fields."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model
from pydantic_core import InitErrorDetails, PydanticSerializationError

from synthgen.errors import PluginError, SynthgenError
from synthgen.formats.exporting import exported
from synthgen.plugins.builtins import Kind
from synthgen.plugins.find import Finder, Found
from synthgen.plugins.kinds import CALLS, call_of, check_instance
from synthgen.plugins.nulls import Path as Keys
from synthgen.plugins.nulls import validated
from synthgen.stages.filter import FilterStage
from synthgen.text import suggestion

Part = Callable[..., Any]
"""A function or a class that `use:` names."""


def settings_model(part: Part, kind: Kind = "filter") -> type[BaseModel]:
    """A pydantic model whose fields are the part's settings.

    A pydantic class is its own. A function's settings are the parameters that its kind is not called with: a filter's
    first one is the record, all others are settings. A plain class's are the parameters of its constructor.

    Raises:
        PluginError: the signature cannot be read as settings.
    """
    if inspect.isclass(part) and issubclass(part, BaseModel):
        return part
    name = getattr(part, "__name__", type(part).__name__)
    try:
        signature = inspect.signature(part)
        hints = typing.get_type_hints(part.__init__ if inspect.isclass(part) else call_of(part), include_extras=True)
    except (TypeError, ValueError, NameError, AttributeError) as error:
        raise PluginError(f"the signature of {name} cannot be read: {error}", hint="fix its annotations") from error
    parameters = list(signature.parameters.values())
    free = False
    if not inspect.isclass(part):
        parameters = _settings_of(name, kind, parameters)
        free = CALLS[kind].free and any(p.kind == p.VAR_KEYWORD for p in parameters)
    fields: dict[str, Any] = {}
    for parameter in parameters:
        if free and parameter.kind == parameter.VAR_KEYWORD:
            continue
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise PluginError(
                f"{name} has the parameter {parameter}, which cannot be a setting",
                hint="give each setting a name: def f(record, *, limit: int = 2)",
            )
        default = ... if parameter.default is parameter.empty else parameter.default
        # a name of its own with the setting as alias: a setting may be called `copy` or `model_config`
        fields[f"setting_{parameter.name}"] = (
            hints.get(parameter.name, Any),
            Field(default, alias=parameter.name),
        )
    try:
        extra: Literal["allow", "forbid"] = "allow" if free else "forbid"
        return create_model(name, __config__=ConfigDict(extra=extra, arbitrary_types_allowed=True), **fields)
    except (PydanticUserError, TypeError) as error:
        raise PluginError(f"the settings of {name} cannot be checked: {error}", hint="fix its annotations") from error


def setting_names(model: type[BaseModel]) -> list[str]:
    """The keys that the YAML may hold for it."""
    return [field.alias or name for name, field in model.model_fields.items()]


def make(
    part: Part, settings: Mapping[str, Any], base: Path, taken_back: Iterable[Keys] = (), kind: Kind = "filter"
) -> tuple[Any, dict[str, Any]]:
    """The part with these settings, and all its settings as plain values, defaults included.

    What nulls mean, and `taken_back`, is said at `validated`. Pydantic classes find in the validation context `base`,
    the config's folder, and `part`, which builds another part: `part("task_set", use, settings)`.

    Raises:
        pydantic.ValidationError: a setting is wrong, unknown or missing.
        Exception: whatever the part's own code raises.
    """
    model = settings_model(part, kind)
    _no_unknown(model, settings)
    values, settings = validated(model, settings, taken_back, context={"base": base, "part": partial(part_of, base)})
    if model is part:
        return values, _plain(values, settings)
    arguments = {field.alias or name: getattr(values, name) for name, field in model.model_fields.items()}
    arguments |= values.model_extra or {}
    if inspect.isclass(part):
        return part(**arguments), _plain(values, settings)
    return (partial(part, **arguments) if arguments else part), _plain(values, settings)


def _settings_of(name: str, kind: Kind, parameters: list[inspect.Parameter]) -> list[inspect.Parameter]:
    """The parameters that the kind is not called with."""
    call = CALLS[kind]
    given = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if sum(p.kind in given for p in parameters) < call.arguments:
        raise PluginError(f"{name} takes no record", hint="the first parameter is the record: def f(record)")
    return [p for p in parameters[call.arguments :] if p.name not in call.names]


def _no_unknown(model: type[BaseModel], settings: Mapping[str, Any]) -> None:
    """Raises for unknown keys also where a class says nothing of them, which pydantic takes as `ignore`."""
    if model.model_config.get("extra") in ("allow", "forbid"):
        return
    unknown = sorted(settings.keys() - set(setting_names(model)) - model.model_fields.keys())
    if unknown:
        details = [InitErrorDetails(type="extra_forbidden", loc=(key,), input=settings[key]) for key in unknown]
        raise ValidationError.from_exception_data(model.__name__, details)


def _plain(values: BaseModel, written: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return values.model_dump(mode="json", by_alias=True)
    except PydanticSerializationError:  # a part with a type of its own
        return dict(written)


@dataclass(frozen=True, slots=True)
class Built:
    """A part, and all its settings as plain values, defaults included."""

    part: Any
    settings: dict[str, Any]


def build(found: Found, settings: Mapping[str, Any], base: Path, taken_back: Iterable[Keys] = ()) -> Built:
    """The part, ready for a pipeline: a filter as the stage that applies it, an export with its files.

    At the keys `taken_back` a null took an inherited setting back.

    Raises:
        pydantic.ValidationError: a setting is wrong, unknown or missing.
        PluginError: the part could not be made, or lacks what its kind needs.
    """
    try:
        part, plain = make(found.part, settings, base, taken_back, found.kind)
    except (ValidationError, SynthgenError):
        raise
    except Exception as error:
        raise PluginError(
            f"{found.use!r} could not be made: {type(error).__name__}: {error}",
            hint="`--debug` shows where it was raised",
        ) from error
    check_instance(found.use, found.kind, part)
    if found.kind == "filter":
        return Built(FilterStage(part), plain)
    return Built(exported(found.use, found.label, part) if found.kind == "export" else part, plain)


def part_of(base: Path, kind: Kind, use: str, settings: Mapping[str, Any]) -> Any:
    """The part of this kind that `use` names, with these settings.

    Raises:
        PluginError: there is none, a setting is wrong, unknown or missing, or it could not be made.
    """
    found = Finder(base).find(use, (kind,))
    try:
        return build(found, settings, base).part
    except ValidationError as error:
        first, names = error.errors(include_url=False)[0], setting_names(settings_model(found.part, kind))
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            message, hint = f"{use!r} has no setting {place!r}", suggestion(place, names)
        else:
            message, hint = f"{use!r}: {place}: {first['msg']}", f"its settings are {', '.join(names)}"
        raise PluginError(message, key=place, hint=hint) from error
