from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from synthgen.outward import visible


def test_what_a_terminal_would_obey_is_spelled_out() -> None:
    assert visible("\x1b[31m a\tb\nc \u202e\x85\ufeff 😀 é 中") == "\\u001b[31m a\tb\nc \\u202e\\u0085\\ufeff 😀 é 中"
    assert visible("\U000e0041") == "\\udb40\\udc41"


@given(st.text())
def test_nothing_invisible_is_left(text: str) -> None:
    shown = visible(text)
    assert all(c.isprintable() or c in "\n\t" for c in shown)
    if "\\" not in text and '"' not in text:
        escaped = shown.replace("\n", "\\n").replace("\t", "\\t").replace('"', '\\"')
        assert json.loads(f'"{escaped}"') == text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
