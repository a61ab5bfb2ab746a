from __future__ import annotations

from synthgen.report.charts import Html, el, join, raw


def test_texts_and_attributes_are_escaped() -> None:
    made = el("p", "<b>&\"'</b>", title="\"><script>'", class_="x")
    assert made == '<p title="&quot;&gt;&lt;script&gt;&#x27;" class="x">&lt;b&gt;&amp;&quot;&#x27;&lt;/b&gt;</p>'


def test_characters_that_cannot_be_seen_are_shown() -> None:
    assert el("p", "a\x00\x1b\u202eb\n", dir="\u200b") == '<p dir="\\u200b">a\\u0000\\u001b\\u202eb\n</p>'


def test_elements_nest_without_being_escaped_again() -> None:
    assert el("p", el("b", "<"), join("&", el("i")), None, 3) == "<p><b>&lt;</b>&amp;<i></i>3</p>"
    assert isinstance(join(), Html)
    assert el("style", raw("a > b {}")) == "<style>a > b {}</style>"


def test_attributes_that_are_true_false_none_or_numbers() -> None:
    assert (
        el("input", hidden=True, disabled=False, id=None, data_x=1.23456, y=2) == '<input hidden data-x="1.23" y="2">'
    )
