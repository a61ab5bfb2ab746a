"""When a server says that one may try again, in all the forms in which servers say it."""

from __future__ import annotations

import json
import math
import time
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.teachers.openai.problems import Problem
from synthgen.teachers.openai.words import wait_asked_s

THEN = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "2"}, 2.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "2s"}, 2.0),
        ({"Retry-After": "1h12m"}, 4320.0),
        ({"Retry-After": "1e18"}, 1e18),
        ({"Retry-After": "inf"}, math.inf),
        ({"Retry-After": "86400"}, 86400.0),
        ({"retry-after-ms": "250", "Retry-After": "9"}, 0.25),
        ({"retry-after-ms": "soon", "Retry-After": "9"}, 9.0),
        ({"Retry-After": THEN}, 0.0),
        ({"Retry-After": THEN, "Date": "Wed, 21 Oct 2015 07:27:18 GMT"}, 42.0),
        ({"Retry-After": "2015-10-21T07:28:00Z", "Date": "Wed, 21 Oct 2015 07:27:18 GMT"}, 42.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "9" * 5000}, None),
        ({"Retry-After": "Wed, 99 Oct 99999 07:28:00 GMT"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m2s"}, 62.0),
        ({"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "1m2s"}, None),
        ({"x-ratelimit-reset-requests": "120ms"}, 0.12),
        ({"x-ratelimit-reset-requests": "6m0s", "x-ratelimit-reset-tokens": "1s"}, 360.0),
        ({}, None),
    ],
)
def test_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert wait_asked_s(headers) == seconds


@pytest.mark.parametrize("factor", [1, 1000])
def test_a_moment_as_seconds_or_milliseconds_since_1970(factor: int) -> None:
    now = "Tue, 14 Nov 2023 22:13:20 GMT"  # 1,700,000,000
    for headers in (
        {"x-ratelimit-reset": str(1_700_000_030 * factor), "x-ratelimit-remaining": "0", "Date": now},
        {"Retry-After": str(1_700_000_030 * factor), "Date": now},
    ):
        assert wait_asked_s(headers) == pytest.approx(30)
    assert wait_asked_s({"Retry-After": formatdate(time.time() + 100, usegmt=True)}) == pytest.approx(100, abs=10)


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"error": {"details": [{"@type": "x/google.rpc.RetryInfo", "retryDelay": "13s"}]}}, 13.0),
        ([{"error": {"details": [{"retryDelay": "1.5s"}]}}], 1.5),
        ({"error": {"details": [{"retryDelay": {"seconds": 7, "nanos": 5}}]}}, 7.0),
        ({"retry_after": 3}, 3.0),
        ({"error": {"retry_after_ms": 1500}}, 1.5),
        ({"error": {"metadata": {"retryAfterSeconds": "20"}}}, 20.0),
        ({"error": {"message": "Please retry in 1.2s."}}, 1.2),
        ({"error": {"message": "Please try again in 1h12m0.5s. Visit https://a.b/c"}}, 4320.5),
        ({"error": {"message": "Rate limit reached … Please try again in 500ms"}}, 0.5),
        ({"error": {"message": "slow down, wait 2 minutes and 30 seconds"}}, 150.0),
        ({"error": {"message": "retry_delay { seconds: 44 }"}}, 44.0),
        ({"error": {"message": "your limit resets in 3 hours"}}, 10800.0),
        ({"error": {"message": "limit: 20 requests per minute"}}, None),
        ({"error": {"message": "try again later", "retry_after": -5}}, None),
        ({"error": {"retry_after": True}}, None),
        ({"error": {"retry_after": 10**400}}, math.inf),
        ({"error": "no"}, None),
        (None, None),
    ],
)
def test_bodies(body: Any, seconds: float | None) -> None:
    assert Problem.read(429, json.dumps(body).encode()).wait_asked_s({}) == seconds


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["retryDelay", "retry_after", "error", "details", "seconds"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(
    JSON,
    st.text(max_size=200),
    st.dictionaries(st.sampled_from(["Retry-After", "Date", "x-ratelimit-reset"]), st.text(max_size=30)),
)
def test_whatever_a_server_sends_the_wait_is_a_number_that_is_not_negative(
    body: Any, text: str, headers: dict[str, str]
) -> None:
    asked = wait_asked_s(headers, body, text)
    assert asked is None or asked >= 0


MONEY = "You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize(
    ("error", "headers", "money"),
    [
        ({"message": MONEY, "code": "insufficient_quota"}, {}, True),
        ({"message": MONEY, "type": "insufficient_quota"}, {}, True),
        ({"message": "no", "code": "billing_hard_limit_reached"}, {}, True),
        ({"message": "Insufficient Balance"}, {}, True),
        ({"message": MONEY, "status": "RESOURCE_EXHAUSTED"}, {}, False),
        ({"message": MONEY + " Please retry in 1.2s."}, {}, False),
        ({"message": MONEY}, {"Retry-After": "3"}, False),
        ({"message": "billing tier: 10 requests per minute"}, {}, False),
        ({"message": "too many requests", "code": "rate_limit_exceeded"}, {}, False),
    ],
)
def test_a_429_is_about_money_only_where_it_says_so_and_not_when_to_come_back(
    error: dict[str, str], headers: dict[str, str], money: bool
) -> None:
    problem = Problem.read(429, json.dumps([{"error": error}]).encode())
    assert problem.stops_for_money(headers) is money


@pytest.mark.parametrize(
    ("message", "large"),
    [
        ("Request too large for m on tokens per min (TPM): Limit 200, Requested 900.", True),
        ("Rate limit reached: Limit 6000, Used 5500, Requested 900. Please try again in 2.5s", False),
        ("Limit: 100, Requested: 101", True),
        ("tokens_limit_reached", True),
        ("too many requests", False),
    ],
)
def test_a_request_that_is_larger_than_the_limit_by_itself(message: str, large: bool) -> None:
    assert Problem(429, message).too_large is large
    assert not Problem(400, message).too_large


@pytest.mark.parametrize(
    ("message", "code", "money"),
    [
        ("Your credit balance is too low to access the Anthropic API.", "invalid_request_error", True),
        ("Billing hard limit has been reached", "billing_hard_limit_reached", True),
        ("the tool `billing` is not known", "invalid_request_error", False),
    ],
)
def test_a_400_about_money(message: str, code: str, money: bool) -> None:
    assert Problem(400, message, code).quota_spent is money


def test_limits_per_day() -> None:
    assert Problem(429, "Rate limit exceeded: free-models-per-day").for_today
    assert Problem(429, "quota metric GenerateRequestsPerDayPerProjectPerModel-FreeTier").for_today
    assert not Problem(429, "20 requests per minute").for_today
