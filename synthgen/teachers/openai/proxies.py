"""Proxies of the environment: which one stands before a server, and what goes past it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from synthgen.errors import TeacherError
from synthgen.safety import outward

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


def learn_proxies() -> None:
    """Makes the logins of the environment's proxies known: errors of a connection may name the proxy."""
    for url in getproxies().values():
        parts = urlsplit(url if "://" in url else f"//{url}")
        if parts.password:
            outward.learn_login(unquote(parts.username or ""), unquote(parts.password))


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
