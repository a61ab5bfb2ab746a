"""The `openai` teacher: what it can be told, and its beginning and end. `calls.py` is what it does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_serializer, field_validator, model_validator

from synthgen.errors import TeacherError
from synthgen.protocols import MOST, Teacher
from synthgen.requests.metering import FREE, Price, listed
from synthgen.requests.request import Api, Completion, Draining, Request, Sampling
from synthgen.safety.outward import logger
from synthgen.teachers.openai import advice
from synthgen.teachers.openai.access import (
    OPENAI_URL,
    Access,
    addressed,
    check_header_name,
    check_key,
    check_value,
    credentials,
    expanded,
    fault_in_login,
    from_environment,
    how_to_fix,
    is_local,
    is_openai,
    without_credentials,
)
from synthgen.teachers.openai.batch import Batches
from synthgen.teachers.openai.batch_api import BatchApi, BatchState
from synthgen.teachers.openai.bodies import Dialect
from synthgen.teachers.openai.calls import Caller
from synthgen.teachers.openai.dispatch import Dispatch, Endpoint
from synthgen.teachers.openai.failures import NEVER_ANSWERED_S
from synthgen.teachers.openai.limits import Concurrency
from synthgen.teachers.openai.problems import Again
from synthgen.teachers.openai.transport import MEGABYTE, Transport, bounded_client, descriptors, learn_proxies

log = logger("synthgen.teachers.openai")

ASK_AGAIN_S = 1.0
"""Between two looks for the model of a server that is not there yet."""


class OpenAI(Teacher, BaseModel):
    """OpenAI, or any server that speaks its API: vLLM, Ollama, llama.cpp, LM Studio, OpenRouter, Azure …

    `model` may be left out where a server has just one. Several `base_url`s serve the same model; each request goes to
    the least loaded. The key is read from the environment variable `api_key_env` (or from `.env`), never from a config.
    How many requests a server takes at once is found out; `max_concurrency`, `rpm` and `tpm` (requests and tokens a
    minute) are for limits that you want to keep. `give_up_after_s` is how long no server may answer before the run
    stops. `structured: false` never asks for JSON by schema; a server that turns out not to know it is asked without.
    `batch: true` sends requests through the provider's batch API: half the price, replies within a day; the run's
    `concurrency` is how many requests a batch can hold. In `headers`, and in the login
    of a `base_url` (`http://user:${NAME}@host/v1`), `${NAME}` is the environment variable's value.
    A reply of more than `max_reply_mb` megabytes is not read to its end.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    metered: ClassVar[bool] = True
    free_settings: ClassVar[tuple[str, ...]] = (
        "base_url",
        "api_key_env",
        "timeout_s",
        "give_up_after_s",
        "max_reply_mb",
        "max_concurrency",
        "rpm",
        "tpm",
        "batch",
        "price",
        "organization",
        "project",
        "azure_api_version",
        "azure_deployment",
        "headers",
    )

    model: str = ""
    base_url: str | list[str] = Field(OPENAI_URL, repr=False)
    api_key_env: str = "OPENAI_API_KEY"
    api: Api = "chat"
    sampling: Sampling | None = None
    structured: bool = True
    timeout_s: float = Field(600, gt=0)
    give_up_after_s: float = Field(600, gt=0)
    max_reply_mb: float = Field(16, ge=0.001)
    max_concurrency: int | None = Field(None, ge=1)
    rpm: int | None = Field(None, ge=1)
    tpm: int | None = Field(None, ge=1)
    batch: bool = False
    price: Price | None = None
    organization: str | None = None
    project: str | None = None
    azure_api_version: str | None = None
    azure_deployment: str | None = None
    headers: dict[str, str] = Field(default_factory=dict, repr=False)

    _caller: Caller | None = PrivateAttr(None)
    _batches: Batches | None = PrivateAttr(None)
    _batch_file: Path | None = PrivateAttr(None)
    _connections: int | None = PrivateAttr(None)

    @field_validator("model", mode="before")
    @classmethod
    def _no_model(cls, value: Any) -> Any:
        return "" if value is None else value

    @field_validator("base_url")
    @classmethod
    def _urls(cls, value: str | list[str]) -> str | list[str]:
        urls = [value] if isinstance(value, str) else value
        if not urls:
            raise ValueError("name at least one URL")
        for url in urls:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(f"{without_credentials(url)!r} is no URL: http://HOST:PORT/v1")
            try:
                reached = parts.port != 0
            except ValueError:
                reached = False
            if not reached:
                raise ValueError(f"{without_credentials(url)!r} has no port of 1 to 65535")
        if len(set(urls)) < len(urls):
            raise ValueError("a URL is named twice")
        return value

    @model_validator(mode="after")
    def _at_one_place(self) -> OpenAI:
        if self.batch and (len(self.urls) > 1 or self.azure_api_version):
            raise ValueError("batch: true needs one base_url, and not Azure's")
        return self

    @model_validator(mode="after")
    def _priced(self) -> OpenAI:
        self._look_up_price()
        return self

    @field_serializer("base_url")
    def _shown(self, value: str | list[str]) -> str | list[str]:
        """Without credentials: what is written down must not hold any."""
        return without_credentials(value) if isinstance(value, str) else [without_credentials(url) for url in value]

    @property
    def urls(self) -> list[str]:
        """The base URLs, as they are used."""
        return [self.base_url] if isinstance(self.base_url, str) else self.base_url

    @property
    def at_once(self) -> int:
        """How many requests all servers together may be sent at once, where the run finds the number."""
        return (self.max_concurrency or MOST) * len(self.urls)

    def _check_values(self, key: str | None, headers: Mapping[str, str]) -> None:
        """Whether all that is sent in headers can be."""
        if key is not None:
            check_key(key, self.api_key_env)
        for name, value in headers.items():
            check_header_name(name)
            check_value(value, f"the header {name}")
        for name in ("organization", "project"):
            check_value(getattr(self, name) or "", name)
        for url in self.urls:
            for what, text in zip(("user", "password"), credentials(url) or (), strict=False):
                if fault := fault_in_login(text):
                    raise TeacherError(f"the {what} in base_url {fault}", hint=how_to_fix(text))

    def keep_in(self, folder: Path, name: str) -> None:
        """Where the batches that are sent are noted, so that a run that goes on finds them; called before `open`."""
        self._batch_file = folder / f"batches-{name}.jsonl"

    def holds(self, key: str) -> bool:
        """Whether the request with this key is in a batch that was sent already: asking for its reply sends nothing."""
        return self._batches is not None and self._batches.holds(key)

    async def open(self) -> None:
        """Reads the key, and asks for the model where none is named. No other request is sent.

        Raises:
            TeacherError: there is no key, or no model, or more than one; a value cannot stand in a header.
        """
        key = from_environment(self.api_key_env)
        if key is None and any(is_openai(url) for url in self.urls):
            raise advice.missing_key(self.api_key_env)
        headers = expanded(self.headers)
        self._check_values(key, headers)
        learn_proxies()
        access = Access(key, self.organization, self.project, self.azure_api_version, self.azure_deployment, headers)
        self._connections = descriptors.take(self.max_concurrency and self.at_once)
        transport = Transport(self.timeout_s, int(self.max_reply_mb * MEGABYTE))
        try:
            servers = []
            for number, url in enumerate(self.urls):
                endpoint = Endpoint(without_credentials(url), number, Concurrency(self._most_at_once()))
                dialect = Dialect("max_completion_tokens" if is_openai(url) else "max_tokens", self.structured)
                servers.append(
                    await addressed(url, endpoint, access, self.model or self.azure_deployment or "", dialect)
                )
            self._caller = Caller(
                servers,
                Dispatch([server.endpoint for server in servers], self.rpm, self.tpm),
                transport,
                give_up_after_s=self.give_up_after_s,
                key_variable=self.api_key_env,
            )
            if not self.model:
                self.model = self.azure_deployment or await self._only_model(self._caller)
            if self.batch:
                client = access.client(
                    self.urls[0], bounded_client(self.urls[0], transport.most), timeout=self.timeout_s
                )
                api = BatchApi(client, servers[0].endpoint.name, self.api_key_env, self.give_up_after_s)
                self._batches = Batches(api, self._caller, BatchState(self._batch_file), self.give_up_after_s)
        except BaseException:
            await self.close()
            await transport.close()
            raise
        self._look_up_price()

    async def complete(self, request: Request) -> Completion:
        """The reply to one request; what can be tried again is.

        A prompt beyond the model's context gives the finish reason `context_length`, one that the provider's filter
        refuses `content_filter`, one that fails again and again while others do not `server_error` or `timeout`.

        Raises:
            TeacherError: going on makes no sense: wrong key, no such model, quota spent, no server reached.
        """
        if self._caller is None:
            raise TeacherError("the teacher is not open", hint="await teacher.open() first")
        if self._batches is not None:
            return await self._batches.complete(request)
        return await self._caller.complete(request)

    def drain(self) -> None:
        """From now on nothing is sent: what waits or would be tried again ends with `Draining`; the rest comes in.

        So do requests in batches, which may take a day: the provider goes on with them, and the next run takes them.
        """
        if self._caller is not None:
            self._caller.dispatch.end(Draining)
        if self._batches is not None:
            self._batches.end(Draining)

    async def close(self) -> None:
        """Closes all connections."""
        if self._batches is not None:
            await self._batches.close()
            self._batches = None
        if self._caller is not None:
            self._caller.dispatch.end(Draining)
            await self._caller.transport.close()
            self._caller = None
        descriptors.give_back(self._connections)
        self._connections = None

    async def _only_model(self, caller: Caller) -> str:
        """The model that the first server to answer has, where it has just one."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        while True:
            for server in caller.servers:
                try:
                    offered = await caller.offered(server) or []
                except Again as again:
                    waited_s = loop.time() - started
                    if waited_s > min(NEVER_ANSWERED_S, self.give_up_after_s):
                        raise advice.unreachable(
                            [s.endpoint.name for s in caller.servers], again.problem, waited_s
                        ) from None
                    continue
                if len(offered) == 1:
                    return offered[0]
                raise advice.which_model(server.endpoint.name, offered)
            await asyncio.sleep(ASK_AGAIN_S)

    def _most_at_once(self) -> int | None:
        """How many requests each server may be sent at once: what is set, within what this process may open."""
        if self._connections is None:
            return self.max_concurrency
        possible = max(1, self._connections // len(self.urls))
        if possible < (self.max_concurrency or MOST):
            log.warning(
                "this process may open so few files that %d requests at once are the most (ulimit -n)", possible
            )
        return possible

    def _look_up_price(self) -> None:
        if self.price is None and self.model:
            local = all(is_local(url) for url in self.urls)
            self.price = FREE if local else listed(self.model, without_credentials(self.urls[0]))
