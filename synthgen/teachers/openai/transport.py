"""The HTTP connections of this process: what they bring, through which proxy they go, and how many may be open."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from synthgen.errors import TeacherError
from synthgen.safety import outward
from synthgen.teachers.openai.problems import Again

if TYPE_CHECKING:
    import aiohttp
    import httpx2
    import yarl

CONNECT_S = 10.0
"""Longer than this no server needs to take a connection."""
LARGE = 2**20
"""From this size on aiohttp wants a body as a file, to write it in pieces."""
MEGABYTE = 10**6
SPARE = 64
"""Descriptors for all else that a run opens: the journal, Parquet files, modules, the terminal."""
ENOUGH = 65_536
"""The limit is raised no higher than this: some programs that we start look at each descriptor they may have."""
UNKNOWN_IN_USE = 64
"""Taken for those in use where the system does not list them."""

_SCHEMES = ("http", "https")


class Transport:
    """One pool of connections for all endpoints, made for one event loop. Of no body are more than `most` bytes read,
    counted after decompression.
    """

    def __init__(self, timeout_s: float, most: int = 16 * MEGABYTE) -> None:
        import aiohttp

        self._timeout_s = timeout_s
        self.most = most
        self._errors = aiohttp
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
            timeout=aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(CONNECT_S, timeout_s)),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent",),
        )

    async def send(
        self, method: str, url: yarl.URL, headers: Mapping[str, str], data: bytes | None, proxy: str | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the reply.

        Raises:
            Again: no reply came, or not all of it, or too much.
            TeacherError: the server cannot be spoken to at all (its certificate, TLS where there is none).
        """
        errors = self._errors
        body = BytesIO(data) if data is not None and len(data) >= LARGE else data
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, proxy=proxy, allow_redirects=False
            ) as reply:
                return reply.status, reply.headers, await self._body(reply)
        except errors.ConnectionTimeoutError:
            raise Again("unreachable", f"no connection within {min(CONNECT_S, self._timeout_s):g} s") from None
        except TimeoutError:
            raise Again("timed_out", f"no reply within {self._timeout_s:g} s") from None
        except (errors.ClientConnectorCertificateError, errors.ClientConnectorSSLError) as error:
            raise TeacherError(
                f"no trusted connection to {url.host}: {error.__class__.__name__}",
                hint="is it https where the server speaks http? For a certificate of your own: SSL_CERT_FILE=ca.pem",
            ) from None
        except errors.ClientConnectorError as error:
            number = error.os_error.errno
            what = os.strerror(number) if number and number > 0 else error.os_error.strerror or str(error.os_error)
            raise Again("unreachable", what) from None
        except errors.ClientConnectionError as error:
            raise Again("failed", f"the connection broke ({type(error).__name__})") from None
        except errors.ClientPayloadError:
            raise Again("failed", "the reply was cut off", answered=True) from None
        except errors.ClientHttpProxyError as error:
            raise Again("unreachable", f"the proxy answers HTTP {error.status} {error.message[:100]}") from None
        except errors.ClientResponseError as error:
            said = (error.message.splitlines() or [""])[0]
            what = said if "content-encoding" in said.lower() else f"the reply is not HTTP ({said})"
            raise Again("failed", what, answered=True) from None

    async def _body(self, reply: aiohttp.ClientResponse) -> bytes:
        if (reply.content_length or self.most + 1) <= self.most and "Content-Encoding" not in reply.headers:
            return await reply.read()
        parts: list[bytes] = []
        size = 0
        while part := await reply.content.readany():
            size += len(part)
            if size > self.most:
                reply.close()
                if reply.status >= 300:  # whose words stand at its beginning
                    break
                what = f"the reply is larger than {self.most / MEGABYTE:g} MB, which max_reply_mb allows"
                raise Again("failed", what, answered=True)
            parts.append(part)
        return b"".join(parts)

    async def close(self) -> None:
        """Closes all connections."""
        await self._session.close()


class TooLarge(Exception):
    """A reply has more bytes than are read of one."""


def bounded_client(url: str, most: int) -> httpx2.AsyncClient:
    """Connections to one server for the openai package, which reads replies whole: of none more than `most` bytes.

    A file's content is not bounded, since that is read in pieces; the others are bounded as they come, packed or not,
    and raise `TooLarge`. No redirect is followed: another address would get the headers, whatever is secret in them,
    and the prompts.
    """
    import httpx2
    import openai

    class Bounded(httpx2.AsyncByteStream):
        def __init__(self, pieces: httpx2.AsyncByteStream, *, is_error: bool) -> None:
            self._pieces = pieces
            self._is_error = is_error

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for piece in self._pieces:
                size += len(piece)
                if size > most:
                    if self._is_error:  # whose words stand at its beginning
                        return
                    raise TooLarge(f"it is larger than {most / MEGABYTE:g} MB, which max_reply_mb allows")
                yield piece

        async def aclose(self) -> None:
            await self._pieces.aclose()

    async def bound(response: httpx2.Response) -> None:
        is_file = response.is_success and response.url.path.endswith("/content")
        if not is_file and isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = Bounded(response.stream, is_error=not response.is_success)

    proxy = proxy_for(url)
    return openai.DefaultAsyncHttpxClient(
        follow_redirects=False,
        trust_env=False,
        proxy=proxy.url if proxy is not None else None,
        event_hooks={"response": [bound]},
    )


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


class Descriptors:
    """What the teachers of this process have been given; each gets half of what is left at most."""

    def __init__(self) -> None:
        self._given = 0

    def take(self, wanted: int | None) -> int | None:
        """How many connections may be open at once, `wanted` at most; None where nothing limits them.

        The soft limit of the process is raised to its hard one. `give_back` frees what was taken.

        Raises:
            TeacherError: there is not room for one.
        """
        limit = _raised()
        if limit is None:
            return wanted
        room = (
            limit - _in_use() - SPARE - self._given
        ) // 2  # a connection takes two while both IPv6 and IPv4 are tried
        if room < 1:
            raise TeacherError(
                f"this process may open {limit} files, which leaves none for connections to a server",
                hint="raise the limit (ulimit -n 1024) and run the same command again",
            )
        taken = room if wanted is None else min(room, wanted)
        self._given += taken
        return taken

    def give_back(self, taken: int | None) -> None:
        """The connections are closed."""
        self._given -= taken or 0


descriptors = Descriptors()


def _raised() -> int | None:
    """The limit, after it was raised as far as that is allowed; None where there is none."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return None
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):  # macOS allows less than it says
            return int(soft)
        return int(wanted)
    return int(soft)


def _in_use() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return len(os.listdir(folder))
        except OSError:
            continue
    return UNKNOWN_IN_USE
