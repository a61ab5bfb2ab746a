"""The proof's pictures, drawn from its JSON alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthgen.report.charts import COLOURS, INK, LINE, QUIET, Html, Panel, el, heading, steps, svg, text

WIDTH, LEFT, LABELS = 860.0, 60.0, 250.0
SHADES = (LINE, *COLOURS, "#1f8a4c", "#a63d3d", "#4aa3c7", "#b59b00", "#555")
KEPT = "kept"

Arms = Mapping[str, Mapping[str, Any]]


def draw(result: Mapping[str, Any], folder: Path) -> list[Path]:
    """Writes the four pictures and returns their places."""
    arms: Arms = result["arms"]
    made = {
        "loop_accuracy.svg": accuracy(arms),
        "loop_rejects.svg": rejects(arms),
        "loop_variety.svg": variety(arms),
        "loop_families.svg": families(arms),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in made.items():
        (folder / name).write_text(f"{picture}\n", encoding="utf-8")
    return [folder / name for name in made]


def _colours(arms: Arms) -> dict[str, str]:
    return {arm: SHADES[i % len(SHADES)] for i, arm in enumerate(arms)}


def accuracy(arms: Arms) -> Html:
    """A line an arm, the mean over seeds, with its 95 % interval over seeds and prompts as a band."""
    curves = {arm: figures["mean"] for arm, figures in arms.items()}
    last = len(next(iter(curves.values()))) - 1
    most, step = steps(max(high for curve in curves.values() for _, _, high in curve))
    panel = Panel("Accuracy on held-out tasks by round", LEFT, 50, WIDTH - LEFT - LABELS, 420, last, most)
    parts, colours, ends = panel.frame(lambda v: f"{100 * v:.4g} %", step), _colours(arms), []
    for arm, curve in curves.items():
        upper, lower = [(k, v[2]) for k, v in enumerate(curve)], [(k, v[1]) for k, v in enumerate(curve)]
        parts.append(el("polygon", points=panel.path([*upper, *lower[::-1]]), fill=colours[arm], fill_opacity=0.08))
    for arm, curve in curves.items():
        line = [(k, v[0]) for k, v in enumerate(curve)]
        parts.append(el("polyline", points=panel.path(line), fill="none", stroke=colours[arm], stroke_width=2))
        ends.append((panel.y(curve[-1][0]), arms[arm]["description"], colours[arm]))
    return svg([*parts, *_names(ends, panel)], WIDTH, 510, "Accuracy by round, arm by arm")


def _names(ends: Sequence[tuple[float, str, str]], panel: Panel) -> list[Html]:
    """The arms' names beside the ends of their lines, moved down where they would cover each other."""
    parts, free = [], 0.0
    for y, name, colour in sorted(ends):
        y = max(y, free)
        parts.append(text(name, panel.left + panel.width + 8, y + 4, anchor="start", colour=colour, size=11))
        free = y + 14
    return parts


def rejects(arms: Arms) -> Html:
    """A bar a round for each arm that generates: kept, and rejected by reason; means over the seeds."""
    made = {arm: _fates(figures) for arm, figures in arms.items() if figures["generated"][0][0]}
    reasons = sorted({reason for bars in made.values() for bar in bars for reason in bar} - {KEPT})
    colours = {KEPT: LINE, **dict(zip(reasons, itertools.cycle(SHADES[1:]), strict=False))}
    parts, x, y = [heading("What became of a round's texts, mean over the seeds", LEFT, 26)], LEFT, 50.0
    for name in (KEPT, *reasons):
        room = 34 + 6.6 * len(name)
        if x + room > WIDTH:
            x, y = LEFT, y + 20
        parts += [
            el("rect", x=x, y=y - 10, width=11, height=11, rx=2, fill=colours[name]),
            text(name, x + 16, y, anchor="start", colour=QUIET),
        ]
        x += room
    y, wide = y + 20, WIDTH - LEFT - 20
    for arm, bars in made.items():
        parts.append(text(arms[arm]["description"], LEFT, y + 10, anchor="start"))
        y += 16
        for number, bar in enumerate(bars, 1):
            parts.append(text(str(number), LEFT - 8, y + 9, anchor="end", colour=QUIET, size=11))
            parts += _bar(bar, colours, y, wide)
            y += 13
        y += 10
    return svg(parts, WIDTH, y + 6, "Rejects by reason, arm by arm")


def _fates(figures: Mapping[str, Any]) -> list[dict[str, float]]:
    """Shares of each round's records: kept, and each reason."""
    bars = []
    for number in range(len(figures["generated"][0])):
        counts: dict[str, float] = {KEPT: 0.0}
        for generated, rejected in zip(figures["generated"], figures["rejected"], strict=True):
            counts[KEPT] += generated[number] - sum(rejected[number].values())
            for reason, count in rejected[number].items():
                counts[reason] = counts.get(reason, 0) + count
        whole = sum(counts.values())
        bars.append({reason: count / whole for reason, count in counts.items()})
    return bars


def _bar(bar: Mapping[str, float], colours: Mapping[str, str], y: float, wide: float) -> list[Html]:
    parts, x = [], LEFT
    for reason in colours:
        share = bar.get(reason, 0.0)
        if share:
            parts.append(el("rect", x=x, y=y, width=wide * share, height=11, fill=colours[reason]))
        if share > 0.05:
            parts.append(text(f"{share:.0%}", x + wide * share / 2, y + 9, colour="white", size=10))
        x += wide * share
    return parts


def variety(arms: Arms) -> Html:
    """Entropy of the families and the number of new tasks by round, a line an arm, means over the seeds."""
    made = {arm: figures for arm, figures in arms.items() if figures["generated"][0][0]}
    colours, parts, top = _colours(arms), [], 50.0
    units: tuple[tuple[str, str, Callable[[float], str]], ...] = (
        ("entropy", "Entropy of the families among a round's kept records, bits", lambda v: f"{v:.3g}"),
        ("new", "New tasks among a round's kept records", lambda v: f"{v:,.0f}"),
    )
    for key, title, unit in units:
        curves = {arm: _mean_curve(figures[key]) for arm, figures in made.items()}
        most, step = steps(max(v for curve in curves.values() for v in curve))
        panel = Panel(title, LEFT, top, WIDTH - LEFT - LABELS, 240, len(next(iter(curves.values()))), most)
        parts += panel.frame(unit, step)
        ends = []
        for arm, curve in curves.items():
            line = list(enumerate(curve, 1))
            parts.append(el("polyline", points=panel.path(line), fill="none", stroke=colours[arm], stroke_width=2))
            ends.append((panel.y(curve[-1]), arms[arm]["description"], colours[arm]))
        parts += _names(ends, panel)
        top += 320
    return svg(parts, WIDTH, top - 30, "Variety by round, arm by arm")


def _mean_curve(runs: Sequence[Sequence[float]]) -> list[float]:
    return [sum(values) / len(values) for values in zip(*runs, strict=True)]


def families(arms: Arms) -> Html:
    """Accuracy by family and arm after the last round, means over the seeds; the best family of the control on top."""
    order = sorted(arms["control"]["families"], key=lambda f: -arms["control"]["families"][f])
    wide, high, left, top = 52.0, 22.0, LEFT + 10, 60.0 + 6.2 * max(len(f["description"]) for f in arms.values()) * 0.6
    parts = [heading("Accuracy by family after the last round, %", LEFT, 26)]
    for column, figures in enumerate(arms.values()):
        x = left + wide * (column + 0.5)
        parts.append(
            el(
                "text",
                figures["description"],
                x=x,
                y=top - 8,
                transform=f"rotate(-38 {x:.0f} {top - 8:.0f})",
                font_size=11,
                fill=INK,
            )
        )
        for row, family in enumerate(order):
            parts.append(_cell(left + wide * column, top + high * row, wide, high, figures["families"][family]))
    for row, family in enumerate(order):
        parts.append(text(family, left - 8, top + high * (row + 0.5) + 4, anchor="end"))
    width = left + wide * len(arms) + 5.2 * max(len(f["description"]) for f in arms.values())
    return svg(parts, width, top + high * len(order) + 16, "Accuracy by family, arm by arm")


def _cell(x: float, y: float, wide: float, high: float, value: float) -> Html:
    shade = "#{:02x}{:02x}{:02x}".format(*(round(a + (b - a) * value) for a, b in ((238, 31), (243, 84), (251, 178))))
    colour = "white" if value > 0.55 else INK
    return el(
        "g",
        el("rect", x=x + 1, y=y + 1, width=wide - 2, height=high - 2, rx=2, fill=shade),
        text(f"{100 * value:.0f}", x + wide / 2, y + high / 2 + 4, colour=colour, size=11),
    )
