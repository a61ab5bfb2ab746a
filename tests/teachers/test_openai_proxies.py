"""Proxies of the environment: which one is used, what goes past it, and what is said of one that cannot be."""

from __future__ import annotations

import asyncio

import pytest
from openai_parts import OpenAIServer, opened, request

from synthgen.errors import TeacherError
from synthgen.teachers.openai.transport import Proxy, proxy_for

FAR = "https://llm.example.invalid/v1"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, *map(str.upper, VARIABLES), "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("value", ["http://proxy:3128", "proxy:3128", " http://proxy:3128/ "])
def test_it_is_read_as_curl_reads_it(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    assert proxy_for(FAR) == Proxy("http://proxy:3128", "http://proxy:3128", variable)


def test_the_scheme_decides_and_an_empty_variable_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://one:1")
    assert proxy_for(FAR) is None
    monkeypatch.setenv("ALL_PROXY", "http://two:2")
    assert str(proxy_for(FAR)).count("two:2") == 1
    monkeypatch.setenv("https_proxy", "")
    assert proxy_for(FAR) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/v1",
        "http://127.0.0.1/v1",
        "http://127.3.2.1/v1",
        "http://[::1]:1/v1",
        "http://a.localhost/v1",
    ],
)
def test_servers_on_this_machine_are_reached_directly(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:9")
    assert proxy_for(url) is None


@pytest.mark.parametrize(
    ("entry", "past"),
    [
        ("*", True),
        ("llm.example.invalid", True),
        ("example.invalid", True),
        (".example.invalid", True),
        ("*.example.invalid", True),
        ("other.org, LLM.example.invalid:443", True),
        ("llm.example.invalid:80", False),
        ("ample.invalid", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("variable", ["no_proxy", "NO_PROXY"])
def test_exceptions(monkeypatch: pytest.MonkeyPatch, variable: str, entry: str, past: bool) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv(variable, entry)
    assert (proxy_for(FAR) is None) is past


@pytest.mark.parametrize(("entry", "past"), [("10.0.0.0/8", True), ("10.1.2.3", True), ("192.168.0.0/16", False)])
def test_networks_are_exceptions_too(monkeypatch: pytest.MonkeyPatch, entry: str, past: bool) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", entry)
    assert (proxy_for("http://10.1.2.3:8000/v1") is None) is past


@pytest.mark.parametrize("scheme", ["socks4", "socks5", "socks5h", "socks"])
def test_a_socks_proxy_is_said_not_to_be_supported(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://user:secret-1@127.0.0.1:9")
    with pytest.raises(TeacherError, match="ALL_PROXY names a SOCKS proxy, which is not supported") as caught:
        proxy_for(FAR)
    assert "NO_PROXY=llm.example.invalid" in str(caught.value.hint)
    assert "secret-1" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "http://:9",
        "://",
        "http://",
        "ftp://u:secret-1@h:1",
        "http://u:secret-1@h:port",
        "http://h:70000",
        "a b",
        "http://[::1",
        "h\u00e9:1",
    ],
)
def test_a_variable_that_names_no_proxy(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("https_proxy", value)
    with pytest.raises(TeacherError, match="https_proxy is no proxy's URL") as caught:
        proxy_for(FAR)
    assert "secret-1" not in str(caught.value)


def test_a_password_is_used_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "user:secret-1@proxy:3128")
    proxy = proxy_for(FAR)
    assert proxy is not None
    assert proxy.url == "http://user:secret-1@proxy:3128"
    assert "secret-1" not in repr(proxy) + proxy.said("h")


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone() -> str:
        async with OpenAIServer() as server:
            return server.url.removesuffix("/v1").removeprefix("http://")

    monkeypatch.setenv("http_proxy", f"http://user:secret-1@{asyncio.run(gone())}")

    async def work() -> None:
        async with opened(base_url="http://llm.example.invalid/v1", model="m", give_up_after_s=0.2) as teacher:
            await teacher.complete(request("x"))

    with pytest.raises(
        TeacherError, match=r"through the proxy http://127.*of http_proxy; NO_PROXY=llm.example"
    ) as caught:
        asyncio.run(work())
    assert "is the proxy right?" in str(caught.value.hint)
    assert "secret-1" not in str(caught.value)


def test_a_socks_proxy_is_no_trouble_for_a_server_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "socks5://127.0.0.1:9")

    async def work() -> None:
        for batch in (False, True):
            async with (
                OpenAIServer() as server,
                opened(base_url=server.url, model="test-model", batch=batch) as teacher,
            ):
                if not batch:
                    await teacher.complete(request("x"))

    asyncio.run(work())
