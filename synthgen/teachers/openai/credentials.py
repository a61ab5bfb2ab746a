"""What is sent to prove who asks: keys, headers and logins, where they are read, and what is wrong with them."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from synthgen.errors import ConfigError, TeacherError
from synthgen.safety import outward
from synthgen.safety.likely_secrets import VARIABLE, secrets_at


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


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_QUOTES = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u2033\u00ab\u00bb\"'`"


def fault_in_key(key: str) -> str | None:
    """What is wrong with a key, without a part of it: `holds a character that no key has (U+201C at 1)`. Else None."""
    for at, character in enumerate(key, 1):
        if not "!" <= character <= "~" or (at in (1, len(key)) and character in _QUOTES):
            return f"holds a character that no key has ({_named(character)} at {at})"
    return None


def fault_in_value(value: str) -> str | None:
    """What is wrong with a header's value, or None: it may hold spaces, but nothing outside of ASCII."""
    for at, character in enumerate(value, 1):
        if not " " <= character <= "~" and character != "\t":
            return f"holds a character that no header can carry ({_named(character)} at {at})"
    return None


def fault_in_login(text: str) -> str | None:
    """What is wrong with a user's name or password in a URL. Letters of all languages are right in these."""
    for at, character in enumerate(text, 1):
        if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") or character in "\u2018\u2019\u201c\u201d":
            return f"holds a character that no password has ({_named(character)} at {at})"
    return None


def check_key(key: str, variable: str) -> None:
    """Raises:
    TeacherError: the key cannot be sent.
    """
    if fault := fault_in_key(key):
        raise TeacherError(f"the key in {variable} {fault}", hint=how_to_fix(key))


def check_value(value: str, what: str) -> None:
    """Raises:
    TeacherError: the value cannot be sent; `what` names it.
    """
    if fault := fault_in_value(value):
        raise TeacherError(f"{what} {fault}", hint=how_to_fix(value))


def check_header_name(name: str) -> None:
    """Raises:
    TeacherError: no header can be called that.
    """
    if not _TOKEN.fullmatch(name):
        raise TeacherError(f"headers: {name!a} is no header's name", hint="a name has letters, digits and -")


def how_to_fix(value: str) -> str:
    """The next step for a value with a character that cannot be."""
    if re.match(r"bearer\s", value, re.I):
        return "leave out the word Bearer: the variable holds the key alone"
    if any(not c.isascii() and c in _QUOTES for c in value):
        return "copy it anew, without typographic quotes"
    if any(c in _QUOTES for c in value):
        return "copy it anew, without the quotes around it"
    return "copy it anew, in one line, without spaces and invisible characters"


def _named(character: str) -> str:
    return f"U+{ord(character):04X}"
