from __future__ import annotations

import pytest

from synthgen.filters.characters import script, script_of
from synthgen.records import Record


@pytest.mark.parametrize(
    ("text", "scripts", "kept"),
    [
        ("Name a planet", ("latin",), True),
        ("Écris ｆｕｌｌ", ("latin",), True),
        ("Назови планету", ("latin",), False),
        ("列出行星", ("han",), True),
        ("人々は話す", ("han",), False),
        ("人々はコーヒーを飲む", ("han", "hiragana", "katakana"), True),
        ("행성을 말해", ("hangul",), True),
        ("Translate 你好", ("latin",), True),
        ("翻译 hello world", ("latin",), True),
        ("你好你好 hi", ("latin",), False),
        ("2 + 2 = ?", ("han",), True),
        ("", ("han",), True),
    ],
)
def test_the_share_of_letters_decides(text: str, scripts: tuple[str, ...], kept: bool) -> None:
    drop = script(Record(instruction=text), scripts=scripts)  # type: ignore[arg-type]
    assert (drop is None) == kept
    if drop:
        assert drop.reason == "wrong_script"
        assert drop.score is not None
        assert drop.score < 0.8 == drop.limit


def test_the_share_is_a_setting() -> None:
    record = Record(instruction="abc где")
    assert script(record, scripts=("latin",), min_share=0.5) is None
    assert script(record, scripts=("latin",), min_share=0.51) is not None


def test_scripts_by_letter() -> None:
    assert [script_of(c) for c in "aя漢々あーア한ﾊ𝒳"] == [
        "latin", "cyrillic", "han", "han", "hiragana", "katakana", "katakana", "hangul", "katakana", "latin"
    ]  # fmt: skip
