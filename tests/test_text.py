from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score import rouge_scorer, tokenizers

from synthgen.text import ngrams, normalize, rouge_l, tokenize, word_count

ANY_TEXT = st.text() | st.text(st.characters(codec="ascii")) | st.text(st.sampled_from("aB9é列ไท̈ิ ß-_'ﬁK"))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("List 3 rivers, don't repeat!", ["list", "3", "rivers", "don", "t", "repeat"]),
        ("snake_case and UPPER", ["snake", "case", "and", "upper"]),
        ("Écris l'été", ["écris", "l", "été"]),
        ("E\u0301cris", ["écris"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ("ﬁnd ４２", ["find", "42"]),
        ("列出三个城市。", ["列", "出", "三", "个", "城", "市"]),
        ("用Python写代码", ["用", "python", "写", "代", "码"]),
        ("カメラで", ["カ", "メ", "ラ", "で"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("हिन्दी में लिखो", ["हिन्दी", "में", "लिखो"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("напиши стих", ["напиши", "стих"]),
        ("اكتب قصيدة", ["اكتب", "قصيدة"]),
        ("", []),
        ("!?… — 🙂", []),
        ("\0\x1b\ud800", []),
    ],
)
def test_unicode_tokens(text, tokens):
    assert tokenize(text) == tokens


@given(ANY_TEXT)
def test_rouge_tokens_are_those_of_rouge_score(text):
    assert tokenize(text, "rouge") == tokenizers.DefaultTokenizer(use_stemmer=False).tokenize(text)


@given(ANY_TEXT)
def test_unicode_tokens_hold_every_letter_digit_and_mark_in_order_and_nothing_else(text):
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    assert "".join(tokenize(text)) == "".join(c for c in folded if unicodedata.category(c)[0] in "LNM")


@given(ANY_TEXT)
def test_unicode_tokens_do_not_depend_on_the_way_of_writing(text):
    assert tokenize(text) == tokenize(unicodedata.normalize("NFD", text)) == tokenize(normalize(text))


def test_every_letter_of_every_script_is_in_a_token():
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character)[0] in "LN":
            assert tokenize(character), hex(code)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("one two-three, four", 3),
        ("列出三个城市", 3),
        ("列出三个城市的", 4),
        ("用Python写代码", 3),
        ("Größe des Flusses", 3),
        ("한국어 문장", 2),
        ("ที่นี่", 1),
    ],
)
def test_word_count(text, words):
    assert word_count(text) == words


@given(st.text(st.characters(codec="ascii")))
def test_ascii_text_has_as_many_words_as_split_gives(text):
    assert word_count(text) == len(text.split())


@given(ANY_TEXT)
def test_normalizing_twice_changes_nothing(text):
    assert normalize(normalize(text)) == normalize(text)


def test_normalize():
    assert normalize("  Ｌｉｓｔ\tTHREE\n\nStraßen ") == "list three strassen"


@pytest.mark.parametrize(
    ("n", "grams"), [(1, [("a",), ("b",), ("c",)]), (2, [("a", "b"), ("b", "c")]), (3, [("a", "b", "c")]), (4, [])]
)
def test_ngrams(n, grams):
    assert ngrams(["a", "b", "c"], n) == grams


@given(*[st.lists(st.sampled_from("abcd"), max_size=12)] * 2)
def test_rouge_l_is_that_of_rouge_score(a, b):
    expected = rouge_scorer.RougeScorer(["rougeL"]).score(" ".join(a), " ".join(b))["rougeL"].fmeasure
    assert rouge_l(a, b) == expected
