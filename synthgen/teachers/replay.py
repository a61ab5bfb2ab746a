"""The `replay` teacher: the replies of a recorded run, for tests, demonstrations and reproductions without a server."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from synthgen.errors import ConfigError, TeacherError
from synthgen.journal import Journal
from synthgen.protocols import Teacher
from synthgen.requests.metering import FREE, Price
from synthgen.requests.request import Api, Completion, Draining, Request, Sampling

LOOKED_AT = 1000
"""Requests of the journal that are looked at to learn which model was asked, and how."""
QUIET_S = 1.0
"""A run that asks for nothing else for this long waits for what is missing."""
SHOWN = 100
"""Characters of a missing request that an error shows."""


class Replay(Teacher, BaseModel):
    """Answers from the journal of a run: its folder, or the `journal.sqlite` in it.

    A reply is found by everything that was sent, so the config, seeds and prompts must be those of the recorded run.
    What that run's teacher sent by default (`sampling`) is read from its `report.json` where it is not set here.
    `model` names one of several recorded models. `api` is the recorded teacher's: read from the requests if not set.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    free_settings: ClassVar[tuple[str, ...]] = ("journal", "price")

    journal: str
    model: str = ""
    api: Api | None = None
    sampling: Sampling | None = None
    price: Price = FREE

    _journal: Journal | None = PrivateAttr(None)
    _structured: bool = PrivateAttr(False)
    _asked: int = PrivateAttr(0)
    _draining: asyncio.Event | None = PrivateAttr(None)

    @property
    def structured(self) -> bool:
        """Whether the recorded requests asked for JSON by schema."""
        return self._structured

    async def open(self) -> None:
        """Opens the journal and takes over the recorded model and sampling.

        Raises:
            StoreError: there is no journal, or it cannot be read.
            ConfigError: it is empty, or several models were recorded and none of them is named.
        """
        path = Path(self.journal)
        path = path / "journal.sqlite" if path.is_dir() else path
        self._journal = Journal(path, readonly=True)
        requests = [r for r in _requests(self._journal, LOOKED_AT) if self.model in ("", r["model"])]
        models = sorted({str(r["model"]) for r in requests})
        if len(models) != 1:
            named = f"of the model {self.model!r} " if self.model else ""
            raise ConfigError(
                f"{path} holds the replies of {len(models)} models" if models else f"{path} holds no replies {named}",
                key="teacher.model",
                hint=("name one: " + " | ".join(models)) if models else "name the folder of a run that bought some",
            )
        self.model = models[0]
        if self.api is None:  # a stage may have named another one, most likely completions, so that counts last
            self.api = min((r["api"] for r in requests), key=("responses", "chat", "completions").index)
        self._structured = any(r["response_format"] is not None for r in requests)
        if self.sampling is None:
            self.sampling = _recorded_sampling(path.with_name("report.json"), self.model)

    def holds(self, key: str) -> bool:
        """Whether the reply to the request with this key was recorded."""
        return self._journal is not None and self._journal.get(key) is not None

    async def complete(self, request: Request) -> Completion:
        """The recorded reply.

        Raises:
            TeacherError: there is none; the message shows the request.
        """
        if self._journal is None:
            raise TeacherError("the teacher is not open", hint="await teacher.open() first")
        self._asked += 1
        found = self._journal.get(request.key)
        return found if found is not None else await self._missing(request)

    def drain(self) -> None:
        """The run is ending: requests that were not recorded end with `Draining`."""
        if self._draining is not None:
            self._draining.set()

    async def _missing(self, request: Request) -> Completion:
        """Never a reply. Attempts that run ahead of the recorded end ask for more than was recorded, and that is well.

        So it waits while others are asked for: either the run ends, or nothing goes on without this one.
        """
        draining = self._draining = self._draining or asyncio.Event()
        asked = -1
        while asked != self._asked:
            asked = self._asked
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(draining.wait(), QUIET_S)
                raise Draining
        text = str(request.messages[-1].get("content")) if request.messages else ""
        shown = " ".join(text.split())
        shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]} …"
        raise TeacherError(
            f"{self.journal} has no reply to this request (sample {request.sample}, try {request.retry + 1}, "
            f"{json.dumps(request.sampling.body)}): {shown!r}",
            hint="config, seeds and prompts must be those of the recorded run, and the target no higher; "
            "to buy what is missing, run with the recorded teacher and --reuse",
        )

    async def close(self) -> None:
        """Closes the journal."""
        if self._journal is not None:
            self.drain()
            self._journal.close()
            self._journal = self._draining = None


def _requests(journal: Journal, most: int) -> Iterator[dict[str, Any]]:
    for key in islice(journal, most):
        request = journal.request(key)
        if request is not None:
            yield request


def _recorded_sampling(report: Path, model: str) -> Sampling | None:
    """The default sampling of the teacher with this model in a run's report; None where there is no report."""
    if not report.is_file():
        return None
    try:
        teachers = json.loads(report.read_text(encoding="utf-8"))["teachers"]
        sent: dict[str, Any] = next(t["sampling"] for t in teachers.values() if t["model"] == model)
        named = {name: sent[name] for name in sent if name in Sampling.model_fields}
        extra = {name: sent[name] for name in sent if name not in Sampling.model_fields}
        return Sampling(**named, extra=extra)
    except (ValueError, KeyError, TypeError, StopIteration, ValidationError) as error:
        raise ConfigError(
            f"{report} does not tell the sampling of {model}",
            key="teacher.sampling",
            hint="set the sampling that the recorded run's teacher had",
        ) from error
