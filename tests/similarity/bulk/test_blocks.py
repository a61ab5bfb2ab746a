from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from synthgen.errors import SynthgenError
from synthgen.similarity import NearDuplicateIndex
from synthgen.similarity.bulk import BulkIndex, blocks, compare, deduplicate, levels
from synthgen.similarity.neighbour import Arithmetic, Rule
from synthgen.text import Tokenizer

RULES = st.sampled_from(get_args(Rule))
ARITHMETICS = st.sampled_from(get_args(Arithmetic))
TOKENIZERS = st.sampled_from(get_args(Tokenizer))
THRESHOLDS = st.sampled_from([0.05, 0.3, 0.5, 2 / 3, 0.7, 0.75, 0.9, 0.999999, 1.0])
FEW_WORDS = st.lists(st.sampled_from("abcd"), max_size=14).map(" ".join)
MANY_WORDS = st.lists(st.integers(0, 400).map(str), max_size=40).map(" ".join)
SCRIPTS = st.lists(st.sampled_from(["列出", "三", "Größe", "écris", "नमस्ते", "ภาษา", "5", "!", "?"]), max_size=8)
LONG = st.tuples(st.integers(150, 420), st.integers(0, 2), st.integers(0, 60)).map(
    lambda t: " ".join(f"w{i % (97 + t[1])}" if (i * 7 + t[2]) % 100 > t[2] else f"x{i}" for i in range(t[0]))
)


NEAR_BORDERS = st.tuples(st.integers(12, 140), st.integers(0, 3), st.integers(0, 25)).map(
    lambda t: " ".join(f"w{i + 200 * t[1]}" for i in range(t[0]) if i % 29 != t[2])
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks, segments and chunks so small that a hundred texts cross every one of their borders."""
    monkeypatch.setattr(blocks, "BLOCK", 7)
    monkeypatch.setattr(levels, "RECENT", 5)
    monkeypatch.setattr(levels, "RATIO", 2)
    monkeypatch.setattr(compare, "CELLS", 16)
    monkeypatch.setattr(levels, "VISITS", 8)
    monkeypatch.setattr(levels, "SPLIT_FROM", 0)
    monkeypatch.setattr(levels, "BUILT_AT_ONCE", 4)
    monkeypatch.setattr(compare, "AT_ONCE", 4)


def assert_as_one_by_one(
    texts: Sequence[str],
    threshold: float = 0.7,
    rule: Rule = "gt",
    arithmetic: Arithmetic = "exact",
    tokenizer: Tokenizer = "unicode",
) -> None:
    index = NearDuplicateIndex(threshold, rule=rule, arithmetic=arithmetic, tokenizer=tokenizer)
    keys = [f"key {i}" for i in range(len(texts))]
    expected = [index.check(text, key) for text, key in zip(texts, keys, strict=True)]
    found = deduplicate(texts, keys, threshold=threshold, rule=rule, arithmetic=arithmetic, tokenizer=tokenizer)
    assert found == expected


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("texts", [FEW_WORDS, MANY_WORDS, SCRIPTS.map(" ".join), LONG, NEAR_BORDERS])
def test_decides_as_one_text_after_the_other(texts):
    @settings(max_examples=40)
    @given(st.lists(texts, max_size=40), THRESHOLDS, RULES, ARITHMETICS, TOKENIZERS)
    def check(texts, threshold, rule, arithmetic, tokenizer):
        assert_as_one_by_one(texts, threshold, rule, arithmetic, tokenizer)

    check()


def varied(number: int, seed: int, length: int = 11, vocabulary: int = 800) -> list[str]:
    """Texts of some length with rare and common words, a third of them edits of earlier ones, some without tokens."""
    rng = random.Random(seed)
    made: list[str] = []
    while len(made) < number:
        if made and rng.random() < 0.35:
            words = rng.choice(made).split()
            for _ in range(rng.randint(0, 1 + len(words) // 4)):
                if words:
                    words[rng.randrange(len(words))] = f"w{rng.randrange(vocabulary)}"
        elif rng.random() < 0.02:
            words = [rng.choice(["", "?!", "…", "写诗", "写 诗"])]
        else:
            size = max(1, round(rng.lognormvariate(0, 0.5) * length))
            words = [f"w{int(vocabulary * rng.random() ** 3)}" for _ in range(size)]
        made.append(" ".join(words))
    return made


def orders(number: int) -> list[str]:
    """Six words in many orders: every signature is the same."""
    rng = random.Random(0)
    words = ["one", "two", "three", "four", "five", "six"]
    return [" ".join(rng.sample(words, 6)) for _ in range(number)]


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.9])
@pytest.mark.parametrize(("rule", "arithmetic"), [("gt", "exact"), ("ge", "compat")])
def test_decides_as_one_text_after_the_other_over_many_segments(monkeypatch, threshold, rule, arithmetic):
    monkeypatch.setattr(blocks, "BLOCK", 200)
    monkeypatch.setattr(levels, "RECENT", 300)
    assert_as_one_by_one(varied(3000, seed=1), threshold, rule, arithmetic)


def test_decides_as_one_text_after_the_other_on_long_texts(monkeypatch):
    monkeypatch.setattr(levels, "RECENT", 100)
    monkeypatch.setattr(blocks, "BLOCK", 50)
    monkeypatch.setattr(compare, "COUNTED_FROM", 150)
    assert_as_one_by_one(varied(400, seed=2, length=200))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
def test_short_texts_meet_long_ones(threshold):
    sizes = [(m, n) for m in (12, 22, 32, 33, 40, 63, 64) for n in (63, 64, 65, 70, 90, 120)]
    short = [" ".join(f"{k}x{i}" for i in range(m)) for k, (m, _) in enumerate(sizes)]
    long = [" ".join(f"{k}x{i}" for i in range(n)) for k, (_, n) in enumerate(sizes)]
    assert_as_one_by_one(short + long, threshold)
    assert_as_one_by_one(long + short, threshold)


def test_decides_as_rouge_score(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 60)
    monkeypatch.setattr(levels, "RECENT", 40)
    texts = [text for text in varied(300, seed=3, vocabulary=60) if any(map(str.isalnum, text)) and text.isascii()]
    scorer = rouge_scorer.RougeScorer(["rougeL"])
    kept: list[str] = []
    for text in texts:
        if all(scorer.score(text, other)["rougeL"].fmeasure <= 0.7 for other in kept):
            kept.append(text)
    verdicts = deduplicate(texts, arithmetic="compat", tokenizer="rouge")
    assert [text for text, near in zip(texts, verdicts, strict=True) if near is None] == kept
    assert 100 < len(kept) < len(texts)


@pytest.mark.usefixtures("small")
def test_tokens_that_share_a_character_are_told_apart(monkeypatch):
    monkeypatch.setattr(compare, "CHARACTERS", 2)
    assert_as_one_by_one(orders(100) + varied(100, seed=4))


def test_texts_that_are_all_the_same_take_no_more_memory_or_time_than_others():
    texts = ["name a river in europe"] * 20_000
    verdicts = deduplicate(texts)
    assert verdicts[0] is None
    assert {(near.number, near.score) for near in verdicts[1:]} == {(0, 1.0)}


def test_texts_without_a_common_word_are_all_kept():
    assert deduplicate([f"a{i} b{i} c{i}" for i in range(3000)]) == [None] * 3000


def test_orders_of_the_same_words_are_compared_in_full():
    assert_as_one_by_one(orders(800))


@pytest.mark.usefixtures("small")
def test_hostile_text():
    huge = "word " * 60_000
    texts = ["\x00", "\x00", "a\x00b", "\ud800", "\udfff x", "\ud800", huge, huge + "more", "x" * 10**6, "", " ", "a b"]
    assert_as_one_by_one(texts)


def test_a_block_ends_before_it_has_too_many_characters(monkeypatch):
    monkeypatch.setattr(blocks, "CHARACTERS", 100)
    assert_as_one_by_one([f"{i} {'x' * (i * 37 % 250)} {i % 5}" for i in range(60)])


def test_an_index_goes_on_where_it_was():
    texts = varied(500, seed=5)
    index = BulkIndex()
    verdicts = [*index.check_all(texts[:123]), *index.check_all([]), *index.check_all(texts[123:])]
    assert verdicts == deduplicate(texts)
    assert len(index) == verdicts.count(None)


@pytest.mark.parametrize("number", [2, 3])
def test_any_number_of_processes_gives_the_same_verdicts(monkeypatch, number):
    monkeypatch.setattr(blocks, "BLOCK", 40)
    monkeypatch.setattr(blocks, "BLOCKS_AT_ONCE", 2)
    monkeypatch.setattr(levels, "RECENT", 50)
    texts = varied(900, seed=6)
    keys = [str(i) for i in range(len(texts))]
    assert deduplicate(texts, keys, processes=number) == deduplicate(texts, keys)


def test_a_process_that_dies_is_an_error(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 5)
    monkeypatch.setattr(blocks, "_do", lambda sender, work, items: os._exit(9))
    with pytest.raises(SynthgenError, match="died") as caught:
        deduplicate([str(i) for i in range(40)], processes=2)
    assert caught.value.hint is not None


def test_progress_tells_how_many_are_done(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 100)
    done: list[int] = []
    deduplicate([str(i) for i in range(250)], progress=done.append)
    assert done == [100, 200, 250]


@pytest.mark.parametrize("text", [None, 3, b"bytes"])
def test_what_is_no_text_is_refused(text):
    with pytest.raises(TypeError, match=f"text 1: a text is a string, not {type(text).__name__}"):
        deduplicate(["a", text])


@pytest.mark.parametrize("threshold", [0, -1, 1.1])
def test_a_threshold_that_makes_no_sense_is_refused(threshold):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        deduplicate(["a"], threshold=threshold)
