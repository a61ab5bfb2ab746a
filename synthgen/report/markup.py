"""HTML and SVG as nested calls; every text in them is escaped."""

from __future__ import annotations

from html import escape

from synthgen.safety.outward import visible

_VOID = {"br", "input", "meta"}


class Html(str):
    """Markup that needs no more escaping; made by `el` and `raw` alone."""

    __slots__ = ()


Child = str | int | None


def el(tag: str, *children: Child, **attributes: str | float | bool | None) -> Html:
    """One element: texts are escaped, their control characters shown as `\\uXXXX`, None is left out.

    `class_` stands for `class`, and underscores for hyphens: `data_reason="x"`. True is an attribute without a value;
    False and None leave it out.
    """
    shown = "".join(_attribute(name, value) for name, value in attributes.items() if value is not None)
    if tag in _VOID:
        return Html(f"<{tag}{shown}>")
    return Html(f"<{tag}{shown}>{''.join(_child(child) for child in children)}</{tag}>")


def raw(text: str) -> Html:
    """Text of our own that is markup already: style, script, base64."""
    return Html(text)


def join(*children: Child) -> Html:
    """Several elements after one another."""
    return Html("".join(_child(child) for child in children))


def _child(child: Child) -> str:
    if child is None or isinstance(child, Html):
        return child or ""
    return escape(visible(str(child)))


def _attribute(name: str, value: str | float | bool) -> str:
    name = name.rstrip("_").replace("_", "-")
    if isinstance(value, bool):
        return f" {name}" if value else ""
    text = f"{round(value, 2):g}" if isinstance(value, float) else str(value)
    return f' {name}="{escape(visible(text))}"'
