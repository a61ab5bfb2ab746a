"""Bars and histograms as inline SVG. Colours come from the page's style, by class, so both colour schemes fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from synthgen.report.markup import Html, el, join

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
