"""Where a server is and how it is reached: URLs, headers, keys and proxies."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from synthgen.errors import ConfigError, TeacherError
from synthgen.requests.request import Api
from synthgen.safety import outward
from synthgen.safety.likely_secrets import VARIABLE, secrets_at
from synthgen.teachers.openai.bodies import PATHS, Dialect
from synthgen.teachers.openai.endpoint import Endpoint

if TYPE_CHECKING:
    import openai
    import yarl


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


_SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy. `url` may hold a password, `shown` never does; `variable` is where it comes from."""

    url: str = field(repr=False)
    shown: str
    variable: str

    def said(self, host: str) -> str:
        """For an error: whose failure it is, and what goes past it."""
        return f"through the proxy {self.shown} of {self.variable}; NO_PROXY={host} would go past it"


def proxy_for(url: str) -> Proxy | None:
    """The proxy for a URL, or None where it is reached directly.

    Servers on this machine (localhost, 127.*, ::1) always are, and those in `no_proxy`: hosts, domains with all that
    is below them, addresses, networks (10.0.0.0/8), each with or without a port, or `*`.

    Raises:
        TeacherError: the variable names no URL, or a kind of proxy that is not supported.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if _is_here(host) or _is_excepted(parts, host):
        return None
    name, value = _named_proxy(parts.scheme)
    if not value and sys.platform in ("darwin", "win32") and not proxy_bypass(parts.netloc):
        name, value = "the system's settings", getproxies().get(parts.scheme, "")
    return _read(name, value, host) if value else None


def _named_proxy(scheme: str) -> tuple[str, str]:
    """The variable that decides, and its value. An empty one in lower case means none, as everywhere."""
    for name in (f"{scheme}_proxy", "all_proxy"):
        for variable in (name, name.upper()):
            if variable == "HTTP_PROXY" and "REQUEST_METHOD" in os.environ:
                continue  # under CGI a client could set it by a header
            value = os.environ.get(variable)
            if value is not None and (value.strip() or variable == name):
                return variable, value.strip()
    return "", ""


def _read(variable: str, value: str, host: str) -> Proxy:
    parts = _split(value if "://" in value else f"http://{value}")
    scheme = parts.scheme.lower() if parts else ""
    past = f"NO_PROXY={host} goes past it"
    if scheme.startswith("socks"):
        raise TeacherError(
            f"{variable} names a SOCKS proxy, which is not supported",
            hint=f"set HTTPS_PROXY or HTTP_PROXY to an HTTP proxy; {past}",
        )
    if parts is None or scheme not in _SCHEMES or not _is_sound(value):
        raise TeacherError(
            f"{variable} is no proxy's URL", hint=f"it should look like http://HOST:PORT, or unset it; {past}"
        )
    name = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    shown = f"{scheme}://{name}" + (f":{parts.port}" if parts.port else "")
    login = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return Proxy(shown.replace("://", f"://{login}", 1), shown, variable)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if parts.hostname and (parts.port is None or parts.port > 0) else None
    except ValueError:  # a port that is no number, brackets without an end
        return None


def _is_sound(value: str) -> bool:
    return value.isascii() and value.isprintable() and not any(c in value for c in ' <>"\\^`{|}')


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_excepted(parts: SplitResult, host: str) -> bool:
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    for entry in _exceptions():
        name, colon, entry_port = entry.rpartition(":")
        if not (colon and entry_port.isdecimal() and (":" not in name or name.endswith("]"))):
            name, entry_port = entry, ""
        if (not entry_port or int(entry_port[:9]) == port) and _is_meant(name.strip("[]").lower(), host.lower()):
            return True
    return False


def _exceptions() -> Iterator[str]:
    value = os.environ.get("no_proxy", os.environ.get("NO_PROXY", ""))
    yield from (entry for entry in value.replace(",", " ").split() if entry)


def _is_meant(entry: str, host: str) -> bool:
    if entry == "*":
        return True
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        name = entry.removeprefix("*").strip(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))


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

    def client(self, url: str, **options: Any) -> openai.AsyncOpenAI:
        """The openai package's client for a server, without retries of its own.

        It follows no redirect: another address would get the headers, whatever is secret in them, and the prompts.
        """
        import openai

        if "http_client" not in options:
            proxy = proxy_for(url)
            options["http_client"] = openai.DefaultAsyncHttpxClient(
                follow_redirects=False, trust_env=False, proxy=proxy.url if proxy is not None else None
            )
        common = {"api_key": self.key or NO_KEY, "max_retries": 0, "default_headers": dict(self.headers), **options}
        common |= {"organization": self.organization, "project": self.project}
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
    url: str = field(default="", repr=False)


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

    plain = without_credentials(url)
    client = access.client(plain, http_client=httpx2.AsyncClient(transport=httpx2.MockTransport(look), trust_env=False))
    async with client:
        for path in PATHS.values():
            await client.post(path, body={"model": model}, cast_to=object)
        await client.get("/models", cast_to=object)
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in seen[0].headers.items():
        # the package reports its version, the platform and its retries in x-stainless headers; we report nothing
        if name.lower() not in _LEFT_OUT and not name.lower().startswith("x-stainless"):
            headers[name] = value
    headers["User-Agent"] = f"synthgen/{version('synthgen')}"
    if user := credentials(url):
        headers["Authorization"] = "Basic " + b64encode(f"{user[0]}:{user[1]}".encode()).decode()
    urls = [yarl.URL(str(request.url)) for request in seen]
    return Server(
        endpoint, dict(zip(PATHS, urls, strict=False)), urls[-1], headers, dialect, proxy_for(plain), plain.rstrip("/")
    )


_LEFT_OUT = {"host", "content-length", "accept-encoding", "connection", "user-agent"}
