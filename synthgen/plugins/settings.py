"""Parts built from their settings: a pydantic model made from signature or fields, and what a null means in it."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails, PydanticSerializationError

from synthgen.engine.contracts import FilterStage
from synthgen.errors import PluginError, SynthgenError
from synthgen.formats.exporting import exported
from synthgen.plugins.find import Finder, Found
from synthgen.plugins.kinds import CALLS, Kind, call_of, check_instance
from synthgen.text import suggestion

Keys = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)


Part = Callable[..., Any]
"""A function or a class that `use:` names."""


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


def _settings_of(name: str, kind: Kind, parameters: list[inspect.Parameter]) -> list[inspect.Parameter]:
    """The parameters that the kind is not called with."""
    call = CALLS[kind]
    given = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if sum(p.kind in given for p in parameters) < call.arguments:
        raise PluginError(f"{name} takes no record", hint="the first parameter is the record: def f(record)")
    return [p for p in parameters[call.arguments :] if p.name not in call.names]


def setting_names(model: type[BaseModel]) -> list[str]:
    """The keys that the YAML may hold for it."""
    return [field.alias or name for name, field in model.model_fields.items()]


def validated(
    model: type[M], data: Mapping[str, Any], taken_back: Iterable[Keys] = (), *, context: Any = None
) -> tuple[M, dict[str, Any]]:
    """The model's instance, and the values that it was made from.

    A null is left out where its key takes none, so that the default stands; where null is one of the key's own values
    it stays. At the keys `taken_back` it took an inherited value back: it is left out of free mappings, too.

    Raises:
        pydantic.ValidationError: anything else is wrong.
    """
    values = _copied(data)
    for path in taken_back:
        if not _is_setting(model, path):
            _leave_out(values, path)
    while True:
        try:
            return model.model_validate(values, context=context), values
        except ValidationError as error:
            wrong = [details for details in error.errors(include_url=False) if details["type"] != "extra_forbidden"]
            left_out = [_leave_out(values, within(values, details["loc"])) for details in wrong]
            if not any(left_out):
                raise


def within(value: Any, location: Keys) -> Keys:
    """Where pydantic's location leads in these values: it also names union branches and validators."""
    path: list[str | int] = []
    for part in location:
        inside = part in value if isinstance(value, Mapping) else isinstance(value, list) and part in range(len(value))
        if inside:
            value = value[part]
            path.append(part)
    return tuple(path)


def field_of(model: type[BaseModel], part: str | int) -> FieldInfo | None:
    """The field that a config's key means, by its name or alias."""
    return next((f for name, f in model.model_fields.items() if part in (name, f.alias)), None)


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The first pydantic model that an annotation such as `Sampling | None` or `list[Entry]` holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = model_in(argument)
        if found is not None:
            return found
    return None


def _is_setting(model: type[BaseModel], path: Keys) -> bool:
    """Whether the model itself says what may stand at the path; in a mapping of the user's own keys nobody does."""
    current: type[BaseModel] | None = model
    for part in path:
        if current is None:
            return False
        field = field_of(current, part)
        if field is None:
            return current.model_config.get("extra") != "allow"
        current = model_in(field.annotation)
    return True


def _leave_out(values: Any, path: Keys) -> bool:
    """Takes a null out of the mapping that it stands in; whether there was one."""
    for part in path[:-1]:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return False
    if not path or not isinstance(values, dict) or values.get(path[-1], "") is not None:
        return False
    del values[path[-1]]
    return True


def _copied(value: Any) -> Any:
    """The mappings and lists anew, all that they hold as it is."""
    if isinstance(value, Mapping):
        return {key: _copied(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_copied(below) for below in value]
    return value
