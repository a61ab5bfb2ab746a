"""A picture of the loss, as SVG."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH, HEIGHT, MARGIN = 640, 360, 48


def loss_picture(points: Sequence[tuple[int, float]], held_out: float | None = None) -> str:
    """An SVG of the loss (y) over the steps (x), with the held-out loss as a dashed line."""
    losses = [loss for _, loss in points] + ([held_out] if held_out is not None else [])
    if not losses:
        return f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"/>\n'
    low, high = min(0.0, *losses), max(losses) or 1.0
    last = max((step for step, _ in points), default=1) or 1

    def x(step: float) -> float:
        return MARGIN + step / last * (WIDTH - 2 * MARGIN)

    def y(loss: float) -> float:
        return HEIGHT - MARGIN - (loss - low) / (high - low or 1.0) * (HEIGHT - 2 * MARGIN)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><title>Training loss</title><rect width="100%" height="100%" fill="white"/>'
    ]
    for i in range(5):
        loss, step = low + (high - low) * i / 4, last * i / 4
        parts.append(
            f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y(loss):.1f}" y2="{y(loss):.1f}" stroke="#ddd"/>'
            f'<text x="{MARGIN - 6}" y="{y(loss) + 4:.1f}" text-anchor="end">{loss:.2f}</text>'
            f'<text x="{x(step):.1f}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{step:.0f}</text>'
        )
    line = " ".join(f"{x(step):.1f},{y(loss):.1f}" for step, loss in points)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#1f5fa8" stroke-width="1.5"/>')
    if held_out is not None:
        parts.append(
            f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y(held_out):.1f}" y2="{y(held_out):.1f}" '
            f'stroke="#a8321f" stroke-dasharray="6 4"/>'
            f'<text x="{WIDTH - MARGIN}" y="{y(held_out) - 5:.1f}" text-anchor="end">held out {held_out:.3f}</text>'
        )
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">step</text></svg>\n')
    return "".join(parts)
