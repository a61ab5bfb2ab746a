from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.matching.words import normal, word_pattern


def found(word: str, text: str) -> bool:
    return word_pattern((word,)).search(normal(text)) is not None


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("image", "Describe the IMAGE."),
        ("image", "an ｉｍａｇｅ in full width"),
        ("gif", "以下gif图展示的是什么"),
        ("go to", "Go\n  to the page"),
        ("c++", "written in C++."),
        ("图片", "请画一张图片吧"),
        ("画像", "この画像を説明して"),
        ("รูปภาพ", "วาดรูปภาพแมว"),
        ("चित्र", "एक चित्र बनाओ"),
        ("이미지", "이미지를 그려 주세요"),
        ("صورة", "ارسم الصورة"),
        ("صورة", "وبالصورة"),
        ("תמונה", "תאר את התמונה"),
        ("рисунок", "Опиши Рисунок."),
        ("café", unicodedata.normalize("NFD", "un café")),
        ("straße", "Die STRAßE"),
    ],
)
def test_whole_words_are_found(word: str, text: str) -> None:
    assert found(word, text)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("map", "mapping the maps"),
        ("image", "images"),
        ("image", "image_size"),
        ("चित्र", "चित्रकार"),
        ("그림", "밑그림"),
        ("صورة", "منصورة"),
        ("кот", "который"),
        ("e", "é"),
        ("go to", "got o"),
        ("art", "Smart start"),
    ],
)
def test_parts_of_words_are_not(word: str, text: str) -> None:
    assert not found(word, text)


def test_no_words_match_nothing() -> None:
    assert word_pattern(()).search("anything") is None
    assert word_pattern(("  ",)).search("any thing") is None


@given(st.text(alphabet="abc ", max_size=30), st.text(alphabet="abc", min_size=1, max_size=3))
def test_agrees_with_splitting_where_words_are_latin(text: str, word: str) -> None:
    assert found(word, text) == (word in text.split())
