"""The loop's picture: accuracy by round with its interval, entropy and new tasks below, as SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT, TOP, GAP = 640, 150, 70, 40, 50
INK, LINE, BAND = "#333", "#1f5fa8", "#c9dcf2"


def picture(title: str, points: Sequence[dict[str, Any]]) -> str:
    """An SVG with three panels over the rounds; a round without a value has no point."""
    panels: list[tuple[str, str, Callable[[float], str]]] = [
        ("accuracy", "accuracy on held-out tasks, 95 % interval", lambda v: f"{v:.0%}"),
        ("entropy", "entropy of task types, bits", lambda v: f"{v:.1f}"),
        ("new", "new tasks kept", lambda v: f"{v:,.0f}"),
    ]
    shown = [panel for panel in panels if any(p.get(panel[0]) is not None for p in points)]
    height = TOP + len(shown) * (HEIGHT + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="12" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="15">{escape(title)}</text>',
    ]
    for number, (key, label, unit) in enumerate(shown):
        parts += _panel(points, key, label, unit, TOP + number * (HEIGHT + GAP))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(points: Sequence[dict[str, Any]], key: str, label: str, unit: Callable[[float], str], top: int) -> list[str]:
    values = [(p["round"], float(p[key]), p) for p in points if p.get(key) is not None]
    highs = [float(p.get("high", v)) if key == "accuracy" else v for _, v, p in values]
    most = max([*highs, 1e-9]) * 1.1
    last = max(1, max(p["round"] for p in points))

    def at(number: int, value: float) -> tuple[float, float]:
        return LEFT + (WIDTH - LEFT - 30) * number / last, top + HEIGHT - (HEIGHT - 20) * value / most

    parts = [
        f'<text x="{LEFT}" y="{top + 8}">{escape(label)}</text>',
        f'<path d="M{LEFT} {top + 20}V{top + HEIGHT}H{WIDTH - 30}" fill="none" stroke="{INK}"/>',
    ]
    for tick in (0.0, most / 2, most):
        parts.append(f'<text x="{LEFT - 8}" y="{at(0, tick)[1] + 4:.1f}" text-anchor="end">{unit(tick)}</text>')
    for number in range(last + 1):
        parts.append(f'<text x="{at(number, 0)[0]:.1f}" y="{top + HEIGHT + 16}" text-anchor="middle">{number}</text>')
    if key == "accuracy" and values:
        upper = [at(n, float(p["high"])) for n, _, p in values]
        lower = [at(n, float(p["low"])) for n, _, p in reversed(values)]
        parts.append(f'<polygon points="{_path([*upper, *lower])}" fill="{BAND}"/>')
    parts.append(f'<polyline points="{_path([at(n, v) for n, v, _ in values])}" fill="none" stroke="{LINE}"/>')
    for number, value, point in values:
        x, y = at(number, value)
        full = point["verdict"] in ("", "passed")
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{LINE if full else "white"}" stroke="{LINE}"/>')
    return parts


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
