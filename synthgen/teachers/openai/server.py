"""One server and how it is reached: its addresses, the headers of every request, and what it understands."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from synthgen.requests.request import Api
from synthgen.teachers.openai.bodies import PATHS, Dialect
from synthgen.teachers.openai.credentials import credentials, without_credentials
from synthgen.teachers.openai.endpoint import Endpoint
from synthgen.teachers.openai.proxies import Proxy, proxy_for

if TYPE_CHECKING:
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
