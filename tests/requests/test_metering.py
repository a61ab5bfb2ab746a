"""Token counts: what cannot be is estimated, and an honest server's are never touched."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.requests.metering import HIDDEN, UNKNOWN, counted, estimated
from synthgen.requests.request import Choice, Completion, Request, Sampling, Usage

LONG = " ".join(f"word{number}" for number in range(160))
PROMPT = "Tell what is known of the river that flows by the old town, of its bridges, and of those who built them. " * 3


def asked(prompt: str = PROMPT, **sampling: Any) -> Request:
    return Request("m", ({"role": "user", "content": prompt},), sampling=Sampling(**sampling))


def of(usage: Usage, text: str | None = LONG, prompt: str = PROMPT, **sampling: Any) -> Usage:
    return counted(Completion((Choice(text),), usage), asked(prompt, **sampling)).usage


@pytest.mark.parametrize("bad", [UNKNOWN, 0, -500, 2**63, 10**12, True, 7.5, "20", None, float("nan")])
def test_a_count_that_cannot_be_is_estimated(bad: Any) -> None:
    usage = of(Usage(bad, 300))
    assert usage.estimated
    assert (usage.completion_tokens, usage.cached_tokens) == (300, 0)
    assert len(PROMPT) // 6 < usage.prompt_tokens < len(PROMPT)
    usage = of(Usage(80, bad))
    assert usage.estimated
    assert usage.prompt_tokens == 80
    assert len(LONG) // 6 < usage.completion_tokens < len(LONG)


@pytest.mark.parametrize("usage", [Usage(1, 1), Usage(20, 0), Usage(3, 2)])
def test_far_fewer_tokens_than_any_tokeniser_makes_are_none(usage: Usage) -> None:
    settled = of(usage)
    assert settled.estimated
    assert settled.completion_tokens >= 200


@pytest.mark.parametrize("cached", [-3, 10**9, 81, True, "3"])
def test_more_cached_tokens_than_the_prompt_has_are_none(cached: Any) -> None:
    usage = of(Usage(80, 300, cached))
    assert (usage, usage.estimated) == (Usage(80, 300, 0), True)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("yes", 1),
        ("\n" * 1000, 8),  # tokens of 128 line ends
        ("=" * 6000, 94),  # of 64 equals signs
        ("word " * 2000, 2001),
        ("It is what it is, by the way, on the one hand. " * 40, 240),  # tokens that join words
        ("天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往秋收冬藏閏餘成歲律呂調陽雲騰致雨露結為霜金生麗水玉出崑岡", 30),
        ("中华人民共和国", 1),
        ("Donaudampfschifffahrtsgesellschaftskapitän", 8),
        ("| --- | --- | --- | --- |\n" * 50, 300),
        ("नमस्ते दुनिया, यह एक परीक्षा है। " * 30, 240),
        ("🙂" * 50, 50),
        ("", 0),
        ("", 4000),  # thoughts that nobody sees
        ("Lima.", 4000),
    ],
)
def test_an_honest_count_stays(text: str, tokens: int) -> None:
    usage = Usage(90, tokens, 64)
    assert of(usage, text, max_tokens=5000) == usage
    assert not of(usage, text, max_tokens=5000).estimated
    assert not of(usage, text).estimated


def test_thoughts_beyond_max_tokens_are_believed_up_to_what_any_model_writes() -> None:
    assert not of(Usage(80, HIDDEN), max_tokens=100).estimated
    assert of(Usage(80, 10 * HIDDEN), max_tokens=100).estimated


def test_what_no_server_has_worked_on_costs_nothing() -> None:
    completion = Completion((Choice(None, "server_error", refusal="HTTP 500"),))
    assert counted(completion, asked()) is completion
    assert counted(Completion(()), asked()).usage == Usage()


def test_an_estimate_takes_other_scripts_character_by_character() -> None:
    assert (estimated("a" * 40), estimated("河" * 40), estimated("")) == (10, 40, 0)


def test_an_estimate_is_known_in_the_journal() -> None:
    completion = counted(Completion((Choice(LONG),), Usage(0, 0)), asked())
    again = Completion.from_dict(completion.to_dict())
    assert again.usage == completion.usage
    assert again.usage.estimated
    assert "estimated" not in Completion((Choice("x"),), Usage(5, 1)).to_dict()


anything = st.one_of(st.integers(), st.booleans(), st.floats(), st.text(max_size=3), st.none(), st.lists(st.none()))


@given(anything, anything, anything, st.text(max_size=300))
def test_whatever_is_reported_the_counts_can_be(prompt: Any, reply: Any, cached: Any, text: str) -> None:
    usage = of(Usage(prompt, reply, cached), text)
    for count in (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens):
        assert type(count) is int
        assert 0 <= count < 2**31
    assert usage.cached_tokens <= usage.prompt_tokens
    assert counted(Completion((Choice(text),), usage), asked()).usage == usage


@given(st.text(max_size=2000))
def test_one_token_for_each_four_bytes_of_what_deflate_makes_of_a_text_is_honest(text: str) -> None:
    packed = len(zlib.compress(text.encode("utf-8", "replace")))
    assert not of(Usage(90, packed // 4 + 1), text).estimated
