"""What is wrong with a config, said for people: what was found, what was expected, and the nearest right name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from synthgen.config.document import Document, Key
from synthgen.errors import ConfigError
from synthgen.plugins import setting_names
from synthgen.plugins.settings import field_of, model_in, within
from synthgen.safety import outward
from synthgen.safety.likely_secrets import likely_secrets, may_hold_secret, secrets_at
from synthgen.text import nearest, suggestion

UNKNOWN = "there is no such key"
KEYS_HERE = "keys here"

_EXPECTED = (
    ("int", "a whole number"),
    ("float", "a number"),
    ("decimal", "a number"),
    ("bool", "true or false"),
    ("string", "a text"),
    ("path", "a path"),
    ("list", "a list"),
    ("tuple", "a list"),
    ("set", "a list"),
    ("frozen_set", "a list"),
    ("dict", "keys and values"),
    ("mapping", "keys and values"),
    ("model", "keys and values"),
    ("none", "null"),
)
_LIMITS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
    "multiple_of": ("a multiple of", "multiple_of"),
}


def problems(error: ValidationError, document: Document, at: Key, model: type[BaseModel]) -> list[ConfigError]:
    """One error for each wrong key below `at`, which the model was to check, in the order of the file."""
    groups: dict[Key, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        groups.setdefault(_key(details, document, at), []).append(details)
    return [_problem(key, group, document, _names(model, key[len(at) : -1])) for key, group in groups.items()]


def combined(errors: Iterable[ConfigError]) -> ConfigError:
    """One error that says all of them, the first in the file first; it has that one's place."""
    first, *others = sorted(errors, key=lambda e: (str(e.file), e.line or 0))
    tail = "".join(f"\n{other}" for other in others)
    if first.hint is None:
        first.message += tail
    else:
        first.hint += tail
    return first


def _key(details: ErrorDetails, document: Document, at: Key) -> Key:
    """The key in the config: pydantic's location without the names of union branches and validators."""
    value: Any = document.data
    for part in at:
        value = value[part]
    location = details["loc"]
    if details["type"] == "missing":  # its last part is nowhere in the values
        return (*at, *within(value, location[:-1]), location[-1])
    return (*at, *within(value, location))


def _problem(key: Key, group: list[ErrorDetails], document: Document, names: list[str]) -> ConfigError:
    first = group[0]
    kind, found, name = first["type"], first["input"], str(key[-1]) if key else ""
    if kind == "extra_forbidden" and key == ("use",):
        hint = "indent it, and the settings beside it, under source, teacher or an item of stages"
        return document.error(key, "`use` stands at the top, where no part is", hint=hint)
    if kind == "extra_forbidden":
        return document.error(key, UNKNOWN, hint=suggestion(name, names, what=KEYS_HERE))
    if kind == "missing":
        written = [str(k) for k in found if k not in names] if isinstance(found, Mapping) else []
        near = nearest(name, written)
        hint = f"is {near!r} meant to be {name!r}?" if near else f"add {name}: …"
        if name == "use" and isinstance(found, Mapping) and len(found) == 1:
            (part, settings), *_ = found.items()
            if settings is None or isinstance(settings, Mapping):  # `- length: {min_words: 3}`
                hint = f"write `use: {part}`, and the settings beside it"
        return document.error(key, "the key is missing", hint=hint)
    expected = " or ".join(dict.fromkeys(_expected(details) for details in group))
    if kind in ("value_error", "assertion_error"):
        return document.error(key, str(first["ctx"]["error"]))
    if may_hold_secret(key):
        return document.error(key, f"found something else, expected {expected}")
    return document.error(key, f"found {shown(found)}, expected {expected}", hint=_hint(key, first, expected))


def _hint(key: Key, details: ErrorDetails, expected: str) -> str | None:
    found = details["input"]
    if isinstance(found, str):
        if details["type"] in ("literal_error", "enum"):
            near = nearest(found, re.findall(r"'([^']*)'", details["ctx"]["expected"]))
            return f"did you mean {near!r}?" if near else None
        if expected in ("a number", "a whole number") and re.fullmatch(r"[-+.\d]+", found):
            return "remove the quotes"
        if expected == "keys and values" and key[0] in ("source", "teacher", "teachers", "stages", "selectors"):
            return f"write `use: {found}`"
    elif isinstance(found, (int, float)) and expected == "a text":
        return "put it in quotes"
    elif isinstance(found, Mapping) and expected == "a list" and key[0] in ("stages", "selectors"):
        if "use" in found:
            return f"begin each of the {key[0]} with a hyphen: `- use: {found['use']}`"
        return f"keys and values change the {key[0]} of a config that this one extends; here write a list"
    return None


def _expected(details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind in ("literal_error", "enum"):
        return f"one of {context['expected']}" if " or " in context["expected"] else str(context["expected"])
    if kind in _LIMITS:
        words, name = _LIMITS[kind]
        return f"{words} {context[name]:g}"
    if kind == "string_pattern_mismatch":
        return f"a text of the form {context['pattern']}"
    for start, words in _EXPECTED:
        if re.match(rf"{start}_(type|parsing|from_float|attributes_type)", kind):
            return words
    return details["msg"]


def _names(model: type[BaseModel], path: Key) -> list[str]:
    """The keys that may stand at this path below the model."""
    current: Any = model
    for part in path:
        field = field_of(current, part)
        current = model_in(field.annotation) if field is not None else current
    return setting_names(current) if current is not None else []


def shown(value: object) -> str:
    """A value of a config as an error names it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text {value if len(value) <= 60 else value[:57] + '…'!r}"
    if isinstance(value, (int, float)):
        return f"the number {value:g}" if isinstance(value, float) else f"the number {value}"
    return "a list" if isinstance(value, (list, tuple)) else "keys and values"


_TAKE_OUT = "a config is copied into the run folder, so keys belong into environment variables or a file .env"


def refuse_secrets(document: Document) -> None:
    """Looks at every value of a config, and at every key.

    Raises:
        ConfigError: naming the place of each secret, never what it is.
    """
    found = [(key, secrets) for key, secrets in _secrets(document.data, ())]
    for _, secrets in found:
        outward.learn(*secrets)
    if found:
        raise combined([document.error(key, "holds a secret in plain text", hint=_way_on(key)) for key, _ in found])


def _secrets(value: Any, key: Key) -> Iterator[tuple[Key, list[str]]]:
    if isinstance(value, dict):
        for name, below in value.items():
            if secrets := likely_secrets(str(name)):
                yield key, secrets
            yield from _secrets(below, (*key, name))
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from _secrets(below, (*key, number))
    elif secrets := secrets_at(key, value):
        yield key, [*secrets, str(value)]


def _way_on(key: Key) -> str:
    names = [part for part in key if isinstance(part, str)]
    last = names[-1] if names else ""
    if last.endswith("_env"):
        return f"{last} is the name of an environment variable, such as OPENAI_API_KEY; the key itself belongs into it"
    if any(name.endswith("headers") for name in names[:-1]):
        return "name an environment variable in its place: ${NAME}"
    if last.endswith("url"):
        return "name an environment variable in its place: http://user:${NAME}@host/v1, or headers with ${NAME}"
    return f"take it out: {_TAKE_OUT} (`api_key_env` names one, and `headers` take ${{NAME}})"
