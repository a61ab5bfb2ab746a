"""What a reply that is no success means: try again, go on without it, or stop the run with a next step."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from typing import Any, Literal

from synthgen.teachers.openai.rates import seconds

Kind = Literal["refused", "overloaded", "failed", "unreachable", "timed_out", "adapted"]

RETRIED = frozenset({408, 409, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529, 530})
REFUSED = frozenset({429})
OVERLOADED = frozenset({503, 529})
MAINTENANCE_S = 120.0
"""The longest wait after a 5xx, whatever it asks for: all slots would sleep through a server's early return. (The
openai package has the same bound.)"""
_QUOTA = re.compile(
    r"insufficient_quota|exceeded your current quota|billing|insufficient (?:balance|credit|funds)", re.I
)
_CONTEXT = re.compile(
    r"context_length|context length|context window|context size|maximum (?:sequence|model) length|max_model_len"
    r"|prompt is too long|too many (?:input )?tokens|exceeds? the (?:available|maximum|model)",
    re.I,
)
_CONTEXT_TOKENS = re.compile(r"(?:context|model) length (?:is|of) (\d+)", re.I)
_RESPONSE_FORMAT = re.compile(r"response_format|json_schema|structured output|guided|grammar", re.I)
_MANY = re.compile(
    r"['\"`]n['\"`]|\bn (?:must|should|has to|is not|>|=)|only one completion choice|multiple choices", re.I
)
_CONTENT = re.compile(r"content_filter|content_policy|invalid_prompt|moderation", re.I)


class Again(Exception):
    """The request may be sent again, after `wait_s`. `answered`: there was a reply of HTTP, if a bad one.

    `adapted`: at once, because we now know better what the server understands.
    """

    def __init__(self, kind: Kind, problem: str, *, wait_s: float | None = None, answered: bool = False) -> None:
        super().__init__(problem)
        self.kind = kind
        self.problem = problem
        self.wait_s = wait_s
        self.answered = answered


@dataclass(frozen=True, slots=True)
class Problem:
    """A reply with an error status. `message` and `code` are the server's words."""

    status: int
    message: str
    code: str = ""
    body: Any = None

    @classmethod
    def read(cls, status: int, data: bytes) -> Problem:
        """From a body as OpenAI writes it (`{"error": {...}}`), as FastAPI does (`{"detail": …}`), or any other."""
        text = data.decode("utf-8", "replace").strip()
        try:
            body = json.loads(text)
        except ValueError:
            text = " ".join(re.sub(r"<[^>]*>", " ", text).split())
            return cls(status, text[:300])
        return cls.of(status, body)

    @classmethod
    def of(cls, status: int, body: Any) -> Problem:
        """From a body that is read already."""
        error = body.get("error", body) if isinstance(body, dict) else body
        if not isinstance(error, dict):
            return cls(status, str(error)[:600], body=body)
        message = error.get("message") or error.get("detail") or json.dumps(error)
        code = f"{error.get('code') or ''} {error.get('type') or ''}".strip()
        return cls(status, (message if isinstance(message, str) else json.dumps(message))[:600], code, body)

    @classmethod
    def within(cls, body: Mapping[str, Any]) -> Problem:
        """From a reply of status 200: some gateways put an error, with its status as the code, into one."""
        error = body["error"]
        status = error.get("code") if isinstance(error, dict) else None
        return cls.of(status if isinstance(status, int) and status >= 400 else 500, body)

    @property
    def quota_spent(self) -> bool:
        """Waiting will not help: money is what is missing."""
        return self.status == 402 or (self.status in (403, 429) and bool(_QUOTA.search(f"{self.code} {self.message}")))

    @property
    def context_length(self) -> bool:
        """The prompt is longer than the model's context."""
        return self.status == 413 or (
            self.status in (400, 422) and bool(_CONTEXT.search(f"{self.code} {self.message}"))
        )

    @property
    def context(self) -> int | None:
        """The model's context in tokens, where the message tells it."""
        told = _CONTEXT_TOKENS.search(self.message)
        return int(told[1]) if told else None

    @property
    def content_refused(self) -> bool:
        """The provider's filter refuses this prompt."""
        return self.status in (400, 403) and bool(_CONTENT.search(self.code))

    @property
    def unknown_response_format(self) -> bool:
        """The server does not know JSON schemas."""
        return self.status in (400, 422, 501) and bool(
            _RESPONSE_FORMAT.search(f"{self.message} {json.dumps(self.body)}")
        )

    @property
    def unknown_n(self) -> bool:
        """The server gives one choice at a time."""
        error = self.body.get("error") if isinstance(self.body, dict) else None
        named = isinstance(error, dict) and error.get("param") == "n"
        return self.status in (400, 422, 501) and (named or bool(_MANY.search(self.message)))

    @property
    def max_tokens_name(self) -> str | None:
        """The other name that the server wants for `max_tokens`, or None."""
        if self.status not in (400, 422) or "max_completion_tokens" not in self.message:
            return None
        wanted = re.search(r"['\"`]max_tokens['\"`].*max_completion_tokens", self.message)
        return "max_completion_tokens" if wanted else "max_tokens"

    def as_openai_error(self, url: str, scrub: Callable[[str], str]) -> Exception:
        """The openai package's exception for it, for those who look at an error's cause; without request headers."""
        import httpx2
        import openai

        response = httpx2.Response(self.status, request=httpx2.Request("POST", scrub(url)))
        by_status: dict[int, type[openai.APIStatusError]] = {
            400: openai.BadRequestError,
            401: openai.AuthenticationError,
            403: openai.PermissionDeniedError,
            404: openai.NotFoundError,
            422: openai.UnprocessableEntityError,
            429: openai.RateLimitError,
        }
        kind = by_status.get(self.status, openai.APIStatusError)
        return kind(scrub(self.message), response=response, body=json.loads(scrub(json.dumps(self.body))))

    def again(self, headers: Mapping[str, str]) -> Again | None:
        """How to try again, or None where that makes no sense."""
        what = f"HTTP {self.status}: {self.message}" if self.message else f"HTTP {self.status}"
        if self.status in REFUSED:
            return Again("refused", what, wait_s=retry_after(headers), answered=True)
        if self.status in RETRIED or self.status >= 500:
            wait_s = retry_after(headers)
            if wait_s is not None:
                wait_s = min(wait_s, MAINTENANCE_S)
            kind: Kind = "overloaded" if self.status in OVERLOADED else "failed"
            return Again(kind, what, wait_s=wait_s, answered=True)
        return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait, or None.

    From `retry-after-ms`, `Retry-After` (seconds or a date), or the reset of an `x-ratelimit` with nothing left.
    """
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        text = headers.get("Retry-After")
        if text is None:
            used_up = [unit for unit in ("requests", "tokens") if headers.get(f"x-ratelimit-remaining-{unit}") == "0"]
            return max((seconds(headers.get(f"x-ratelimit-reset-{unit}")) or 0.0 for unit in used_up), default=None)
        try:
            return max(0.0, float(text))
        except ValueError:
            return max(0.0, parsedate_to_datetime(text).timestamp() - time())
    except (ValueError, TypeError):
        return None
