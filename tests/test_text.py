import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score import rouge_scorer, tokenizers

from synthgen.text import ngrams, normalize, rouge_l, tokenize, word_count

ANY_TEXT = st.text(st.characters(), max_size=30)
MIXED = st.text(st.sampled_from("aB1 é́ß中文のカ한국กำ่ຂခကးहिन्दीعَرَبİſ-_,。\u200d\ud800\x00"), max_size=20)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Hello, World! x2", ["hello", "world", "x2"]),
        ("snake_case it's", ["snake", "case", "it", "s"]),
        ("Écris à l'été", ["écris", "à", "l", "été"]),
        ("E\u0301cris", ["écris"]),
        ("Größe GRÖSSE", ["grösse", "grösse"]),
        ("Привет, мир", ["привет", "мир"]),
        ("写一首诗。Python!", ["写", "一", "首", "诗", "python"]),
        ("カタカナ", ["カ", "タ", "カ", "ナ"]),
        ("ｶﾞ ＡＢＣ １２", ["ガ", "abc", "12"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("ខ្ញុំ", ["ខ្", "ញុំ"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("x² ½", ["x2", "1", "2"]),
        ("", []),
        ("!?… 🙂", []),
        ("\x00\x01a\x00b", ["a", "b"]),
        ("a\ud800b", ["a", "b"]),
    ],
)
def test_unicode_tokens(text, tokens):
    assert tokenize(text) == tokens


def by_character(text):
    """The tokens by one look at each character: slow and obvious."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    tokens, alone, joined = [], False, False
    for character in folded:
        kind = unicodedata.category(character)[0]
        name = unicodedata.name(character, "")
        if kind == "M":
            if joined:
                tokens[-1] += character
            else:
                tokens.append(character)
                joined, alone = True, False
        elif kind in "LN":
            spaceless = name.startswith(
                ("CJK UNIFIED", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "IDEOGRAPHIC")
            )
            if joined and not spaceless and not alone:
                tokens[-1] += character
            else:
                tokens.append(character)
            joined, alone = True, spaceless
        else:
            joined = False
    return tokens


@given(MIXED)
def test_unicode_tokens_are_those_of_the_slow_reference(text):
    assert tokenize(text) == by_character(text)


@given(ANY_TEXT)
def test_tokens_do_not_change_when_the_text_is_normalised_first(text):
    assert tokenize(normalize(text)) == tokenize(text)
    assert normalize(normalize(text)) == normalize(text)


@given(st.text(st.characters(codec="ascii"), max_size=40))
def test_ascii_text_has_the_same_tokens_in_both(text):
    assert tokenize(text) == tokenize(text, "rouge") == by_character(text)


@given(st.one_of(ANY_TEXT, MIXED))
def test_rouge_tokens_are_those_of_rouge_score(text):
    assert tokenize(text, "rouge") == tokenizers.DefaultTokenizer(use_stemmer=False).tokenize(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("  \n ", 0),
        ("Name three - or 4 - fruits.", 7),
        ("Größe und Maße", 3),
        ("写一首诗", 2),
        ("写一首短诗。", 3),
        ("用 Python 写代码", 4),
        ("한국어 문장", 2),
        ("🙂 ok", 2),
    ],
)
def test_word_count(text, words):
    assert word_count(text) == words


def test_normalize():
    assert normalize("  The\tBIG\n\nＣat ") == "the big cat"
    assert normalize("GRÖSSE") == normalize("größe")


def test_ngrams():
    assert ngrams(["a", "b", "c"], 2) == [("a", "b"), ("b", "c")]
    assert ngrams(["a"], 2) == []


@given(*[st.lists(st.sampled_from("abcd"), max_size=12)] * 2)
def test_rouge_l_equals_rouge_score(a, b):
    expected = rouge_scorer.RougeScorer(["rougeL"]).score(" ".join(a), " ".join(b))["rougeL"].fmeasure
    assert rouge_l(a, b) == expected
