"""What a null in a config means: where a key takes none, that the key is not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

Path = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)


def validated(
    model: type[M], data: Mapping[str, Any], taken_back: Iterable[Path] = (), *, context: Any = None
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


def within(value: Any, location: Path) -> Path:
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


def _is_setting(model: type[BaseModel], path: Path) -> bool:
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


def _leave_out(values: Any, path: Path) -> bool:
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
