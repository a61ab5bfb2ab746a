"""A YAML file as plain values, with the file and line of every key, so that an error can say where it is.

YAML 1.2's core schema is read, as editors check it: `2e-5` is a number; `no`, `on`, `12:30` and `2026-01-01` are texts.
PyYAML alone reads YAML 1.1, where these are a text, False, True, 750 and a date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from synthgen.errors import ConfigError
from synthgen.safety import outward
from synthgen.safety.likely_secrets import likely_secrets

Key = tuple[str | int, ...]
"""The way to a value: the keys of mappings and the indices of lists, from the top."""

DEEPEST = 64
"""Levels of mappings and lists within each other; more are no config, and would fill Python's stack."""
MOST_BITS = 128
"""The longest number of a config; none but a random seed is nearly so long."""

MOST_VALUES = 100_000
"""More values than this are no config: aliases of aliases let a short file grow without bound."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key stands: a file and its line (from 1), or an option of the command line and no line.

    `takes_back` says that a null there takes back what the config would inherit.
    """

    file: str
    line: int | None = None
    takes_back: bool = False


@dataclass(slots=True)
class Document:
    """The values of a config and the place of each key."""

    data: dict[str, Any]
    places: dict[Key, Place] = field(default_factory=dict)

    def taken_back(self, *above: str | int) -> list[Key]:
        """The keys below `above`, seen from there, at which a null takes back an inherited value."""
        n = len(above)
        return [key[n:] for key, place in self.places.items() if place.takes_back and len(key) > n and key[:n] == above]

    def place(self, key: Key) -> Place | None:
        """The place of the key, or of the nearest one above it that has a place."""
        for end in range(len(key), -1, -1):
            if key[:end] in self.places:
                return self.places[key[:end]]
        return None

    def error(
        self, key: Key, message: str, *, hint: str | None = None, kind: type[ConfigError] = ConfigError
    ) -> ConfigError:
        """An error that names the key and its place."""
        place = self.place(key)
        return kind(
            message,
            file=place.file if place else None,
            line=place.line if place else None,
            key=dotted(key) or None,
            hint=hint,
        )


def dotted(key: Key) -> str:
    """The key as people write it: `stages.2.threshold`."""
    return ".".join(str(part) for part in key)


def read_document(path: Path) -> Document:
    """The values of a YAML file and their places.

    Raises:
        ConfigError: the file cannot be read, is not YAML, is empty, is not a mapping, or has a key twice.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(
            "there is no such file", file=path, hint="`synthgen init my_project` makes a project with a config.yaml"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError("the file is not UTF-8 text", file=path, line=line, hint="save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(f"the file cannot be read: {error.strerror}", file=path, hint="name a YAML file") from error
    return parse_document(text, str(path))


def parse_document(text: str, file: str) -> Document:
    """The values of a YAML text; `file` is what errors and places call it."""
    value, places = _parse(text, file)
    if value is None:
        raise ConfigError("the config is empty", file=file, hint="`synthgen init my_project` writes one to start from")
    if not isinstance(value, dict):
        raise ConfigError("a config holds keys and values, such as `target: 1000`", file=file, line=1)
    return Document(value, places)


def parse_value(text: str, file: str) -> Any:
    """The value of a short YAML text, as on the right of `--set key=value`; an empty text is null."""
    try:
        return _parse(text, file)[0]
    except ConfigError as error:
        error.line = None
        raise


def _parse(text: str, file: str) -> tuple[Any, dict[Key, Place]]:
    """The value of a YAML text and the places of its keys. What is no YAML may hold a secret, which nobody shows."""
    reader = _Reader(file)
    try:
        node = yaml.compose(text, Loader=_Loader)
        value = None if node is None else reader.value(node, ())
        outward.learn(*likely_secrets(text))
        return value, reader.places
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = _NAMED.sub(r"\1", ", ".join(p for p in (error.context, error.problem) if p))
        wrong = ConfigError(
            f"not valid YAML: {problem}", file=file, line=mark.line + 1 if mark else None, hint=_hint(problem)
        )
    except yaml.YAMLError as error:
        problem = str(error).splitlines()[0]
        wrong = ConfigError(f"not valid YAML: {problem}", file=file, hint="remove the control characters")
    except RecursionError:
        wrong = ConfigError("the YAML is nested too deeply", file=file, hint="a config needs a few levels")
    except ConfigError:
        outward.learn(*likely_secrets(text))
        raise
    outward.learn(*likely_secrets(text))
    raise wrong  # without its cause, which quotes the text


_NAMED = re.compile(r"(alias|anchor|handle) (?:'[^']*'|\"[^\"]*\")")
"""The name after `undefined alias`, `tag handle` and `anchor`: an unquoted password may begin with * or ! or &."""


def _hint(problem: str) -> str:
    if "\\t" in problem:
        return "indent with spaces, not with tabs"
    if "alias" in problem:
        return "a text that begins with * or & needs quotes"
    if "levels deep" in problem:
        return "a config has few levels: check the brackets and the indentation"
    if "single document" in problem:
        return "one file holds one config: remove the line ---"
    return "check indentation and brackets; quote a text that holds ': ' or ' #' or begins with one of * & ! | > % @ `"


class _Loader(yaml.SafeLoader):
    """Reads plain scalars by the core schema of YAML 1.2.2 (section 10.3.2); `<<` merges, as many configs use it."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Raises where PyYAML would go on until Python's stack is full."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise yaml.MarkedYAMLError(None, None, f"more than {DEEPEST} levels deep", self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


_TAG = "tag:yaml.org,2002:"
_PLAIN = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
    "merge": r"<<",
}
_Loader.yaml_implicit_resolvers = {}  # its own, without those of YAML 1.1
for _name, _pattern in _PLAIN.items():
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"^(?:{_pattern})$"), None)


def _int(text: str) -> int:
    # not int(text, 0), which takes 010 for an error
    value = int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if value.bit_length() > MOST_BITS:
        raise ValueError
    return value


def _float(text: str) -> float:
    return float(re.sub(r"\.(?=inf|nan)", "", text.lower()))


_KINDS = {f"{_TAG}int": "whole number", f"{_TAG}float": "number"}

_SCALARS: dict[str, Callable[[str], Any]] = {
    _TAG + "str": str,
    _TAG + "null": lambda text: None,
    _TAG + "bool": lambda text: text.lower() == "true",
    _TAG + "int": _int,
    _TAG + "float": _float,
}


class _Reader:
    """Makes plain values of YAML nodes and notes the place of each key."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.places: dict[Key, Place] = {}
        self._above: set[int] = set()
        self._count = 0

    def value(self, node: yaml.Node, key: Key) -> Any:
        """The value of the node, which stands at this key."""
        self._seen(node)
        self.places.setdefault(key, Place(self.file, node.start_mark.line + 1))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._above:
            self._fail(node, "an alias that holds itself", "write the values out")
        expected = _TAG + ("seq" if isinstance(node, yaml.SequenceNode) else "map")
        if node.tag != expected:
            self._foreign(node)
        self._above.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.value(child, (*key, i)) for i, child in enumerate(node.value)]
            return {name: self._entry(pair, (*key, name)) for name, pair in self._pairs(node).items()}
        finally:
            self._above.discard(id(node))

    def _entry(self, pair: tuple[yaml.Node, yaml.Node], key: Key) -> Any:
        self.places[key] = Place(self.file, pair[0].start_mark.line + 1)
        return self.value(pair[1], key)

    def _pairs(self, node: yaml.Node) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """The key and value nodes of a mapping by the key's text; keys of its own go before merged ones."""
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                for mapping in self._merged(key_node, value_node):
                    merged = {**self._pairs(mapping), **merged}
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._fail(key_node, "a key is a text, not a list or a mapping", "quote it, or check the brackets")
            name = key_node.value
            if name in own:
                first = own[name][0].start_mark.line + 1
                self._fail(key_node, f"the key {name!r} stands here and in line {first}", "keep one of them")
            own[name] = key_node, value_node
        return {**merged, **own}

    def _merged(self, key: yaml.Node, node: yaml.Node) -> Iterator[yaml.Node]:
        for mapping in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(mapping, yaml.MappingNode) or id(mapping) in self._above:
                self._fail(key, "<< takes a mapping or a list of mappings", "<<: *name")
            self._seen(mapping)
            yield mapping

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        make = _SCALARS.get(node.tag)
        if make is None:
            self._foreign(node)
        try:
            return make(node.value)
        except ValueError:
            raise ConfigError(
                f"the value is no {_KINDS.get(node.tag, node.tag.removeprefix(_TAG))}, or too large",
                file=self.file,
                line=node.start_mark.line + 1,
            ) from None

    def _seen(self, node: yaml.Node) -> None:
        self._count += 1
        if self._count > MOST_VALUES:
            self._fail(node, f"more than {MOST_VALUES:,} values", "is it a data file? a config names it by its path")

    def _foreign(self, node: yaml.Node) -> NoReturn:
        # one of the user's own may be an unquoted password that begins with !
        tag = f"tag {node.tag.replace(_TAG, '!!')}" if node.tag.startswith(_TAG) else "tag that begins with !"
        self._fail(
            node, f"the {tag} is not allowed", "a config holds plain values; a text that begins with ! needs quotes"
        )

    def _fail(self, node: yaml.Node, message: str, hint: str) -> NoReturn:
        raise ConfigError(message, file=self.file, line=node.start_mark.line + 1, hint=hint)
