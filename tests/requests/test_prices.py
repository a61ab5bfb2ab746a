from __future__ import annotations

import pytest
from pydantic import ValidationError

from synthgen.requests.metering import Price, listed


def test_cost_of_tokens() -> None:
    price = Price(input=2, output=8, cached_input=0.5)
    assert price.usd(1_000_000, 0) == 2
    assert price.usd(0, 1_000_000) == 8
    assert price.usd(1_000_000, 0, 600_000) == pytest.approx(0.4 * 2 + 0.6 * 0.5)
    assert price.usd(1_000_000, 1_000_000, batch=True) == 5
    assert Price(input=2, output=8).usd(1_000_000, 0, 600_000) == 2
    assert Price(input=0.15, output=0.6).usd(1000, 1000) == pytest.approx(0.00075)


def test_listed_prices_need_no_network() -> None:
    price = listed("gpt-4.1-mini", "https://api.openai.com/v1")
    assert price is not None
    assert price.cached_input is not None
    assert 0 < price.cached_input < price.input < price.output < 100
    assert listed("gpt-4.1-mini") == price
    assert listed("some-model-of-ours") is None
    assert listed("gpt-4.1-mini", "http://127.0.0.1:8000/v1") is None


@pytest.mark.parametrize("cached", [-(10**9), 10**9])
@pytest.mark.parametrize("prompt", [-500, 0, 20])
def test_a_price_never_falls_below_zero(prompt: int, cached: int) -> None:
    price = Price(input=1, output=2, cached_input=0.1)
    assert price.usd(prompt, -500, cached) >= 0
    assert price.usd(20, 300, 10**9) == price.usd(20, 300, 20)
    assert price.usd(20, 300, -5) == price.usd(20, 300)


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["input", "output", "cached_input"])
def test_a_price_that_cannot_be_is_refused(name: str, wrong: float) -> None:
    with pytest.raises(ValidationError):
        Price(**{"input": 1.0, "output": 2.0, name: wrong})
