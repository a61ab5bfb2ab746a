"""The loop's picture as one SVG, and its page, which needs nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthgen.loop.drawing import INK, svg
from synthgen.loop.panels import LEFT, WIDTH, accuracy, fates, heat, variety
from synthgen.store.page.markup import Html, el, raw

STYLE = """
body { margin: 0; background: #f6f7f9; color: #1b2430; }
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 28px 20px 40px; }
h1 { font-size: 26px; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 16px; margin: 0 0 10px; }
section { background: #fff; border: 1px solid #e2e5ea; border-radius: 12px; padding: 16px 20px; margin-top: 18px; }
pre { overflow-x: auto; margin: 0; font: 13px/1.6 ui-monospace, Menlo, Consolas, monospace; }
li { overflow-wrap: anywhere; }
svg { width: 100%; height: auto; }
.quiet { color: #5d6877; margin: 4px 0 0; }
"""


def picture(title: str, points: Sequence[Mapping[str, Any]], *, titled: bool = True) -> Html:
    """An SVG: accuracy, variety, what became of the texts, accuracy by task type; what there is none of is left out.

    A point is a round: `round`, `verdict`, and where it has them `name`, `accuracy`, `low`, `high`, `others`,
    `task_types`, `entropy`, `new`, `generated`, `accepted`, `rejected`.
    """
    parts = [el("text", title, x=LEFT, y=28, font_size=18, font_weight=600, fill=INK)] if titled else []
    bottom = 40.0 if titled else 0.0
    for panel in (accuracy, variety, fates, heat):
        drawn, bottom = panel(points, bottom)
        parts += drawn
    return svg(parts, WIDTH, bottom, f"{title}, by round")


def page(title: str, status: str, points: Sequence[Mapping[str, Any]], tables: Mapping[str, Sequence[str]]) -> str:
    """The picture and the tables as one HTML file; every text in it is escaped."""
    body = el(
        "main",
        el("h1", title, dir="auto"),
        el("p", status, class_="quiet"),
        el("section", picture(title, points, titled=False)),
        *(el("section", el("h2", name), el("pre", "\n".join(lines))) for name, lines in tables.items() if lines),
    )
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", title),
        el("style", raw(STYLE)),
    )
    return "<!doctype html>\n" + el("html", head, el("body", body), lang="en") + "\n"
