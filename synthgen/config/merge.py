"""`extends:` and `--set`: one config laid over another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from synthgen import assets
from synthgen.config.document import Document, Key, Place, dotted, parse_value, read_document
from synthgen.errors import ConfigError
from synthgen.plugins import suggestion


def read_config(path: Path) -> Document:
    """The config with all that it extends below it. A name is each config's own and not inherited.

    Raises:
        ConfigError: a file cannot be used, what `extends` names does not exist, or configs extend each other.
    """
    return _read(path, ())


def _read(path: Path, above: tuple[Path, ...]) -> Document:
    document = read_document(path)
    extends = document.data.pop("extends", None)
    if extends is None:
        return document
    if not isinstance(extends, str):
        raise document.error(("extends",), "found no text, expected a recipe's name or a path")
    chain = (*above, path.resolve())
    try:
        below = _find(extends, path.parent)
    except ConfigError as error:
        raise document.error(("extends",), error.message, hint=error.hint) from error
    if below.resolve() in chain:
        raise document.error(("extends",), f"{extends} extends this config", hint="remove one of the two `extends`")
    base = _read(below, chain)
    base.data.pop("name", None)
    return over(document, base)


def _find(name: str, beside: Path) -> Path:
    # a shipped recipe goes first, so that `alpaca.yaml` can extend `alpaca`
    return assets.find("recipes", name, None if name in assets.names("recipes") else beside)


def over(document: Document, base: Document) -> Document:
    """The document laid over the base: mappings are merged key by key, all other values and lists replaced.

    A mapping whose `use` names something else replaces the base's: settings belong to the part they were written for.
    """
    places = dict(base.places)
    data = _over(document.data, base.data, (), places)
    return Document(data, {**places, **document.places})


def _over(new: Any, old: Any, key: Key, places: dict[Key, Place]) -> Any:
    same_part = isinstance(new, dict) and isinstance(old, dict) and new.get("use", old.get("use")) == old.get("use")
    if not same_part:
        for below in [k for k in places if k[: len(key)] == key]:
            del places[below]
        return new
    merged = dict(old)
    for name, value in new.items():
        merged[name] = _over(value, old[name], (*key, name), places) if name in old else value
    return merged


_WRITTEN = re.compile(r"[\w.-]*")
"""The beginning of a setting that can be a key."""


def override(document: Document, settings: Sequence[str]) -> Document:
    """The document with `key=value` settings laid over it, as `--set` takes them.

    A list's item is named by its index, or by its `name` or the last word of its `use`. A setting that changes a `use`
    goes first and clears the part's other settings.

    Raises:
        ConfigError: a setting is not `key=value`, its value is not YAML, or its key leads nowhere.
    """
    result = Document(deepcopy(document.data), dict(document.places))
    parsed = [_split(setting) for setting in settings]
    for path, value, place in sorted(parsed, key=lambda item: item[0][-1] != "use"):
        _assign(result, path, value, place)
    return result


def _split(setting: str) -> tuple[list[str], Any, Place]:
    name, equals, text = setting.partition("=")
    # without the value, which may be a secret, and so may what stands where a key should
    place = Place(" ".join(["--set", *_WRITTEN.findall(name)[:1]]).strip())
    path = [part.strip() for part in name.split(".")]
    if not equals or not all(path):
        raise ConfigError(
            "found no key=value", file=place.file, hint="for example --set target=500 --set stages.length.min_words=3"
        )
    return path, parse_value(text, place.file), place


def _assign(document: Document, path: list[str], value: Any, place: Place) -> None:
    holder: Any = document.data
    key: Key = ()
    for number, part in enumerate(path):
        last = number == len(path) - 1
        step: str | int
        if isinstance(holder, list):
            step = _index(holder, part, key, place)
        elif isinstance(holder, dict):
            step = part
            if not last and holder.get(part) is None:
                holder[part] = {}
                document.places[*key, part] = place
        else:
            raise ConfigError(f"{dotted(key)} holds no further keys", file=place.file, key=dotted((*key, part)))
        key = (*key, step)
        if last:
            if step == "use" and holder.get("use") != value:
                holder.clear()
            holder[step] = value
        else:
            holder = holder[step]
    for below in [k for k in document.places if k[: len(key)] == key]:
        del document.places[below]
    document.places[key] = place


def _index(items: list[Any], part: str, key: Key, place: Place) -> int:
    """The index that a part of a dotted key means in this list."""
    if part.isdecimal():
        if int(part) < len(items):
            return int(part)
        raise ConfigError(
            f"{dotted(key)} has {len(items)} items, counted from 0", file=place.file, key=dotted((*key, part))
        )
    names = [label(item) for item in items]
    found = [i for i, name in enumerate(names) if name == part]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(
            f"{len(found)} items of {dotted(key)} are called {part!r}",
            file=place.file,
            hint=f"use an index ({', '.join(map(str, found))}), or give the items a `name`",
        )
    raise ConfigError(
        f"{dotted(key)} has no item {part!r}", file=place.file, hint=suggestion(part, [n for n in names if n])
    )


def label(item: Any) -> str:
    """What a stage is called: its `name`, or the last word of its `use`; empty where it has neither."""
    if not isinstance(item, dict):
        return ""
    use = item.get("use")
    return str(item.get("name") or (use.rpartition(":")[2].rpartition(".")[2] if isinstance(use, str) else ""))
