"""The one door out: what is printed, logged, raised or written passes here.

Secrets are made known by whoever reads them (`learn`), and from then on `***` stands in their place wherever text
leaves: `shown` for messages, `clear` for data. `visible` spells out what a terminal would obey or nobody could see.
"""

from __future__ import annotations

import html
import json
import logging
import traceback
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast
from urllib.parse import quote, quote_plus

from synthgen.safety.likely_secrets import LOGIN, PUBLISHED, is_published, is_variable, likely_secrets

HIDDEN = "***"
SHORTEST = 4
"""Characters of the shortest text that is taken out of messages: shorter ones stand in too many words."""

_SECRET_NAMES = frozenset(
    ["APIKEY", "KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS"]
)

_known: Mapping[str, bool] = {}
"""Every form of every known secret, the longest first, and whether it is so peculiar that data must not hold it."""

T = TypeVar("T")


def learn(*secrets: str) -> None:
    """Makes secrets known, with the forms in which servers and libraries repeat them (base64, URL, JSON, HTML).

    Those of fewer than `SHORTEST` characters are left alone. What could be a word of a text (`EMPTY`, `not-needed`:
    people set it where a server wants any key) is taken out of messages and not out of data.
    """
    global _known
    known = dict(_known)
    for secret in {secret.strip() for secret in secrets}:
        if len(secret) >= SHORTEST:
            peculiar = _is_peculiar(secret)
            for form in _forms(secret):
                known[form] = known.get(form, False) or peculiar
    # the longest first, so that no part of it is left; a new one, as another thread may be going through the old
    _known = {form: known[form] for form in sorted(known, key=len, reverse=True)}


def learn_login(user: str, password: str) -> None:
    """Makes a password known, and the user's name with it as the `Basic` login that is sent."""
    learn(password, b64encode(f"{user}:{password}".encode()).decode())


def learn_environment(environment: Mapping[str, str]) -> None:
    """Makes the secrets among environment variables known: by what they look like, or by their names (`HF_TOKEN`)."""
    for name, value in environment.items():
        named = not _SECRET_NAMES.isdisjoint(name.upper().split("_")) and value[:1] not in ("/", "~", ".")
        if named and _is_peculiar(value):
            learn(value)
        learn(*likely_secrets(value))


def scrub(text: str) -> str:
    """The text with every known secret replaced by `***`."""
    for secret in _known:
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return text


def visible(text: str) -> str:
    """The text with control, bidirectional and other invisible characters as `\\uXXXX`, but for line feeds and tabs.

    A terminal would obey some of them (colours, cursor, title), and a reader could not see others.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else json.dumps(c)[1:-1] for c in text)


def shown(text: str) -> str:
    """A message as people may see it: without known secrets and what looks like one, and with nothing invisible."""
    text = PUBLISHED.sub(lambda match: HIDDEN if is_published(match) else match.group(), scrub(text))
    return visible(LOGIN.sub(lambda match: match.group() if is_variable(match[2]) else HIDDEN, text))


def clear(value: T) -> T:
    """Data without the known secrets: a text, or lists and mappings of JSON; the very same object where there is none.

    Only what is peculiar counts, so that no word of a text is ever taken for a key.
    """
    secrets = [secret for secret, peculiar in _known.items() if peculiar]
    if not secrets or value is None:
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return cast(T, _without(value, secrets)) if any(secret in text for secret in secrets) else value


def cut(text: str, most: int, door: Callable[[str], str] = scrub) -> str:
    """The beginning of a text, as the door lets it out: half a secret would pass it, so the text is cut behind it."""
    longest = len(next(iter(_known), ""))
    return door(text[: most + longest])[:most]


def told(error: BaseException) -> str:
    """The traceback of an error as people may see it."""
    return shown("".join(traceback.format_exception(error)))


class Door(logging.Filter):
    """Makes every record of a logger, or of a handler, fit to be seen."""

    def filter(self, record: logging.LogRecord) -> bool:
        """True, with the record's message and traceback as people may see them."""
        record.msg, record.args = shown(record.getMessage()), ()
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text, record.exc_info = told(record.exc_info[1]), None
        return True


def logger(name: str) -> logging.Logger:
    """The logger of that name, whose records pass the door."""
    found = logging.getLogger(name)
    if not any(isinstance(one, Door) for one in found.filters):
        found.addFilter(Door())
    return found


def _without(value: Any, secrets: Sequence[str]) -> Any:
    """The value with `***` for each of the secrets in its texts and keys, and for a number that is one."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
        return value
    if isinstance(value, Mapping):
        return {_without(key, secrets): _without(below, secrets) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [_without(below, secrets) for below in value]
    return HIDDEN if isinstance(value, int) and str(value) in secrets else value


def _forms(secret: str) -> Iterable[str]:
    data = secret.encode("utf-8", "surrogatepass")
    quoted = quote(secret, safe="", errors="replace")
    forms = {
        *(secret, quoted, quoted.lower(), quote(secret, errors="replace"), quote_plus(secret, errors="replace")),
        *(json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], html.escape(secret)),
    }
    if len(data) >= 2 * SHORTEST:
        forms |= {inside for encode in (b64encode, urlsafe_b64encode) for inside in _inside_base64(data, encode)}
    return forms | {secret.lower(), secret.upper()} if _is_peculiar(secret) else forms


def _inside_base64(data: bytes, encode: Callable[[bytes], bytes]) -> Iterable[str]:
    """What the base64 of any text has in it where the text has the data: alone, after `Bearer `, or after a name."""
    for before in range(3):
        encoded = encode(bytes(before) + data).decode().rstrip("=")
        # a character holds six bits: the first ones and the last one may hold some of what stands around it, too
        yield encoded[(0, 2, 3)[before] : (before + len(data)) * 8 // 6]
    yield encode(data).decode().rstrip("=")


def _is_peculiar(secret: str) -> bool:
    """Whether the text is no word or number that data may hold by chance."""
    if secret.isdigit():
        return len(secret) >= 12
    if secret.replace("-", "").replace("_", "").isalpha() and (secret.islower() or secret.isupper()):
        return len(secret) >= 24
    return len(secret) >= 8
