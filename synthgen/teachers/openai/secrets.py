"""Keys and passwords of the teacher: read from the environment alone, and made known to `outward` as they are read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies

from synthgen import outward
from synthgen.errors import ConfigError
from synthgen.likely_secrets import VARIABLE, secrets_at

Scrubber = Callable[[str], str]
"""What takes secrets out of a text: `outward.scrub`."""


def from_environment(name: str) -> str | None:
    """The variable's value, from the environment or from `.env` in the current folder; None where it is not set."""
    value = os.environ.get(name)
    if value is None and Path(".env").is_file():
        from dotenv import dotenv_values

        value = dotenv_values(".env").get(name)
    found = (value or "").strip() or None
    if found is not None:
        outward.learn(found)
    return found


def without_credentials(url: str) -> str:
    """The URL without `user:password@` and without its query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def credentials(url: str) -> tuple[str, str] | None:
    """`user`, `password` of a URL with `${NAME}` in them replaced from the environment, or None.

    Raises:
        ConfigError: a variable is not set.
    """
    parts = urlsplit(url)
    if parts.username is None:
        return None
    login = tuple(
        _filled(text, "teacher.base_url") if VARIABLE.search(text) else unquote(text)
        for text in (parts.username, parts.password or "")
    )
    outward.learn_login(*login)
    return login[0], login[1]


def learn_proxies() -> None:
    """Makes the logins of the environment's proxies known: errors of a connection may name the proxy."""
    for url in getproxies().values():
        parts = urlsplit(url if "://" in url else f"//{url}")
        if parts.password:
            outward.learn_login(unquote(parts.username or ""), unquote(parts.password))


def expanded(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with `${NAME}` replaced from the environment.

    Raises:
        ConfigError: a variable is not set, or a header holds a secret in plain text.
    """
    for name, text in headers.items():
        if secrets := secrets_at(("headers", name), text):
            outward.learn(*secrets)
            raise ConfigError(
                f"the header {name} holds a secret in plain text",
                key=f"teacher.headers.{name}",
                hint="name an environment variable instead: ${NAME}",
            )
    return {name: _filled(text, "teacher.headers") for name, text in headers.items()}


def _filled(text: str, key: str) -> str:
    """The text with `${NAME}` replaced."""

    def value(match: re.Match[str]) -> str:
        found = from_environment(match[1])
        if found is None:
            raise ConfigError(
                f"the environment variable {match[1]} is not set",
                key=key,
                hint=f"export {match[1]}=…, or put it into a file .env",
            )
        return found

    return VARIABLE.sub(value, text)
