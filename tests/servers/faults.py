"""What goes wrong at the test server, and when: drawn from (seed, prompt, which try), so a plan repeats exactly."""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections import deque
from dataclasses import dataclass
from typing import Literal

PAID = ("good", "length", "empty", "null", "malformed", "cut")
"""Outcomes for which a provider would have generated, and billed, a reply."""


@dataclass
class Plan:
    """Options of the server; `faults` maps a status or a kind to a share: {"429": 0.05, "reset": 0.01}.

    Kinds: reset, hang, malformed, cut, length, empty, null. `latency_s` is fixed, or with `sigma` the median of a
    log-normal one. `lasting` are drawn by prompt alone, so that every try at it meets the same. `slots`, `rpm` and
    `tpm` refuse with 429; `hint` is where that says when to come back. `fatal_from` answers from that request on with
    `fatal_status` (and `fatal_code`). `streams`: with `only` a request that asks for no stream is refused; with
    `always` it gets one all the same. Schemas are refused with `schema_status` and `schema_words`, a system message
    (`system: False`) with 500. `cached` is the share of a prompt told as cached. An outage begins at request
    `outage_at` and lasts `outage_s`.
    """

    latency_s: float = 0.0
    sigma: float = 0.0
    seed: int = 0
    faults: tuple[tuple[str, float], ...] = ()
    lasting: tuple[tuple[str, float], ...] = ()
    retry_after_s: float | None = 1.0
    hint: Literal["header", "body", "words"] = "header"
    streams: Literal["asked", "only", "always"] = "asked"
    schema_status: int = 400
    schema_words: str = "response_format is not supported"
    system: bool = True
    slots: int | None = None
    rpm: int | None = None
    tpm: int | None = None
    minute_s: float = 60.0
    tell_limits: bool = False
    fatal_from: int | None = None
    fatal_status: int = 401
    fatal_code: str = ""
    outage_at: int | None = None
    outage_s: float = 20.0
    key: str | None = None
    models: tuple[str, ...] = ("test-model",)
    schemas: bool = True
    many: Literal["given", "ignored", "refused"] = "given"
    max_tokens_name: str | None = None
    context: int | None = None
    words: int = 40
    cached: float = 0.0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def delay(self) -> float:
        return self.latency_s * math.exp(self._random.gauss(0, self.sigma)) if self.sigma else self.latency_s

    def draw(self, prompt: str, attempt: int) -> str:
        """`good`, or the fault that this try at this prompt meets."""
        lasting = self._drawn(self.lasting, f"{self.seed}/{prompt}")
        return self._drawn(self.faults, f"{self.seed}/{prompt}/{attempt}") if lasting == "good" else lasting

    def _drawn(self, faults: tuple[tuple[str, float], ...], name: str) -> str:
        if not faults:
            return "good"
        point = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
        for kind, share in faults:
            if point < share:
                return kind
            point -= share
        return "good"


class Minute:
    """What was let through in the last minute."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._taken: deque[tuple[float, int]] = deque()

    def wait_s(self, tokens: int) -> float:
        """0 and counts the request, or how long until one more may come."""
        plan, now = self._plan, time.monotonic()
        if plan.rpm is None and plan.tpm is None:
            return 0.0
        while self._taken and self._taken[0][0] <= now - plan.minute_s:
            self._taken.popleft()
        used = sum(t for _, t in self._taken)
        if (plan.rpm is not None and len(self._taken) >= plan.rpm) or (
            plan.tpm is not None and self._taken and used + tokens > plan.tpm
        ):
            return max(self._taken[0][0] + plan.minute_s - now, 0.001)
        self._taken.append((now, tokens))
        return 0.0

    def headers(self) -> dict[str, str]:
        """The `x-ratelimit-*` headers as OpenAI sends them."""
        told: dict[str, str] = {}
        used = {"requests": len(self._taken), "tokens": sum(t for _, t in self._taken)}
        for unit, limit in (("requests", self._plan.rpm), ("tokens", self._plan.tpm)):
            if limit is not None:
                told[f"x-ratelimit-limit-{unit}"] = str(limit)
                told[f"x-ratelimit-remaining-{unit}"] = str(max(0, limit - used[unit]))
                reset_s = self._plan.minute_s * used[unit] / limit
                told[f"x-ratelimit-reset-{unit}"] = f"{reset_s:.3f}s"
        return told
