"""What tokens cost, in US dollars: from the config, or from the tables of the genai-prices package."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

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
