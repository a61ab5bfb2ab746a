"""What replies cost: their tokens (estimated where a server's count cannot be), prices, and who counts each try."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict, Field

from synthgen.requests.request import Choice, Completion, Request, Usage, canonical

UNKNOWN = -1
"""In place of a count that a server did not give, or gave as something that is no count."""
CHARACTERS_PER_TOKEN = 4
"""English text has about four characters a token; of other scripts an estimate takes one character a token."""

PLAUSIBLE = 12
"""A text has so many characters a token at most, unless it repeats itself: then the two bounds below decide. The
tokenisers with the longest tokens, which join words, come to 7 on English text."""
COMPRESSED_PER_TOKEN, COMPRESSED_SPARE = 9, 64
"""A token of a vocabulary of 2**18 carries at most 18 bits, so text that deflate makes B bytes of has B * 8 / 18 tokens
if deflate were as good as the tokeniser. It may be four times worse here (9 bytes a token), and 64 bytes more, which
a few long tokens of another script take."""
WORDS_PER_TOKEN = 6
"""No token joins more different words than this in the mean of a text."""
LONGEST_TOKEN = 512
"""The longest tokens of any vocabulary are runs of 128 spaces (o200k, Llama 3)."""
LOOKED_AT = 1_000_000
"""Characters that are compressed at most."""
HIDDEN = 2**17
"""Tokens that nobody sees and that yet may be counted: a model's thoughts, a server's own prompt. No hosted model
writes more than 128,000 tokens, thoughts included (OpenAI's, Anthropic's and Google's model pages, 2026)."""


@dataclass(slots=True)
class Bought:
    """Replies, their tokens and what they cost in dollars."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    usd: float = 0.0

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens."""
        return self.prompt_tokens + self.completion_tokens

    def add(self, usage: Usage, usd: float = 0.0) -> None:
        """Counts one more reply."""
        self.requests += 1
        self.prompt_tokens += usage.prompt_tokens
        self.completion_tokens += usage.completion_tokens
        self.cached_tokens += usage.cached_tokens
        self.usd += usd

    def add_all(self, other: Bought) -> None:
        """Counts what another has counted."""
        self.requests += other.requests
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.cached_tokens += other.cached_tokens
        self.usd += other.usd


def counted(completion: Completion, request: Request) -> Completion:
    """The completion with counts that can be: where one cannot, it is estimated, and the usage says so.

    A reply that holds nothing and counts nothing stays as it is: no server has worked on it.
    """
    usage, choices = completion.usage, completion.choices
    if usage.estimated:
        return completion
    written = "".join(map(_written, choices))
    counts = (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)
    if (
        not written
        and not any(choice.reasoning for choice in choices)
        and all(map(_is_count, counts))
        and not any(counts)
    ):
        return completion
    asked = "\n".join(_content(message.get("content")) for message in request.messages)
    prompt, reply, cached = counts
    if not (_is_count(prompt) and 1 <= prompt <= len(asked.encode("utf-8", "replace")) + HIDDEN) or _too_few(
        prompt, asked
    ):
        prompt = estimated(canonical([request.messages, request.tools, request.response_format]))
    if not (_is_count(reply) and reply <= _most(choices, written, request)) or _too_few(reply, written):
        thoughts = "".join(choice.reasoning or "" for choice in choices)
        reply = estimated(written) + estimated(thoughts)
    if not (_is_count(cached) and cached <= prompt):
        cached = 0
    if all(map(_is_count, counts)) and (prompt, reply, cached) == counts:
        return completion
    return replace(completion, usage=Usage(prompt, reply, cached, estimated=True))


def estimated(text: str) -> int:
    """About how many tokens a text has."""
    plain = len(text.encode("ascii", "ignore"))
    return -(-plain // CHARACTERS_PER_TOKEN) + len(text) - plain


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _too_few(tokens: int, text: str) -> bool:
    """Whether no tokeniser makes so few tokens of the text."""
    if not tokens:
        return bool(text)
    if tokens * PLAUSIBLE >= len(text):
        return False
    if tokens * LONGEST_TOKEN < len(text):
        return True
    text = text[:LOOKED_AT]
    size = len(zlib.compress(text.encode("utf-8", "replace"))) - COMPRESSED_SPARE
    return tokens < max(size / COMPRESSED_PER_TOKEN, len(set(text.split())) / WORDS_PER_TOKEN)


def _most(choices: Sequence[Choice], written: str, request: Request) -> int:
    """What a reply can have cost: a server may think unseen, and may ignore `max_tokens`."""
    allowed = (request.sampling.max_tokens or 0) * max(request.sampling.n or 1, len(choices))
    return max(allowed, len(written.encode("utf-8", "replace"))) + HIDDEN


def _written(choice: Choice) -> str:
    """What the model wrote of its own, thoughts apart; these may be a summary that was counted elsewhere."""
    calls = json.dumps(choice.tool_calls, default=str, ensure_ascii=False) if choice.tool_calls else ""
    return f"{choice.text or ''}{calls}"


def _content(content: object) -> str:
    """A message's text, which may come in parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, (list, tuple)) else ()
    return "".join(str(part["text"]) for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


class Meter:
    """Counts the tries of one request. This one counts nothing: it is there for teachers that are used without a run.

    A teacher that tries again by itself has `metered = True`, and calls for every try `await reserve()` before it waits
    for its turn, `await leaves()` right before the request leaves, and then, where no usable reply came, `failed` or
    (where the request did not even leave) `returned`. The reply itself is counted by whoever asked for it.
    """

    async def reserve(self) -> None:
        """Sets aside what one more try can cost at worst; waits where replies in flight may still free some room.

        Raises:
            Draining: the budget leaves no room, or the run is ending.
        """

    async def leaves(self) -> None:
        """Returns when it is written down that the request leaves: a kill does not forget what it can have cost."""

    def returned(self) -> None:
        """The request did not leave: nobody took the connection. What was set aside is there for the next try."""

    def failed(self, *, paid: bool) -> None:
        """The request left and brought no usable reply. `paid`: it can have cost as much as the longest reply."""


_METER: ContextVar[Meter] = ContextVar("meter", default=Meter())  # noqa: B039 (it has no state)


def current_meter() -> Meter:
    """The meter of the request that this task completes."""
    return _METER.get()


@contextmanager
def metered_by(meter: Meter) -> Iterator[None]:
    """What is completed within is counted by this meter."""
    token = _METER.set(meter)
    try:
        yield
    finally:
        _METER.reset(token)


MILLION = 1_000_000
BATCH_FACTOR = 0.5
"""Providers' batch APIs cost half (OpenAI, Anthropic and Google price lists, 2026)."""


class Price(BaseModel):
    """US dollars for a million tokens. `cached_input` is for prompt tokens that a provider had in its cache."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    cached_input: float | None = Field(None, ge=0, allow_inf_nan=False)

    def usd(self, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0, *, batch: bool = False) -> float:
        """The cost of so many tokens; the cached ones are part of the prompt's. Never below 0."""
        prompt_tokens, completion_tokens = max(prompt_tokens, 0), max(completion_tokens, 0)
        cached_tokens = min(max(cached_tokens, 0), prompt_tokens)
        cached_price = self.input if self.cached_input is None else self.cached_input
        usd = (
            (prompt_tokens - cached_tokens) * self.input
            + cached_tokens * cached_price
            + completion_tokens * self.output
        ) / MILLION
        return usd * BATCH_FACTOR if batch else usd


FREE = Price(input=0, output=0)


def listed(model: str, base_url: str | None = None) -> Price | None:
    """The listed price of a model, or None where the tables do not know it. Needs no network.

    `base_url` tells the provider; without one any provider that has a model of this name will do.
    """
    from genai_prices import Usage, calc_price

    def of(usage: Usage) -> float:
        return float(calc_price(usage, model, provider_api_url=base_url).total_price) * MILLION

    try:
        # per token, at a small prompt: a few models cost more beyond some 200,000 prompt tokens, which no request of
        # a data pipeline reaches
        return Price(
            input=of(Usage(input_tokens=1000)) / 1000,
            output=of(Usage(output_tokens=1000)) / 1000,
            cached_input=of(Usage(input_tokens=1000, cache_read_tokens=1000)) / 1000,
        )
    except LookupError:
        return None
