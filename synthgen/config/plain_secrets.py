"""Secrets in plain text: a config that holds one is refused before anything is written or said of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synthgen import outward
from synthgen.config.document import Document, Key
from synthgen.config.problems import combined
from synthgen.likely_secrets import likely_secrets, secrets_at

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
        raise combined([document.error(key, "holds a secret in plain text", hint=_hint(key)) for key, _ in found])


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


def _hint(key: Key) -> str:
    names = [part for part in key if isinstance(part, str)]
    last = names[-1] if names else ""
    if last.endswith("_env"):
        return f"{last} is the name of an environment variable, such as OPENAI_API_KEY; the key itself belongs into it"
    if any(name.endswith("headers") for name in names[:-1]):
        return "name an environment variable in its place: ${NAME}"
    if last.endswith("url"):
        return "name an environment variable in its place: http://user:${NAME}@host/v1, or headers with ${NAME}"
    return f"take it out: {_TAKE_OUT} (`api_key_env` names one, and `headers` take ${{NAME}})"
