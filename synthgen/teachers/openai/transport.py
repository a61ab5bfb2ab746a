"""The HTTP connections of this process, and how many of them it may open: each is a file descriptor."""

from __future__ import annotations

import os
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING

from synthgen.errors import TeacherError
from synthgen.teachers.openai.problems import Again

if TYPE_CHECKING:
    import aiohttp
    import yarl


SPARE = 64
"""Descriptors for all else that a run opens: the journal, Parquet files, modules, the terminal."""
ENOUGH = 65_536
"""The limit is raised no higher than this: some programs that we start look at each descriptor they may have."""
UNKNOWN_IN_USE = 64
"""Taken for those in use where the system does not list them."""


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


CONNECT_S = 10.0
"""Longer than this no server needs to take a connection."""
LARGE = 2**20
"""From this size on aiohttp wants a body as a file, to write it in pieces."""

MEGABYTE = 10**6


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
