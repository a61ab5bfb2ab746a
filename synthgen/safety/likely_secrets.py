"""Tells keys, tokens and passwords by what they look like; nothing is known of them.

Three things give one away: the form that a service has published for its keys, a place that is made for one (the
password of a URL, what follows `Bearer`), and letters and digits in an order that no name and no word has. Hashes in
hexadecimal are in every path and id, so that they count only where a secret is expected. Where a config has a place
for nothing else (`password`, the header `Authorization`), any text is one: see `secrets_at`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence

_PREFIXES = (
    r"(?P<sk>sk-[A-Za-z0-9_-]{14,}+)",
    r"[rsp]k_(?:live|test)_[A-Za-z0-9]{16,}",
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",
    r"gh[pousr]_[A-Za-z0-9]{20,}",
    r"github_pat_[A-Za-z0-9_]{20,}",
    r"glpat-[A-Za-z0-9_-]{16,}",
    r"xox[abeprs]-[A-Za-z0-9-]{10,}",
    r"AIza[A-Za-z0-9_-]{30,}",
    r"ya29\.[A-Za-z0-9_-]{16,}",
    r"(?:hf|gsk|r8|npm|fw|dop_v1|tgp_v1)_[A-Za-z0-9]{18,}",
    r"(?:xai|nvapi|pplx|csk|tvly)-[A-Za-z0-9_-]{30,}",
    r"dapi[0-9a-f]{32}",
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
)
PUBLISHED = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(_PREFIXES)})")
"""Forms of services' keys; what begins with `sk-` may also be a name. Those of the filter `secrets` are a whole key
each, these also find one that is cut."""

_THREE_PARTS = re.compile(r"(?<![\w.-])eyJ[\w-]{8,}+\.[\w-]{8,}+\.[\w-]{8,}+")
"""A JSON Web Token."""

_PEM = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY")
_SCHEME = re.compile(r"(?<![A-Za-z])(bearer|basic|token|apikey)[ \t]+([\w.+/=~-]{8,}+)", re.IGNORECASE)
LOGIN = re.compile(r"(?<=://)([^\s/?#@:]*+):([^\s/?#@]++)(?=@)")
"""`user:password` of a URL; the password is the second group."""

_PIECE = re.compile(r"[A-Za-z0-9+/=_-]{20,}+")
_CHUNK = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_IDS = re.compile(r"(?:org|proj|asst|file|batch|req|chatcmpl|resp|ft|user)[-_:]")
"""How OpenAI's and others' ids begin: random as keys are, and no secret."""

RANDOM_PART, RANDOM_WHOLE = 2.9, 2.2
"""A run of small letters, capitals or digits has fewer characters than this, on average, in random text: 1.7. In names
as people make them it has more than 3, and in those of models (`Qwen3-VL-30B-A3B`) 2.5 where their hyphens are left
out."""

_HASH = re.compile(r"[0-9a-f]{16,}|[0-9A-F]{16,}")
_HEXADECIMAL = re.compile(r"(?<![A-Za-z0-9])(?:[0-9a-f]{32,}|[0-9A-F]{32,})(?![A-Za-z0-9])")
_PATH = re.compile(r"^\s*[./~]|://|\\|\.\w{1,8}\s*$")


def likely_secrets(text: str, *, expected: bool = False) -> list[str]:
    """The parts of the text that look like secrets.

    `expected` says that the text stands where a key may well be (a header, the name of a variable), so that more
    counts: hashes in hexadecimal, and random letters and digits in what could be a path.
    """
    found = [match.group() for match in PUBLISHED.finditer(text) if is_published(match)]
    found += [match.group() for pattern in (_THREE_PARTS, _PEM) for match in pattern.finditer(text)]
    found += [match[2] for match in LOGIN.finditer(text) if not is_variable(match[2])]
    found += _after_scheme(text)
    if expected or not _PATH.search(text):
        found += [piece for piece in _PIECE.findall(text) if not _IDS.match(piece) and is_random(piece)]
    if expected:
        found += [match.group() for match in _HEXADECIMAL.finditer(text)]
        found += [piece for piece in _PIECE.findall(text) if _is_mixed(piece, RANDOM_PART)]
    return found


VARIABLE = re.compile(r"\$\{(\w+)\}")
"""`${NAME}`: the value of an environment variable."""

_ALONE = frozenset(
    [
        "authorization",
        "auth",
        "cookie",
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "credential",
        "credentials",
    ]
)
_KEYS_OF_OTHERS = frozenset(["cache", "foreign", "idempotency", "partition", "primary", "public", "routing", "sort"])
_ABOUT = frozenset(
    [
        "audience",
        "count",
        "env",
        "header",
        "id",
        "limit",
        "limits",
        "max",
        "method",
        "mode",
        "name",
        "provider",
        "region",
        "scheme",
        "ttl",
        "type",
        "uri",
        "url",
        "version",
    ]
)
"""Last words of names that speak about a secret: `X-Auth-Mode`, `api_key_env`."""
_HASHES = frozenset(
    [
        "checksum",
        "commit",
        "digest",
        "etag",
        "fingerprint",
        "hash",
        "id",
        "revision",
        "sha",
        "sha256",
        "span",
        "trace",
        "traceparent",
        "version",
    ]
)
_ENDINGS = (
    *("accesskey", "apikey", "privatekey", "secretkey", "subscriptionkey"),
    *("passphrase", "passwd", "password"),
    *("accesstoken", "apitoken", "authtoken", "bearertoken", "hftoken", "hubtoken"),
    *("authorization", "secret"),
)
_EMPTY = frozenset(("", "none", "null", "true", "false"))
_QUERY = re.compile(r"[?&]([\w.-]+)=([^&#\s]+)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def secrets_at(key: Sequence[str | int], value: object) -> list[str]:
    """What of a config's value is a secret in plain text; `key` is the way to it. `${NAME}` is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return []
    text, name = str(value), next((part for part in reversed(key) if isinstance(part, str)), "")
    rest = VARIABLE.sub(" ", text)
    words = [word.lower() for word in _CHUNK.findall(name)]
    header = any(isinstance(part, str) and part.lower().endswith("headers") for part in key[:-1])
    found = likely_secrets(rest, expected=header and _HASHES.isdisjoint(words))
    found += [v for n, v in _QUERY.findall(rest) if _is_for_secrets(n, header=True) or likely_secrets(v, expected=True)]
    if words[-1:] == ["env"]:
        found += likely_secrets(rest, expected=True)
        found += [text] if rest == text and text.strip() and not _NAME.fullmatch(text.strip()) else []
    elif _is_for_secrets(name, header=header):
        found += _literal(text, rest)
    return found


def may_hold_secret(key: Sequence[str | int]) -> bool:
    """Whether a wrong value at this place of a config may be a secret that was put there by mistake."""
    names = [part.lower() for part in key if isinstance(part, str)]
    words = [word.lower() for word in _CHUNK.findall(names[-1])] if names else []
    place = any(name.endswith("headers") for name in names) or words[-1:] == ["env"] or words[-1:] == ["url"]
    return place or _is_for_secrets(names[-1] if names else "", header=True)


def _is_for_secrets(name: str, *, header: bool) -> bool:
    """Whether a key or header of this name holds a secret and nothing else."""
    words = [word.lower() for word in _CHUNK.findall(name)]
    if not words or words[-1] in _ABOUT:
        return False
    if "".join(words).endswith(_ENDINGS):
        return True
    is_key = words[-1] == "key" and _KEYS_OF_OTHERS.isdisjoint(words)
    return header and (is_key or not _ALONE.isdisjoint(words) or "".join(words).endswith(("token", "cookie")))


def _literal(text: str, rest: str) -> list[str]:
    """What is written out in a value that is to hold a secret; words such as `Bearer` may stand beside a variable."""
    if rest == text:
        plain = text.strip()
        return [] if plain.lower() in _EMPTY or (plain.isdigit() and len(plain) < 6) else [plain]
    parts = re.split(r"[^\w.+/~]+", rest)
    return [p for p in parts if len(p) > LONGEST_WORD or (len(p) >= 8 and not p.replace("_", "").isalpha())]


LONGEST_WORD = 16
"""Letters of the longest word beside a variable that is taken for a name."""


def is_published(match: re.Match[str]) -> bool:
    """Whether a match of `PUBLISHED` is a key: of `sk-…` a part of ten letters has a digit, or all are capitals too."""
    return not match["sk"] or any(
        len(part) >= 10 and not (part.isalpha() and part.islower()) for part in re.split("[-_]", match["sk"])
    )


def is_random(piece: str) -> bool:
    """Whether small letters, capitals and digits follow each other as in a random text of 20 or more characters."""
    parts = re.split(r"[-_/=+]", piece)
    # a key may hold the separators of names, and then it is told by all of its parts; a hash among them says nothing
    whole = "".join(part for part in parts if not _HASH.fullmatch(part))
    return any(_is_random(part, RANDOM_PART) for part in parts) or _is_random(whole, RANDOM_WHOLE)


def _is_random(letters: str, most: float) -> bool:
    three = any(map(str.isdigit, letters)) and any(map(str.islower, letters)) and any(map(str.isupper, letters))
    return len(letters) >= 20 and three and len(letters) < most * len(_CHUNK.findall(letters))


def _is_mixed(letters: str, most: float) -> bool:
    """Whether letters of one case and digits follow each other as in a random text."""
    both = letters.isalnum() and not letters.isalpha() and not letters.isdigit()
    return len(letters) >= 24 and both and len(letters) < most * len(_CHUNK.findall(letters))


def _after_scheme(text: str) -> Iterator[str]:
    for match in _SCHEME.finditer(text):
        scheme, value = match[1].lower(), match[2]
        has_digit = any(map(str.isdigit, value))
        if (scheme == "basic" and _is_login(value)) or (scheme != "basic" and (has_digit and len(value) >= 12)):
            yield value


def _is_login(text: str) -> bool:
    """Whether this is the base64 of `user:password`."""
    try:
        return b":" in base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False


def is_variable(text: str) -> bool:
    """Whether the text names environment variables, or is what stands for a secret in instructions (`***`)."""
    return bool(re.fullmatch(r"(?:\$\{\w+\})+", text)) or set(text) <= set("*.…x")
