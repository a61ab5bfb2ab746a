r"""How the strings of realistic replies are meant: LaTeX, code, prose, paths, patterns."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.forms import ANSWER, TASKS
from synthgen.forms.escapes import is_doubtful, unescaped
from synthgen.forms.salvage import encode, scan
from synthgen.forms.structured import score_form

SAME = [
    r"$\theta \neq \rho$ and $\nu \rightarrow \tau$.",
    r"$3 \times 4 = 12$ and \text{so on}",
    r"\frac{3}{4}, and \theta \neq \beta, \right).",
    r"It is \$7 in total \(exactly\).",
    r"C:\new\table",
    r"C:\Users\name\test.txt",
    r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
    r"\bword\b",
    r"\d+\b",
    r"\(\nu = \tan x\)",
    r"x \to 0 as n \to \infty",
    r"$$\nabla \cdot E = \rho$$",
    r"\underline{x} \upsilon",
    r"100\% of \#1 \& \_x",
    r"\left( \frac{a}{b} \right)^n \neq 0",
    r"The limit \lim_{x\to 0} f",
    r"x^{\tau} + \nu_1",
]
"""Backslashes that stay what they are."""

READ = [
    (r"First.\nNext line", "First.\nNext line"),
    (r"a\n\nu = 3", "a\n\nu = 3"),
    (r"def f():\n\treturn 1\n\ttext = 2", "def f():\n\treturn 1\n\ttext = 2"),
    (r"def f():\n\text = 2", "def f():\n\text = 2"),
    (r"C:\\new\\table", "C:\\new\\table"),
    (r"A:\nTrue\nB:\nFalse", "A:\nTrue\nB:\nFalse"),
    (r"Q:\nname\tage", "Q:\nname\tage"),
    (r"$\\nu$ is \\alpha\nu = 3", "$\\nu$ is \\alpha\nu = 3"),
    (r"1.\tan apple\n2.\ttop", "1.\tan apple\n2.\ttop"),
    (r"$$\nu = 2\n$$", "$$\nu = 2\n$$"),
    (r"It costs $5\nu know", "It costs $5\nu know"),
    (r"\u00e9 \ud83d\ude00 \ud83d x", "é 😀 � x"),
    (r"It\'s", "It's"),
    (r"\\frac{1}{2}", "\\frac{1}{2}"),
    (r"\\theta\nNext \\nu", "\\theta\nNext \\nu"),
    (r"a\tb\nc", "a\tb\nc"),
    (r"\nnew ideas", "\nnew ideas"),
    (r"\nneq", "\nneq"),
    (r"\r\nok", "\r\nok"),
    (r"Der Winkel \theta ist\ngut.", "Der Winkel \\theta ist\ngut."),
    (r"Use \n for a new line", "Use \n for a new line"),
]
"""Escapes that mean what JSON says."""


def both(raw: str) -> list[str]:
    """The text by itself, and out of a reply."""
    found = TASKS.parse('{"tasks": [{"instruction": "x", "output": "' + raw + '"}]}').items
    return [unescaped(raw), *(item["output"] for item in found)]


@pytest.mark.parametrize("raw", SAME)
def test_latex_paths_and_patterns_stay(raw: str) -> None:
    assert both(raw) == [raw, raw]


@pytest.mark.parametrize(("raw", "text"), READ)
def test_escapes_are_read(raw: str, text: str) -> None:
    assert both(raw) == [text, text]


def test_every_form_reads_them() -> None:
    raw = r"It is $\theta \neq \frac{1}{2}$"
    assert ANSWER.parse('{"reasoning": "' + raw + '", "answer": "' + raw + '"}').items[0]["reasoning"] == raw
    assert score_form(5).parse('{"reasoning": "' + raw + '", "score": "4"}').items[0]["score"] == "4"
    assert [found.value for found in scan('["' + raw + '", "cut', strings=True)] == [raw]


@given(st.text(st.sampled_from("\x01\x02\x1f\ufdd0\ufdefa ")))
def test_whatever_else_the_text_holds_is_kept(text: str) -> None:
    raw = rf"{text}$\theta$ \"said\" {text}"
    assert scan(f'chatter {text} [{{"{raw}": "{raw}"}}]')[0].value == [
        {raw.replace(r"\"", '"'): raw.replace(r"\"", '"')}
    ]


def test_a_text_of_every_odd_character_is_read_as_json() -> None:
    odd = "".join(map(chr, (*range(1, 9), *range(14, 32), *range(0xFDD0, 0xFDF0))))
    assert scan(rf'["{odd}\frac"]')[0].value == [odd + "\frac"]


@pytest.mark.parametrize(
    "text", [r"\ud83d\ude00", r"say \"no\"\n\n1. Yes", r"\\theta and \\\n", r"\u00e9\/", "no\nne", r"C:\\temp"]
)
def test_plain_json_raises_no_doubt(text: str) -> None:
    assert not is_doubtful(text)
    assert unescaped(text) == json.loads(f'"{text}"', strict=False)


@given(st.text())
def test_what_is_written_is_read_back(text: str) -> None:
    written = encode(text) or ""
    assert scan(f"[{written}]")[0].value == [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")]


@given(st.text(st.sampled_from("\\nrtbfu\"'/ abcdeu0123{}$()_^&=:.")))
def test_any_string_is_read(raw: str) -> None:
    text = unescaped(raw)
    text.encode()
    assert len(text) <= len(raw)


@given(st.text(st.characters(exclude_characters="\\", exclude_categories=["Cs", "Cc"])))
def test_json_without_doubtful_backslashes_is_read_as_json(text: str) -> None:
    assert scan(json.dumps([text]))[0].value == [text]
