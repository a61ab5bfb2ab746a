"""HTML and SVG as nested calls, every text in them escaped, and the charts that are drawn with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


WIDTH, HEIGHT = 360, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 8, 352, 22, 128


@dataclass(frozen=True, slots=True)
class Bin:
    """A column: how many, and what its tooltip says lies in it."""

    count: int
    label: str
    rest: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A vertical line at a place, counted in bins from the left, with its label."""

    at: float
    label: str


def bar(whole: float, *parts: tuple[str, float]) -> Html:
    """One horizontal bar, as wide as its cell: parts side by side, each a class and a value, on a track of `whole`.

    It repeats a number that stands beside it, so it is hidden from screen readers.
    """
    drawn, x = [el("rect", class_="track", width=100, height=10)], 0.0
    for kind, value in parts:
        width = 100 * value / whole if whole else 0.0
        if width > 0:
            seen = min(max(width, 0.4), 100)  # one record among many thousands is still a line that can be seen
            drawn.append(el("rect", class_=kind, x=min(x, 100 - seen), width=seen, height=10))
        x += width
    return el(
        "svg",
        *drawn,
        class_="bar",
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        aria_hidden="true",
        focusable="false",
    )


def histogram(
    title: str,
    bins: Sequence[Bin],
    ticks: Sequence[tuple[float, str]],
    *,
    kind: str = "kept",
    lines: Sequence[Line] = (),
) -> Html:
    """Columns over an axis; `ticks` are places, in bins from the left, with labels.

    `title` says in words what the picture shows, for those who do not see it.
    """
    highest = max((b.count for b in bins), default=0)
    step = (_RIGHT - _LEFT) / max(1, len(bins))
    columns = []
    for number, b in enumerate(bins):
        height = max(1.5, (_BOTTOM - _TOP) * b.count / highest) if b.count else 0.0
        x, gap = _LEFT + number * step, min(1.0, step / 5)
        columns.append(
            el(
                "g",
                el("title", f"{b.label}: {b.count:,}"),
                el("rect", class_="hit", x=x, y=_TOP, width=step, height=_BOTTOM - _TOP),
                el(
                    "rect",
                    class_="rest" if b.rest else kind,
                    x=x + gap / 2,
                    y=_BOTTOM - height,
                    width=step - gap,
                    height=height,
                ),
            )
        )
    return el(
        "svg",
        el("title", title),
        el("text", f"{highest:,}", class_="axis", x=_LEFT, y=_TOP - 8),
        el("line", class_="grid", x1=_LEFT, x2=_RIGHT, y1=_TOP, y2=_TOP),
        *columns,
        el("line", class_="base", x1=_LEFT, x2=_RIGHT, y1=_BOTTOM, y2=_BOTTOM),
        *(_tick(_LEFT + at * step, label) for at, label in ticks),
        *(_line(_LEFT + line.at * step, line.label) for line in lines),
        class_="histogram",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=title,
    )


def _tick(x: float, label: str) -> Html:
    anchor = "start" if x < _LEFT + 12 else "end" if x > _RIGHT - 12 else "middle"
    return el("text", label, class_="axis", x=x, y=_BOTTOM + 15, text_anchor=anchor)


def _line(x: float, label: str) -> Html:
    left = x > (_LEFT + _RIGHT) / 2
    return join(
        el("line", class_="mark", x1=x, x2=x, y1=_TOP - 16, y2=_BOTTOM),
        el(
            "text",
            label,
            class_="marked",
            x=x - 4 if left else x + 4,
            y=_TOP - 8,
            text_anchor="end" if left else "start",
        ),
    )


INK, QUIET, GRID, LINE, BAND, BAD = "#1b2430", "#5d6877", "#e2e5ea", "#2f6fde", "#dbe7fb", "#d9622b"
COLOURS = ("#d9622b", "#7f8b9b", "#8a63d2", "#e0a526", "#3a9c8b", "#c2508c", "#6b7f3f", "#7d6a5c")
"""Of what is not the main thing, in turn."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of a picture: its place in it, and the numbers that its edges stand for."""

    title: str
    left: float
    top: float
    width: float
    height: float
    last: int
    most: float

    def x(self, number: float) -> float:
        """The place of a round."""
        return self.left + self.width * number / max(1, self.last)

    def y(self, value: float) -> float:
        """The place of a value."""
        return self.top + self.height * (1 - value / self.most)

    def frame(self, unit: Callable[[float], str], step: float) -> list[Html]:
        """The title, a line at each step with its value, and the rounds below."""
        parts = [heading(self.title, self.left, self.top - 14)]
        count = round(self.most / step)
        for number in range(count + 1):
            value = number * step
            y = self.y(value)
            parts.append(el("line", x1=self.left, x2=self.left + self.width, y1=y, y2=y, stroke=GRID))
            parts.append(text(unit(value), self.left - 8, y + 4, anchor="end", colour=QUIET))
        for number in range(self.last + 1):
            parts.append(text(str(number), self.x(number), self.top + self.height + 18, colour=QUIET))
        return parts

    def path(self, points: Sequence[tuple[int, float]]) -> str:
        """Places of rounds and values, as a polyline has them."""
        return " ".join(f"{self.x(n):.1f},{self.y(v):.1f}" for n, v in points)


def steps(most: float, *, whole: bool = False) -> tuple[float, float]:
    """A round number above `most` and the step to it: three to six steps of 1, 2, 2.5 or 5 times a power of ten."""
    most = max(most, 1.0 if whole else 1e-9)
    power = 1e-6
    while True:
        for factor in (1, 2, 2.5, 5):
            step = factor * power
            if most <= 5 * step and (not whole or step >= 1):
                count = -int(-most // step)
                return max(1, count) * step, step
        power *= 10


def heading(content: str, x: float, y: float) -> Html:
    """A panel's title."""
    return el("text", content, x=x, y=y, font_size=14, font_weight=600, fill=INK)


def text(content: str, x: float, y: float, *, anchor: str = "middle", colour: str = INK, size: int = 12) -> Html:
    """A short text."""
    return el("text", content, x=float(x), y=float(y), text_anchor=anchor, fill=colour, font_size=size)


def short(name: str, most: int = 20) -> str:
    """The name, cut where it is longer than there is room for."""
    return name if len(name) <= most else name[: most - 1] + "…"


def svg(parts: Sequence[Html], width: float, height: float, title: str) -> Html:
    """A picture on white ground."""
    return el(
        "svg",
        el("title", title),
        el("rect", width=width, height=height, fill="white"),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:g} {height:g}",
        font_family="system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
        role="img",
    )
