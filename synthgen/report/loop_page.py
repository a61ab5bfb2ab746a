"""The page of a loop: one picture of its rounds, panel by panel, and its tables; it needs nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthgen.report.charts import (
    BAD,
    BAND,
    COLOURS,
    INK,
    LINE,
    QUIET,
    Html,
    Panel,
    el,
    heading,
    raw,
    short,
    steps,
    svg,
    text,
)

WIDTH, LEFT, RIGHT = 760, 60, 110
ROW, BAR = 20, 22
SHOWN = 7
"""Reasons that have a colour of their own; the rest are drawn together."""

Point = Mapping[str, Any]


def accuracy(points: Sequence[Point], top: float) -> tuple[list[Html], float]:
    """Accuracy on the main set with its band, the other sets as thin lines; returns what is below.

    A student that became the teacher is a full mark, a refused one an open one.
    """
    sets = {name for p in points for name in p.get("others", {})}
    values = [p["high"] for p in points if "high" in p] + [v for p in points for v in p.get("others", {}).values()]
    most, step = steps(max([*values, 0.05]))
    last = max(p["round"] for p in points)
    panel = Panel("Accuracy on held-out tasks, 95 % interval", LEFT, top + 40, WIDTH - LEFT - RIGHT, 170, last, most)
    parts = panel.frame(lambda v: f"{100 * v:.4g} %", step)
    main = [p for p in points if "accuracy" in p]
    ends = []
    for number, name in enumerate(sorted(sets)):
        line = [(p["round"], p["others"][name]) for p in points if name in p.get("others", {})]
        colour = COLOURS[(number + 2) % len(COLOURS)]
        parts.append(el("polyline", points=panel.path(line), fill="none", stroke=colour, stroke_dasharray="4 3"))
        ends.append((panel.y(line[-1][1]), name, colour))
    if main:
        band = [(p["round"], p["high"]) for p in main] + [(p["round"], p["low"]) for p in reversed(main)]
        line = [(p["round"], p["accuracy"]) for p in main]
        parts.append(el("polygon", points=panel.path(band), fill=BAND, fill_opacity=0.7))
        parts.append(el("polyline", points=panel.path(line), fill="none", stroke=LINE, stroke_width=2))
        parts += [_mark(panel, p) for p in main]
        ends.append((panel.y(line[-1][1]), str(main[-1]["name"]), LINE))
    parts += _labels(ends, panel.left + panel.width + 10)
    return parts, panel.top + panel.height + 30


def _mark(panel: Panel, point: Point) -> Html:
    full = point["verdict"] in ("", "passed")
    return el(
        "circle",
        el("title", f"round {point['round']}: {point['accuracy']:.1%}, {point['verdict']}"),
        cx=panel.x(point["round"]),
        cy=panel.y(point["accuracy"]),
        r=4.5,
        fill=LINE if full else "white",
        stroke=LINE if full else BAD,
        stroke_width=2,
    )


def _labels(ends: Sequence[tuple[float, str, str]], x: float) -> list[Html]:
    """The lines' names at their ends, moved down where they would cover each other."""
    parts, free = [], 0.0
    for y, name, colour in sorted(ends):
        y = max(y, free)
        parts.append(text(short(name, 15), x, y + 4, anchor="start", colour=colour))
        free = y + 15
    return parts


def variety(points: Sequence[Point], top: float) -> tuple[list[Html], float]:
    """Entropy of the task types and new tasks, side by side; nothing where no round generated."""
    made = [p for p in points if p.get("new") is not None]
    if not made:
        return [], top
    last, width = max(p["round"] for p in points), (WIDTH - LEFT - 140) / 2
    parts = []
    for key, title, left in (
        ("entropy", "Entropy of task types, bits", LEFT),
        ("new", "New tasks kept", LEFT + width + 100),
    ):
        values = [(int(p["round"]), float(p[key])) for p in made]
        most, step = steps(max(v for _, v in values), whole=key == "new")
        panel = Panel(title, left, top + 40, width, 110, last, most)
        parts += panel.frame(lambda v: f"{v:,.4g}" if v < 1000 else f"{v:,.0f}", step)
        parts.append(el("polyline", points=panel.path(values), fill="none", stroke=LINE, stroke_width=2))
        for number, value in values:
            parts.append(el("circle", cx=panel.x(number), cy=panel.y(value), r=3.5, fill=LINE))
    return parts, top + 40 + 110 + 30


def fates(points: Sequence[Point], top: float) -> tuple[list[Html], float]:
    """A bar a round: what was kept and what was rejected, by reason."""
    made = [p for p in points if p.get("generated")]
    if not made:
        return [], top
    totals: dict[str, int] = {}
    for point in made:
        for reason, count in point["rejected"].items():
            totals[reason] = totals.get(reason, 0) + count
    ranked = sorted(totals, key=lambda reason: (-totals[reason], reason))
    named = ranked if len(ranked) <= SHOWN + 1 else ranked[:SHOWN]
    colours = {"kept": LINE, **{reason: COLOURS[i % len(COLOURS)] for i, reason in enumerate([*named, "others"])}}
    parts, x, y = [heading("What became of the texts", LEFT, top + 26)], float(LEFT), top + 50
    shown = ["kept", *named, *(["others"] if len(named) < len(ranked) else [])]
    for name in shown:
        room = 26 + 6.6 * len(short(name, 24))
        if x + room > WIDTH - 20:
            x, y = float(LEFT), y + 20
        parts += [
            el("rect", x=x, y=y - 10, width=11, height=11, rx=2, fill=colours[name]),
            text(short(name, 24), x + 17, y, anchor="start", colour=QUIET),
        ]
        x += room + 8
    y += 14
    whole, width = max(int(p["generated"]) for p in made), WIDTH - LEFT - RIGHT
    for point in made:
        parts.append(text(f"{point['round']}", LEFT - 8, y + BAR / 2 + 4, anchor="end", colour=QUIET))
        rest = {reason: n for reason, n in point["rejected"].items() if reason not in named}
        counts = {"kept": point["accepted"], **{r: point["rejected"].get(r, 0) for r in named}}
        counts["others"] = sum(rest.values())
        x = float(LEFT)
        for name, count in counts.items():
            if count:
                part = width * count / whole
                parts.append(_piece(x, y, part, name, count, colours[name]))
                x += part
        parts.append(text(f"{point['generated']:,}", x + 8, y + BAR / 2 + 4, anchor="start", colour=QUIET))
        y += BAR + 8
    return parts, y + 10


def _piece(x: float, y: float, width: float, name: str, count: int, colour: str) -> Html:
    label = (
        text(f"{count:,}", x + width / 2, y + BAR / 2 + 4, colour="white") if width > 8 * len(f"{count:,}") else None
    )
    shape = el("rect", x=x, y=y, width=max(width - 1, 0.5), height=BAR, fill=colour)
    return el("g", el("title", f"{name}: {count:,}"), shape, label)


def heat(points: Sequence[Point], top: float) -> tuple[list[Html], float]:
    """Accuracy of each task type by round, the best type on top; nothing where there is but one type."""
    scored = [p for p in points if p.get("task_types")]
    names = {name for p in scored for name in p["task_types"]}
    if len(names) < 2:
        return [], top
    last = scored[-1]["task_types"]
    ranked = sorted(names, key=lambda name: (-last.get(name, 0.0), name))
    left = LEFT + 90
    wide = min(84.0, (WIDTH - left - 30) / len(scored))
    parts = [heading(f"Accuracy by task type, {scored[-1]['name']}", LEFT, top + 26)]
    for column, point in enumerate(scored):
        parts.append(text(str(point["round"]), left + wide * (column + 0.5), top + 48, colour=QUIET))
    for row, name in enumerate(ranked):
        y = top + 56 + row * ROW
        parts.append(text(short(name), left - 10, y + ROW / 2 + 4, anchor="end"))
        for column, point in enumerate(scored):
            value = point["task_types"].get(name)
            if value is not None:
                parts.append(_cell(left + wide * column, y, wide, name, point["round"], float(value)))
    return parts, top + 56 + len(ranked) * ROW + 16


def _cell(x: float, y: float, width: float, name: str, number: int, value: float) -> Html:
    return el(
        "g",
        el("title", f"{name}, round {number}: {value:.1%}"),
        el("rect", x=x + 1, y=y + 1, width=width - 2, height=ROW - 2, rx=2, fill=_shade(value)),
        text(f"{100 * value:.0f}", x + width / 2, y + ROW / 2 + 4, colour="white" if value > 0.55 else INK, size=11),
    )


def _shade(value: float) -> str:
    """From nearly white to the colour of lines."""
    low, high = (238, 243, 251), (31, 84, 178)
    red, green, blue = (round(a + (b - a) * value) for a, b in zip(low, high, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


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


def loop_picture(title: str, points: Sequence[Mapping[str, Any]], *, titled: bool = True) -> Html:
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


def loop_page(title: str, status: str, points: Sequence[Mapping[str, Any]], tables: Mapping[str, Sequence[str]]) -> str:
    """The picture and the tables as one HTML file; every text in it is escaped."""
    body = el(
        "main",
        el("h1", title, dir="auto"),
        el("p", status, class_="quiet"),
        el("section", loop_picture(title, points, titled=False)),
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
