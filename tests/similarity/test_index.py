from __future__ import annotations

import random
from typing import get_args

import pytest
from brute_force import neighbours
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.similarity import NearDuplicateIndex, candidates, vocabulary
from synthgen.similarity.candidates import LONGEST
from synthgen.similarity.neighbour import Arithmetic, Rule
from synthgen.text import Tokenizer, tokenize

RULES = st.sampled_from(get_args(Rule))
ARITHMETICS = st.sampled_from(get_args(Arithmetic))
THRESHOLDS = st.sampled_from([0.5, 0.6, 2 / 3, 0.7, 0.75, 0.8, 0.9, 1.0])
FEW_WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=14).map(" ".join)
SOME_WORDS = ["give", "me", "the", "name", "of", "a", "river", "in", "list", "and", "why"]
WORDS = st.lists(st.sampled_from(SOME_WORDS), max_size=12).map(" ".join)
ANY_SCRIPT = ["列出", "三", "个", "Fluss", "Größe", "écris", "напиши", "नमस्ते", "ภาษา", "5", "!", "?", " ", "-"]
SCRIPTS = st.lists(st.sampled_from(ANY_SCRIPT), max_size=8).map(" ".join)


def assert_as_brute_force(
    texts: list[str], threshold: float, rule: Rule, arithmetic: Arithmetic, tokenizer: Tokenizer
) -> None:
    """The same decisions as rouge-score's, and the nearest text (the earliest of equals) with rouge-score's F."""
    index = NearDuplicateIndex(threshold, rule=rule, arithmetic=arithmetic, tokenizer=tokenizer)
    kept: list[str] = []
    for text in texts:
        near = sorted(
            neighbours(text, kept, threshold, rule, arithmetic, tokenizer), key=lambda found: (-found[0], found[1])
        )
        found = index.check(text, key=f"key of {len(kept)}")
        assert (found is not None) == bool(near), (text, kept)
        if found is None:
            kept.append(text)
        else:
            score, number = near[0]
            assert (found.score, found.number, found.text) == (score, number, kept[number])
            assert found.key == f"key of {number}"
    assert list(index.texts) == kept


@settings(max_examples=150)
@given(st.lists(FEW_WORDS, max_size=14), THRESHOLDS, RULES, ARITHMETICS)
def test_decides_as_rouge_score_where_ties_and_repeats_abound(texts, threshold, rule, arithmetic):
    assert_as_brute_force(texts, threshold, rule, arithmetic, "rouge")


@settings(max_examples=100)
@given(st.lists(WORDS, max_size=20), THRESHOLDS, RULES, ARITHMETICS)
def test_decides_as_rouge_score_on_sentences(texts, threshold, rule, arithmetic):
    assert_as_brute_force(texts, threshold, rule, arithmetic, "rouge")


@settings(max_examples=80)
@given(st.lists(SCRIPTS, max_size=14), THRESHOLDS, RULES, ARITHMETICS, st.sampled_from(get_args(Tokenizer)))
def test_decides_as_rouge_score_in_every_script(texts, threshold, rule, arithmetic, tokenizer):
    assert_as_brute_force(texts, threshold, rule, arithmetic, tokenizer)


def edited(rng: random.Random, words: list[str], vocabulary: list[str], edits: int) -> list[str]:
    words = list(words)
    for _ in range(edits):
        place = rng.randrange(len(words) + 1)
        words[place : place + rng.randrange(3)] = rng.choices(vocabulary, k=rng.randrange(3))
    return words


@pytest.mark.parametrize("arithmetic", get_args(Arithmetic))
@pytest.mark.parametrize("rule", get_args(Rule))
@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.9])
@pytest.mark.parametrize("length", [30, LONGEST, 160])
def test_decides_as_rouge_score_on_both_sides_of_the_long_texts_border(length, threshold, rule, arithmetic):
    rng = random.Random(f"{length} {threshold}")
    words = [f"w{i}" for i in range(40)]
    bases = [rng.choices(words, k=length) for _ in range(2)]
    texts = []
    for _ in range(22 if length < 100 else 10):
        base = rng.choice(bases)
        share = rng.choice([base, base, base[: len(base) // 2 + rng.randrange(len(base) // 2)]])
        texts.append(" ".join(edited(rng, share, words, rng.randrange(length // 4))))
    lengths = sorted(len(t.split()) for t in texts)
    assert length == 30 or lengths[0] <= LONGEST < lengths[-1] or length > 100
    assert_as_brute_force(texts, threshold, rule, arithmetic, "rouge")


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.9])
@pytest.mark.parametrize("length", [20, 70, 200])
def test_a_text_exactly_at_the_threshold_is_found(length, threshold):
    """All different words, so that every bound is reached: as many are replaced as the rule allows."""
    for start in range(0, 100_000, 10_000):
        index = NearDuplicateIndex(threshold, rule="ge")
        words = [f"w{i}" for i in range(start, start + length)]
        index.add(" ".join(words))
        changed = round(length * (1 - threshold))
        near = [f"x{i}" for i in range(changed)] + words[changed:]
        assert (found := index.query(" ".join(near))) is not None
        assert found.score == pytest.approx(threshold)
        assert index.query(" ".join([*near[:-1], "y"])) is None


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.9])
def test_the_shortest_and_the_longest_partners_are_found(threshold):
    for length in (10, LONGEST - 1, LONGEST, LONGEST + 1, LONGEST + 2, 120):
        words = [f"w{i}" for i in range(length)]
        shortest = next(m for m in range(1, length + 1) if 2 * m / (m + length) > threshold + 1e-9)
        for kept, asked in ((length, shortest), (shortest, length)):
            index = NearDuplicateIndex(threshold)
            index.add(" ".join(words[:kept]))
            assert index.query(" ".join(words[:asked])) is not None
        index = NearDuplicateIndex(threshold)
        index.add(" ".join(words))
        assert index.query(" ".join(words[: shortest - 1])) is None


@pytest.mark.parametrize(("threshold", "words"), [(0.6, 40), (0.95, 8)])
def test_large_lists_give_the_same_as_small_ones(monkeypatch, threshold, words):
    """Small ones are proved by the tests above; large ones are sorted, and walked in another way."""
    rng = random.Random(0)
    vocabulary = [f"w{i}" for i in range(words)]
    texts = [" ".join(rng.choices(vocabulary, k=rng.randrange(1, words))) for _ in range(600)]
    texts += [" ".join(edited(rng, rng.choice(texts).split(), vocabulary, rng.randrange(6))) for _ in range(600)]
    answers = []
    for large in (10**9, 8):
        monkeypatch.setattr(candidates, "_LARGE", large)
        index = NearDuplicateIndex(threshold)
        answers.append([index.check(text) for text in texts])
        assert 200 < len(index) < 1100
    assert answers[0] == answers[1]


@settings(max_examples=60)
@given(st.lists(FEW_WORDS, max_size=12), st.sampled_from([0.5, 0.6, 0.7]), st.sampled_from([0.7, 0.8, 0.9]), RULES)
def test_answers_for_higher_thresholds_than_its_own(texts, own, asked, rule):
    index = NearDuplicateIndex(own, rule=rule, tokenizer="rouge")
    for text in texts:
        near = sorted(neighbours(text, index.texts, asked, rule, "exact", "rouge"), key=lambda f: (-f[0], f[1]))
        found = index.query(text, asked)
        assert (found and (found.score, found.number)) == (near[0] if near else None)
        index.add(text)


def test_does_not_answer_for_a_lower_threshold():
    with pytest.raises(ValueError, match=r"built for 0\.7 and cannot answer for 0\.6"):
        NearDuplicateIndex(0.7).query("a", 0.6)


@settings(max_examples=80)
@given(st.lists(FEW_WORDS, min_size=2, max_size=14), st.sampled_from([0.5, 0.7, 0.9]), RULES, ARITHMETICS)
def test_the_score_is_the_threshold_at_which_a_text_would_be_kept(texts, threshold, rule, arithmetic):
    index = NearDuplicateIndex(threshold, rule=rule, arithmetic=arithmetic, tokenizer="rouge")
    for text in texts:
        found = index.check(text)
        if found is None or found.score == 1:
            continue
        # "compat" has floats on both sides: exactly at the score `gt` keeps and `ge` drops
        again = NearDuplicateIndex(found.score, rule=rule, arithmetic="compat", tokenizer="rouge")
        for kept in index.texts:
            again.add(kept)
        assert (again.query(text) is None) == (rule == "gt")


def test_a_query_leaves_no_trace():
    index = NearDuplicateIndex()
    assert index.query("name three rivers in europe") is None
    assert index.query("name three rivers in europe") is None
    assert len(index) == 0
    index.add("name three rivers in europe", "a")
    assert (found := index.query("name three long rivers in europe")) is not None
    assert (found.key, found.score) == ("a", pytest.approx(10 / 11))


@pytest.mark.parametrize("tokenizer", get_args(Tokenizer))
@pytest.mark.parametrize(
    "texts", [["", "", " \n"], ["!!!", "!!! ", "???"], ["写一首诗。", "写一首诗。", "列出三个城市。"]]
)
def test_texts_without_tokens_are_compared_whole(texts, tokenizer):
    index = NearDuplicateIndex(0.5, tokenizer=tokenizer)
    assert index.check(texts[0]) is None
    assert (found := index.check(texts[1])) is not None
    assert (found.score, found.number) == (1.0, 0)
    assert (index.check(texts[2]) is None) == (texts[2].strip() != "")


@pytest.mark.parametrize("largest", [1, 3, 10])
def test_shared_characters_change_no_decision(monkeypatch, largest):
    monkeypatch.setattr(vocabulary, "LARGEST", largest)
    monkeypatch.setattr(vocabulary, "_FIRST_SURROGATE", 1)
    assert len(set(vocabulary.to_text(range(20)))) == largest
    rng = random.Random(0)
    words = [f"w{i}" for i in range(25)]
    base = rng.choices(words, k=9)
    texts = [" ".join(edited(rng, rng.choice([base, rng.choices(words, k=9)]), words, 2)) for _ in range(60)]
    assert_as_brute_force(texts, 0.6, "ge", "exact", "rouge")
    long = [" ".join(edited(rng, rng.choices(words, k=1) * 3 + base * 8, words, 9)) for _ in range(8)]
    assert_as_brute_force(long, 0.6, "ge", "exact", "rouge")


@pytest.mark.parametrize("threshold", [0, -0.1, 1.5, float("nan")])
def test_the_threshold_is_above_0_and_at_most_1(threshold):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        NearDuplicateIndex(threshold)


@pytest.mark.parametrize("text", [None, 3, b"bytes", ["a"]])
def test_only_strings_are_texts(text):
    index = NearDuplicateIndex()
    for ask in (index.check, index.query, index.add):
        with pytest.raises(TypeError, match="a text is a string, not"):
            ask(text)
    assert len(index) == 0


@pytest.mark.parametrize("odd", ["a\0b", "\x00", "\x1b[31m\x07", "\ud800", "x\udfff", "\u200b", "\U0010ffff", "\ufeff"])
def test_odd_characters_are_no_trouble(odd):
    index = NearDuplicateIndex()
    assert index.check(odd) is None
    assert (found := index.check(odd)) is not None
    assert found.score == 1
    assert index.check("name three rivers") is None


def test_megabyte_texts():
    rng = random.Random(0)
    words = rng.choices([f"w{i}" for i in range(5000)], k=200_000)
    text = " ".join(words)
    assert len(text) > 1_000_000
    index = NearDuplicateIndex()
    assert index.check(text) is None
    assert (found := index.check(text + " and more")) is not None
    assert found.score > 0.9999
    assert index.check("x" * 3_000_000) is None
    assert index.check(" ".join(words[:1000])) is None


def test_a_hundred_thousand_identical_texts():
    index = NearDuplicateIndex()
    assert sum(index.check("name three rivers in europe") is None for _ in range(100_000)) == 1


def test_identical_texts_that_are_all_kept_are_found_by_the_first():
    index = NearDuplicateIndex()
    for _ in range(2000):
        index.add("name three rivers in europe")
    assert (found := index.check("name three rivers in europe")) is not None
    assert found.number == 0


def test_a_vocabulary_where_every_word_is_rare():
    index = NearDuplicateIndex()
    texts = [" ".join(f"w{i}x{j}" for j in range(12)) for i in range(3000)]
    assert all(index.check(text) is None for text in texts)
    assert all((found := index.query(text)) is not None and found.number == i for i, text in enumerate(texts))


def test_a_vocabulary_where_every_word_is_common():
    rng = random.Random(0)
    texts = [" ".join(rng.choices("ab", k=rng.randrange(1, 12))) for _ in range(120)]
    assert_as_brute_force(texts, 0.8, "gt", "exact", "rouge")


def test_words_that_repeat_count_as_often_as_they_occur():
    index = NearDuplicateIndex(tokenizer="rouge")
    index.add("row row row your boat")
    assert index.query("row your boat row") is None
    assert tokenize("row row", "rouge") == ["row", "row"]
    assert index.query("row row row my boat") is not None
