"""The parts that the loop's pictures share: a panel with axes, colours, places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from synthgen.report.markup import Html, el

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
