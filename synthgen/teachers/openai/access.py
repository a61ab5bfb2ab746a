"""How a server is reached: its addresses, the headers of every request, and the keys and logins that are in these."""

from __future__ import annotations

import os
import re
import unicodedata
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from synthgen.errors import ConfigError, TeacherError
from synthgen.requests.request import Api
from synthgen.safety import outward
from synthgen.safety.likely_secrets import VARIABLE, secrets_at
from synthgen.teachers.openai.bodies import PATHS, Dialect
from synthgen.teachers.openai.dispatch import Endpoint
from synthgen.teachers.openai.transport import Proxy, proxy_for

if TYPE_CHECKING:
    import httpx2
    import openai
    import yarl


OPENAI_URL = "https://api.openai.com/v1"
NO_KEY = "none"
"""Sent where no key is needed and none is set: the openai package insists on one."""


@dataclass(frozen=True, slots=True)
class Access:
    """How the servers of one teacher are reached: key, Azure's version and deployment, further headers."""

    key: str | None = field(repr=False)
    organization: str | None = None
    project: str | None = None
    azure_api_version: str | None = None
    azure_deployment: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def client(self, url: str, http_client: httpx2.AsyncClient, **options: Any) -> openai.AsyncOpenAI:
        """The openai package's client for a server, without retries of its own. A login in the URL goes as a header."""
        import openai

        headers = dict(self.headers)
        if user := credentials(url):
            headers["Authorization"] = "Basic " + b64encode(f"{user[0]}:{user[1]}".encode()).decode()
        url = without_credentials(url)
        common = {"api_key": self.key or NO_KEY, "max_retries": 0, "default_headers": headers, **options}
        common |= {"http_client": http_client, "organization": self.organization, "project": self.project}
        if self.azure_api_version is None:
            return openai.AsyncOpenAI(base_url=url, **common)
        common["api_version"] = self.azure_api_version
        if self.azure_deployment is not None:
            common["azure_deployment"] = self.azure_deployment
        return openai.AsyncAzureOpenAI(azure_endpoint=url, **common)


@dataclass(slots=True)
class Server:
    """One server: its state as an endpoint, its addresses, and what it turned out to understand."""

    endpoint: Endpoint
    urls: Mapping[Api, yarl.URL]
    models_url: yarl.URL
    headers: Mapping[str, str] = field(repr=False)
    dialect: Dialect
    proxy: Proxy | None = None


def is_openai(url: str) -> bool:
    """Whether the URL is OpenAI's own API (or a regional one), where a key is needed."""
    host = urlsplit(url).hostname or ""
    return host == "api.openai.com" or host.endswith(".api.openai.com")


def is_local(url: str) -> bool:
    """Whether the URL is on this machine or in a private network: nobody sends a bill for those."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".lan"))


async def addressed(url: str, endpoint: Endpoint, access: Access, model: str, dialect: Dialect) -> Server:
    """The server behind a base URL.

    The openai package is asked how it would send each kind of request: it does, over a transport that only looks. So
    authentication, Azure's URLs and the package's own environment variables hold here as they do there.

    Raises:
        TeacherError: the environment names a proxy that cannot be used.
    """
    import httpx2
    import yarl
    from multidict import CIMultiDict

    seen: list[httpx2.Request] = []

    def look(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={})

    looking = httpx2.AsyncClient(transport=httpx2.MockTransport(look), trust_env=False)
    async with access.client(url, looking) as client:
        for path in PATHS.values():
            await client.post(path, body={"model": model}, cast_to=object)
        await client.get("/models", cast_to=object)
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in seen[0].headers.items():
        # the package reports its version, the platform and its retries in x-stainless headers; we report nothing
        if name.lower() not in _LEFT_OUT and not name.lower().startswith("x-stainless"):
            headers[name] = value
    headers["User-Agent"] = f"synthgen/{version('synthgen')}"
    urls = [yarl.URL(str(request.url)) for request in seen]
    proxy = proxy_for(without_credentials(url))
    return Server(endpoint, dict(zip(PATHS, urls, strict=False)), urls[-1], headers, dialect, proxy)


_LEFT_OUT = {"host", "content-length", "accept-encoding", "connection", "user-agent"}


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
