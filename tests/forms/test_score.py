from __future__ import annotations

import pytest

from synthgen.forms.structured import score_form

FORM = score_form(5)


def points(text: str, cut: bool = False) -> str | None:
    parsed = FORM.parse(text, cut=cut)
    assert parsed.items or parsed.broken
    return parsed.items[-1]["score"] if parsed.items else None


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ('{"reasoning": "met: 1, 2", "score": "2"}', "2"),
        ('{"score": 4}', "4"),
        ('{"score": 4.0}', "4"),
        ('```json\n{"score": "5/5"}\n```', "5"),
        ("<think>Score: 1</think>It is clear.\nScore: 3", "3"),
        ("The first score is 1, the second 1.\n**Total score:** 3/5", "3"),
        ("Score: 1 + 1 + 1 = 3", "3"),
        ("score - 0", "0"),
        ("Score: 4.", "4"),
    ],
)
def test_points_are_read_as_judges_write_them(text: str, score: str) -> None:
    assert points(text) == score


@pytest.mark.parametrize(
    "text",
    [
        '{"score": "6"}',
        '{"score": "-1"}',
        '{"score": "4.5"}',
        '{"score": ""}',
        '{"reasoning": "good"}',
        "Score: 8/10",
        "Score: 9",
        "Score: -1",
        "Score: 4.5",
        "Score: 1 + 1 + 1",
        "It is good.",
        "I give it 4.",
        "",
    ],
)
def test_what_is_no_number_of_the_scale_is_no_score(text: str) -> None:
    assert points(text) is None


def test_a_judgement_that_was_cut_is_not_read() -> None:
    assert points("Score: 1", cut=True) is None


def test_the_schema_allows_the_points_alone() -> None:
    schema = score_form(2).response_format["json_schema"]
    assert schema["schema"]["properties"]["score"]["enum"] == ["0", "1", "2"]  # type: ignore[index]
