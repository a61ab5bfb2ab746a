"""Limits per minute: the user's, kept by a window; the server's, read from headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.teachers.openai.limits import WINDOW_S, Allowance, Window, duration_s


def test_no_limit_never_waits() -> None:
    window = Window(None)
    assert all(window.free_at(0.0, 10**9) == 0.0 for _ in range(10))
    assert window.take(0.0, 5) is None


@given(st.integers(1, 20), st.lists(st.tuples(st.floats(0, 30), st.integers(1, 30)), max_size=60))
def test_in_no_minute_is_more_than_the_limit_taken(limit: int, wishes: list[tuple[float, int]]) -> None:
    window = Window(limit)
    now = 0.0
    taken: list[tuple[float, int]] = []
    for pause, amount in wishes:
        now += pause
        for _ in range(100):
            free_at = window.free_at(now, amount)
            if free_at <= now:
                break
            now = free_at
        window.take(now, amount)
        taken.append((now, amount))
    for start, _ in taken:
        within = [amount for at, amount in taken if start <= at < start + WINDOW_S]
        assert sum(within) <= limit or len(within) == 1  # a single one may be larger than the limit


def test_a_window_lets_a_whole_minute_s_worth_go_at_once_and_the_next_a_minute_later() -> None:
    window = Window(3)
    for at in (0.0, 1.0, 2.0):
        assert window.free_at(at, 1) == at
        window.take(at, 1)
    assert window.free_at(2.5, 1) == WINDOW_S
    assert window.free_at(2.5, 2) == 1.0 + WINDOW_S


def test_what_was_taken_is_corrected() -> None:
    window = Window(100)
    first = window.take(0.0, 90)
    assert window.free_at(0.0, 50) > 0.0
    window.correct(first, 10)
    assert window.free_at(0.0, 50) == 0.0
    late = window.take(0.0, 50)
    window.free_at(WINDOW_S + 1, 1)
    window.correct(late, 5000)
    assert window.free_at(WINDOW_S + 1, 100) == WINDOW_S + 1


def told(limit: float, left: float, reset: str, unit: str = "requests") -> dict[str, str]:
    return {
        f"x-ratelimit-limit-{unit}": str(limit),
        f"x-ratelimit-remaining-{unit}": str(left),
        f"x-ratelimit-reset-{unit}": reset,
    }


def test_without_headers_nothing_is_held() -> None:
    allowance = Allowance("requests")
    allowance.observe({}, 0.0, 0)
    allowance.observe(told(100, 0, "6m", unit="tokens"), 0.0, 0)
    allowance.observe(told(0, 0, "1s"), 0.0, 0)
    allowance.observe({"x-ratelimit-remaining-requests": "0"}, 0.0, 0)
    assert allowance.free_at(0.0, 1) == 0.0


def test_when_little_is_left_it_is_waited_for() -> None:
    allowance = Allowance("requests")
    allowance.observe(told(60, 0, "60s"), 10.0, 0)
    assert allowance.free_at(10.0, 1) == pytest.approx(11.0)
    assert allowance.free_at(11.0, 1) == pytest.approx(11.0)
    allowance.take(1)
    assert allowance.free_at(11.0, 1) == pytest.approx(12.0)


def test_a_daily_limit_is_read_from_the_time_it_takes_to_fill() -> None:
    allowance = Allowance("requests")
    allowance.observe(told(14400, 14390, "60s"), 0.0, 0)
    assert allowance.free_at(0.0, 1) == 0.0
    for _ in range(14390):
        allowance.take(1)
    assert allowance.free_at(0.0, 1) == pytest.approx(6.0)


def test_ones_own_count_stands_against_late_news_of_it() -> None:
    allowance = Allowance("requests")
    allowance.observe(told(1000, 500, "30s"), 0.0, 0)
    for _ in range(100):
        allowance.take(1)
    allowance.observe(told(1000, 480, "30s"), 0.0, 100)  # as of when 20 of the hundred had come in
    assert allowance.free_at(0.0, 400) == 0.0
    assert allowance.free_at(0.0, 420) > 0.0
    allowance.observe(told(1000, 100, "54s"), 0.0, 0)  # others use the account too
    assert allowance.free_at(0.0, 400) > 0.0
    allowance.observe(told(1000, 900, "6s"), 0.0, 10)  # a window has passed
    assert allowance.free_at(0.0, 800) == 0.0


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.5", 1.5), ("120ms", 0.12), ("6m0s", 360.0), ("1h2m3s", 3723.0), ("2d", 172800.0), ("7.66s", 7.66)],
)
def test_durations(text: str, value: float) -> None:
    assert duration_s(text) == pytest.approx(value)


@pytest.mark.parametrize("text", [None, "", "soon", "1x", "1s later", "2026-01-01T00:00:00Z"])
def test_what_is_no_duration(text: str | None) -> None:
    assert duration_s(text) is None
