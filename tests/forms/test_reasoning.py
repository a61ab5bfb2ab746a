from __future__ import annotations

import pytest

from synthgen.forms import split_reasoning


@pytest.mark.parametrize(
    ("text", "reasoning", "visible"),
    [
        ("four", None, "four"),
        ("<think>2 + 2</think>\n\nfour", "2 + 2", "four"),
        ("\n<THINKING>\na\nb\n</thinking>four </think>", "a\nb", "four </think>"),
        ("2 + 2\n</think>\n\nfour", "2 + 2", "four"),
        ("<think>2 + ", "2 +", ""),
        ("<think></think>four", "", "four"),
        ('{"output": "close it with </think>"}', None, '{"output": "close it with </think>"}'),
        ("the tag <think> stays", None, "the tag <think> stays"),
    ],
)
def test_reasoning_is_parted_from_what_is_shown(text: str, reasoning: str | None, visible: str) -> None:
    assert split_reasoning(text) == (reasoning, visible)
