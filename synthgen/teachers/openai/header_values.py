"""Keys and other values that stand in an HTTP header: whether they can, and what to do where they cannot."""

from __future__ import annotations

import re
import unicodedata

from synthgen.errors import TeacherError

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
