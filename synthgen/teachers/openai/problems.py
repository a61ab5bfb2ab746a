"""What a reply that is no success means, in whatever words: try again, go on without it, or stop with a next step."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from synthgen.safety import outward
from synthgen.teachers.openai import words
from synthgen.teachers.openai.words import Words, bounded, wait_asked_s

Kind = Literal["refused", "overloaded", "failed", "unreachable", "timed_out", "adapted"]

RETRIED = frozenset({408, 409, 425, 498, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529, 530})
REFUSED = frozenset({429})
OVERLOADED = frozenset({498, 503, 529})
NEVER = frozenset({501, 505})
"""The server cannot do what is asked, today or tomorrow."""
OF_THE_REQUEST = frozenset({400, 413, 422, 429, 451})
"""Refusals that say something about the request: others (403, say) are as likely about the key or the address."""
MAINTENANCE_S = 120.0
"""The longest wait after a 5xx, whatever it asks for: all slots would sleep through a server's early return. (The
openai package has the same bound.)"""
_MONEY_CODE = re.compile(r"insufficient_?quota|billing|insufficient.?(?:balance|credit|funds)|payment_?required", re.I)
_MONEY = re.compile(
    r"exceeded your current quota|billing|insufficient (?:account )?(?:balance|credit|funds)|out of credits?", re.I
)
_NO_CREDIT = re.compile(r"credit balance is too low|billing hard limit", re.I)
_LIMIT_CODE = re.compile(r"resource_?exhausted|rate_?limit|too_?many|throttl", re.I)
_PER_MINUTE = re.compile(r"per.?(?:second|minute|hour)|\b[rt]pm\b", re.I)
_PER_DAY = re.compile(r"per.?(?:day|week|month)\b|perday|\b[rt]pd\b|daily|monthly", re.I)
_TOO_LARGE = re.compile(r"request (?:is )?too large|tokens?_limit_reached|must be reduced", re.I)
_LIMIT_AND_WISH = re.compile(r"limit:? ?(\d{1,15}),[^\n]{0,80}?requested:? ?(\d{1,15})", re.I)
_CONTEXT = re.compile(
    r"context_length|context length|context window|context size|maximum (?:sequence|model) length|max_model_len"
    r"|prompt is too long|too many (?:input )?tokens|exceeds? the (?:available|maximum|model)",
    re.I,
)
_CONTEXT_TOKENS = re.compile(r"(?:context|model) length (?:is|of) (\d{1,15})", re.I)
_SCHEMA = re.compile(
    r"response_?format|json_?schema|\bschema\b|structured[ _-]outputs?|guided|\bgrammar|xgrammar|outlines", re.I
)
_MANY = re.compile(
    r"['\"`]n['\"`]|\bn (?:must|should|has to|is not|>|=)|only one completion choice|multiple (?:choices|completions)",
    re.I,
)
_STREAM = re.compile(
    r"\bonly\b.{0,60}\bstream|\bstream.{0,60}\b(?:required|only|must|mandatory)\b|\b(?:must|enable|use|set)\b.{0,40}\bstream"
    r"|non-?stream.{0,60}(?:not |un|n't)",
    re.I,
)
_SYSTEM = re.compile(
    r"\b(?:system|developer)\b['\"`]?(?: (?:role|messages?|prompts?|instructions?))?(?: is| are)? "
    r"(?:not (?:supported|allowed|enabled|available)|unsupported|n't supported)"
    r"|(?:not support|n't support|unsupported|no support for).{0,20}\b(?:system|developer)\b",
    re.I,
)
_CONTENT = re.compile(
    r"content_?filter|content_?policy|invalid_prompt|moderation|data_?inspection_?failed|safety", re.I
)
_CONTENT_WORDS = re.compile(
    r"content exists risk|inappropriate content|flagged (?:by|as)|usage polic|content (?:management )?policy"
    r"|unsafe (?:or sensitive )?content|prohibited.?content|sensitive content|blocked by .{0,30}(?:safety|filter)",
    re.I,
)
_KEY = re.compile(
    r"api[ _-]?key (?:is )?(?:not valid|invalid|missing|expired|disabled)"
    r"|(?:invalid|incorrect|missing|expired) api[ _-]?key",
    re.I,
)
_UNKNOWN = re.compile(
    r"unsupported|not (?:supported|permitted|allowed|implemented|available)|n't (?:support|allow)|unrecogni[sz]ed"
    r"|unknown|unexpected|extra inputs|cannot (?:be )?(?:used|set|combined|both)",
    re.I,
)


class Again(Exception):
    """The request may be sent again, after `wait_s`. `answered`: there was a reply of HTTP, if a bad one.

    `status` is that reply's, 0 where there was none. `adapted`: at once, because we now know better what the server
    understands.
    """

    def __init__(
        self, kind: Kind, problem: str, *, wait_s: float | None = None, answered: bool = False, status: int = 0
    ) -> None:
        super().__init__(problem)
        self.kind = kind
        self.problem = problem
        self.wait_s = wait_s
        self.answered = answered
        self.status = status

    @property
    def paid(self) -> bool:
        """Whether such a try may have cost a whole reply: nobody wants to pay for many of these."""
        return self.kind == "timed_out" or (self.kind == "failed" and self.answered and self.status in (0, 200))


class Refused(Exception):
    """The server refuses a request for what it is, so that the same one would be refused again."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Problem:
    """A reply with an error status. `message` and `code` are the server's words, `names` the parameters it names.

    `inside`: it came in a reply of status 200.
    """

    status: int
    message: str
    code: str = ""
    body: Any = None
    names: tuple[str, ...] = ()
    text: str = ""
    inside: bool = False

    @classmethod
    def read(cls, status: int, data: bytes) -> Problem:
        """From a body in any form."""
        return cls._of(status, words.read(data))

    @classmethod
    def within(cls, body: Mapping[str, Any]) -> Problem:
        """From a reply of status 200: some gateways put an error, with its status as the code, into one."""
        error = body.get("error")
        told = [part.get(name) for part in (error, body) if isinstance(part, Mapping) for name in ("code", "status")]
        codes = [str(code) for code in told]
        statuses = [int(code) for code in codes if len(code) == 3 and code.isdecimal() and 400 <= int(code) < 600]
        return replace(cls._of(statuses[0] if statuses else 500, words.of(dict(body))), inside=True)

    @classmethod
    def _of(cls, status: int, said: Words) -> Problem:
        return cls(status, bounded(said.text), said.code, said.body, said.names, said.text)

    @property
    def said(self) -> str:
        """Status and message."""
        if self.inside:
            return f"an error in a reply of status 200: {self.message}"
        return f"HTTP {self.status}: {self.message}" if self.message else f"HTTP {self.status}"

    @property
    def key_refused(self) -> bool:
        """The key is missing, wrong or revoked."""
        return self.status == 401 or (self.status in (400, 403) and bool(_KEY.search(self._all)))

    @property
    def quota_spent(self) -> bool:
        """Money is missing. It says nothing about when to try again: see `stops_for_money`."""
        if self.status == 402:
            return True
        if self.status == 400:
            return bool(_MONEY_CODE.search(self.code) or _NO_CREDIT.search(self._all))
        if self.status not in (403, 429):
            return False
        if _MONEY_CODE.search(self.code):
            return True
        return bool(_MONEY.search(self._all)) and not (_LIMIT_CODE.search(self.code) or _PER_MINUTE.search(self._all))

    def stops_for_money(self, headers: Mapping[str, str]) -> bool:
        """Waiting will not help. A 429 that says when to try again is a limit, whatever its words are."""
        return self.quota_spent and (self.status != 429 or self.wait_asked_s(headers) is None)

    def wait_asked_s(self, headers: Mapping[str, str]) -> float | None:
        """Seconds that the server asks to wait, or None."""
        return wait_asked_s(headers, self.body, self._all)

    @property
    def for_today(self) -> bool:
        """A limit per day or longer is used up."""
        return self.status == 429 and bool(_PER_DAY.search(self._all)) and not _PER_MINUTE.search(self._all)

    @property
    def too_large(self) -> bool:
        """A 429 to a request that is larger by itself than the limit: no wait helps."""
        if self.status != 429:
            return False
        told = _LIMIT_AND_WISH.search(self._all)
        return int(told[2]) > int(told[1]) if told else bool(_TOO_LARGE.search(self._all))

    @property
    def context_length(self) -> bool:
        """The prompt is longer than the model's context."""
        return self.status == 413 or (
            self.status in (400, 422) and bool(_CONTEXT.search(f"{self.code} {self.message}"))
        )

    @property
    def context(self) -> int | None:
        """The model's context in tokens, where the message tells it."""
        told = _CONTEXT_TOKENS.search(self._all)
        return int(told[1]) if told else None

    @property
    def content_refused(self) -> bool:
        """The provider's filter refuses this prompt."""
        if self.status == 451:
            return True
        return self.status in (400, 403, 422, 500) and bool(
            _CONTENT.search(self.code) or _CONTENT_WORDS.search(self._all)
        )

    @property
    def unknown_response_format(self) -> bool:
        """The server does not know JSON schemas, or not this one."""
        return self._of_the_request and self._names("response_format", _SCHEMA)

    @property
    def unknown_n(self) -> bool:
        """The server gives one choice at a time."""
        return self._of_the_request and ("n" in self.names or bool(_MANY.search(self._all)))

    @property
    def wants_stream(self) -> bool:
        """The server gives streams alone."""
        return self._of_the_request and self._names("stream", _STREAM)

    @property
    def unknown_stream_options(self) -> bool:
        """The server does not know `stream_options`."""
        return self._of_the_request and ("stream_options" in self.names or "stream_options" in self._all)

    @property
    def unknown_system(self) -> bool:
        """The model takes no system message."""
        return self._of_the_request and bool(_SYSTEM.search(self._all))

    @property
    def max_tokens_name(self) -> str | None:
        """The other name that the server wants for `max_tokens`, or None."""
        if not self._of_the_request or "max_completion_tokens" not in self._all:
            return None
        wanted = re.search(r"['\"`]?max_tokens['\"`]?\b.{0,300}max_completion_tokens", self._all)
        return "max_completion_tokens" if wanted else "max_tokens"

    def blames(self, settings: Iterable[str]) -> str | None:
        """The first of these settings that the message calls unknown or unsupported."""
        if not _UNKNOWN.search(self._all):
            return None
        for name in settings:
            # an ordinary word has to be quoted: "an unexpected stop of the worker" is not about `stop`
            pattern = rf"\b{re.escape(name)}\b" if "_" in name else rf"['\"`]{re.escape(name)}['\"`]"
            if name in self.names or re.search(pattern, self._all):
                return name
        return None

    def as_openai_error(self, url: str) -> Exception:
        """The openai package's exception for it, for those who look at an error's cause; without request headers."""
        import httpx2
        import openai

        response = httpx2.Response(self.status, request=httpx2.Request("POST", outward.scrub(url)))
        by_status: dict[int, type[openai.APIStatusError]] = {
            400: openai.BadRequestError,
            401: openai.AuthenticationError,
            403: openai.PermissionDeniedError,
            404: openai.NotFoundError,
            422: openai.UnprocessableEntityError,
            429: openai.RateLimitError,
        }
        kind = by_status.get(self.status, openai.APIStatusError)
        try:
            body = json.loads(outward.scrub(json.dumps(self.body)))
        except (ValueError, TypeError, RecursionError):
            body = None
        return kind(outward.scrub(self.message), response=response, body=body)

    def again(self, headers: Mapping[str, str]) -> Again | None:
        """How to try again, or None where that makes no sense."""
        if self.status in REFUSED:
            return Again("refused", self.said, wait_s=self.wait_asked_s(headers), answered=True, status=self.status)
        if self.status in NEVER or (self.status < 500 and self.status not in RETRIED):
            return None
        wait_s = self.wait_asked_s(headers)
        kind: Kind = "overloaded" if self.status in OVERLOADED else "failed"
        return Again(
            kind,
            self.said,
            wait_s=None if wait_s is None else min(wait_s, MAINTENANCE_S),
            answered=True,
            status=self.status,
        )

    @property
    def _all(self) -> str:
        return f"{self.code} {self.text or self.message}"

    @property
    def _of_the_request(self) -> bool:
        return self.status in (400, 405, 406, 415, 422) or self.status >= 500

    def _names(self, name: str, pattern: re.Pattern[str]) -> bool:
        return name in self.names or bool(pattern.search(self._all))
