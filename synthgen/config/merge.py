"""`extends:` and `--set`: one config laid over another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from synthgen import assets
from synthgen.config.document import Document, Key, Place, dotted, parse_value, read_document
from synthgen.errors import ConfigError
from synthgen.text import suggestion


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

    A null takes the base's value back, and an empty mapping empties the base's. A mapping whose `use` names something
    else replaces the base's: settings belong to the part they were written for. A mapping over a list of parts changes
    the items that it names, by index or label; null leaves one out.

    Raises:
        ConfigError: a mapping over a list names no item of it, or says of one what is no setting.
    """
    layer = _Layer(dict(document.places), dict(base.places))
    data = layer.over(document.data, base.data, ())
    return Document(data, {**layer.below, **layer.own})


class _Layer:
    """Lays values over values; `own` and `below` are the places of the two."""

    def __init__(self, own: dict[Key, Place], below: dict[Key, Place]) -> None:
        self.own = own
        self.below = below

    def over(self, new: Any, old: Any, key: Key) -> Any:
        if isinstance(new, dict) and (new or not key):  # a config that only extends is the base itself
            if isinstance(old, dict) and (new.get("use") or old.get("use")) == old.get("use"):
                merged = dict(old)
                for name, value in new.items():
                    merged[name] = self.over(value, old[name], (*key, name)) if name in old else value
                return merged
            if isinstance(old, list) and old and all(map(label, old)):
                return self._edited(new, old, key)
        for inner in [k for k in self.below if k[: len(key)] == key]:
            del self.below[inner]
        if new is None and old is not None and key in self.own:
            self.own[key] = replace(self.own[key], takes_back=True)
        return new

    def _edited(self, new: dict[str, Any], old: list[Any], key: Key) -> list[Any]:
        items, gone = list(old), set()
        for name, value in new.items():
            place = self.own[*key, name]
            index = _index(old, name, key, place)
            for inner in [k for k in self.own if k[: len(key) + 1] == (*key, name)]:
                self.own[(*key, index, *inner[len(key) + 1 :])] = self.own.pop(inner)
            if value is None:
                gone.add(index)
            elif isinstance(value, dict):
                items[index] = self.over(value, items[index], (*key, index))
            else:
                raise ConfigError(
                    f"found {value!r}, expected keys and values, or null to leave the item out",
                    file=place.file,
                    line=place.line,
                    key=dotted((*key, name)),
                )
        for index in sorted(gone, reverse=True):
            del items[index]
            for places in (self.own, self.below):
                _close_gap(places, key, index)
        return items


def _close_gap(places: dict[Key, Place], key: Key, index: int) -> None:
    """Drops the places of a list's item, and moves those of later items up by one."""
    n = len(key)
    before = dict(places)
    places.clear()
    for inner, place in before.items():
        at = inner[n] if len(inner) > n and inner[:n] == key else None
        if not isinstance(at, int) or at < index:
            places[inner] = place
        elif at > index:
            places[(*key, at - 1, *inner[n + 1 :])] = place


_WRITTEN = re.compile(r"[\w.-]*")
"""The beginning of a setting that can be a key."""


def override(document: Document, settings: Sequence[str]) -> Document:
    """The document with `key=value` settings laid over it, as `--set` takes them.

    A list's item is named by its index, or by its `name` or the last word of its `use`. Null takes a value back, and
    takes an item out of its list. A setting that changes a `use` goes first and clears the part's other settings.

    Raises:
        ConfigError: a setting is not `key=value`, its value is not YAML, or its key leads nowhere.
    """
    result = Document(deepcopy(document.data), dict(document.places))
    parsed = [_split(setting) for setting in settings]
    gone: set[Key] = set()
    for path, value, place in sorted(parsed, key=lambda item: item[0][-1] != "use"):
        key = _assign(result, path, value, place)
        if value is None and isinstance(key[-1], int):
            gone.add(key)
    # at the end, so that every index is one of the list as it was; the deepest and last first
    for key in sorted(gone, key=lambda k: (len(k), k[-1]), reverse=True):
        holder: Any = result.data
        for step in key[:-1]:
            holder = holder[step]
        del holder[key[-1]]
        _close_gap(result.places, key[:-1], int(key[-1]))
    return result


def _split(setting: str) -> tuple[list[str], Any, Place]:
    name, equals, text = setting.partition("=")
    # without the value, which may be a secret, and so may what stands where a key should
    place = Place(" ".join(["--set", *_WRITTEN.findall(name)[:1]]).strip())
    path = [part.strip() for part in name.split(".")]
    if path == ["extends"]:
        raise ConfigError("a config says itself what it extends", file=place.file, hint="write it in the file")
    if not equals or not all(path):
        raise ConfigError(
            "found no key=value", file=place.file, hint="for example --set target=500 --set stages.length.min_words=3"
        )
    return path, parse_value(text, place.file), place


def _assign(document: Document, path: list[str], value: Any, place: Place) -> Key:
    """Sets the value and returns its key."""
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
            if value is None and (isinstance(step, int) or holder.get(step) is not None):
                place = replace(place, takes_back=True)
            if step == "use" and value is not None and holder.get("use") != value:
                holder.clear()
            holder[step] = value
        else:
            holder = holder[step]
    for below in [k for k in document.places if k[: len(key)] == key]:
        del document.places[below]
    document.places[key] = place
    return key


def _index(items: list[Any], part: str, key: Key, place: Place) -> int:
    """The index that a part of a dotted key means in this list."""
    if part.isdecimal():
        if int(part) < len(items):
            return int(part)
        raise ConfigError(
            f"{dotted(key)} has {len(items)} items, counted from 0",
            file=place.file,
            line=place.line,
            key=dotted((*key, part)),
        )
    names = [label(item) for item in items]
    found = [i for i, name in enumerate(names) if name == part]
    if not found:  # as reports call it: the second `length` is `length_2`
        found = [i for i, name in enumerate(names) if f"{name}_{names[: i + 1].count(name)}" == part]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(
            f"{len(found)} items of {dotted(key)} are called {part!r}",
            file=place.file,
            line=place.line,
            key=dotted((*key, part)),
            hint=f"use an index ({', '.join(map(str, found))}), or give the items a `name`",
        )
    raise ConfigError(
        f"{dotted(key)} has no item {part!r}",
        file=place.file,
        line=place.line,
        key=dotted((*key, part)),
        hint=suggestion(part, [n for n in names if n]),
    )


def label(item: Any) -> str:
    """What a stage is called: its `name`, or the last word of its `use`; empty where it has neither."""
    if not isinstance(item, dict):
        return ""
    use = item.get("use")
    return str(item.get("name") or (use.rpartition(":")[2].rpartition(".")[2] if isinstance(use, str) else ""))
