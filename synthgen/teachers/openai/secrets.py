"""Keys and passwords: read from the environment, and taken out of every text that leaves the teacher."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from synthgen.errors import ConfigError

HIDDEN = "***"
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SECRET_HEADER = re.compile(r"authori[sz]ation|cookie|api-?key|token|secret", re.IGNORECASE)


def from_environment(name: str) -> str | None:
    """The variable's value, from the environment or from `.env` in the current folder; None where it is not set."""
    value = os.environ.get(name)
    if value is None and os.path.isfile(".env"):
        from dotenv import dotenv_values

        value = dotenv_values(".env").get(name)
    return (value or "").strip() or None


def without_credentials(url: str) -> str:
    """The URL without `user:password@` and without its query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def credentials(url: str) -> tuple[str, str] | None:
    """`user`, `password` of a URL, or None."""
    parts = urlsplit(url)
    if parts.username is None:
        return None
    return unquote(parts.username), unquote(parts.password or "")


def expanded(headers: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """The headers with `${NAME}` replaced from the environment, and the values that were put in.

    Raises:
        ConfigError: a variable is not set, or a header that carries a secret holds it in plain text.
    """
    found: list[str] = []

    def value(match: re.Match[str]) -> str:
        text = from_environment(match[1])
        if text is None:
            raise ConfigError(
                f"the environment variable {match[1]} is not set",
                key="teacher.headers",
                hint=f"export {match[1]}=…, or put it into a file .env",
            )
        found.append(text)
        return text

    for name, text in headers.items():
        if _SECRET_HEADER.search(name) and not _VARIABLE.search(text):
            raise ConfigError(
                f"the header {name} holds a secret in plain text",
                key=f"teacher.headers.{name}",
                hint="name an environment variable instead: ${NAME}",
            )
    return {name: _VARIABLE.sub(value, text) for name, text in headers.items()}, found


class Scrubber:
    """Takes known secrets out of texts."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Further values to take out. Those of up to three characters are too common to be secrets."""
        for secret in secrets:
            self._secrets |= {form for form in (secret, quote(secret, safe="")) if len(form) > 3}

    def __call__(self, text: str) -> str:
        """The text with every secret replaced by `***`."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text

    def __repr__(self) -> str:
        return f"Scrubber({len(self._secrets)} secrets)"
