"""The numbers of a run as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthgen.safety.outward import visible

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table

_BAR = 24


def stats_view(numbers: Mapping[str, Any], *, most: int = 10) -> Group:
    """What `stats` found, as tables with bars; of long lists the `most` frequent entries."""
    from rich.console import Group
    from rich.text import Text

    head = Text(
        f"{numbers['status']}: {numbers['accepted']:,} accepted and {numbers['rejected']:,} rejected"
        f" of {numbers['generated']:,} records, {numbers['attempts']:,} attempts",
        style="bold",
    )
    parts: list[RenderableType] = [head, Text()]
    for title, key in (
        ("task type", "task_types"),
        ("language", "languages"),
        ("rejected because", "rejected_by_reason"),
        ("opening words", "openings"),
    ):
        if numbers[key]:
            parts += [_bars(title, numbers[key], most), Text()]
    return Group(*parts, _lengths(numbers["words"]), Text(), Text(_distinct(numbers["distinct_n"])))


def _bars(title: str, counts: Mapping[str, int], most: int) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 1), title_justify="left", header_style="bold")
    table.add_column(title, overflow="fold")
    table.add_column("records", justify="right")
    table.add_column("")
    longest = max(counts.values())
    for name, count in list(counts.items())[:most]:
        table.add_row(Text(visible(name)), f"{count:,}", "█" * max(1, round(_BAR * count / longest)))
    if len(counts) > most:
        table.add_row(f"… {len(counts) - most} more", f"{sum(list(counts.values())[most:]):,}", "")
    return table


def _lengths(lengths: Mapping[str, Mapping[str, float]]) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 1), header_style="bold")
    names = [name for numbers in lengths.values() for name in numbers]
    heads = list(dict.fromkeys(names))
    table.add_column("words")
    for head in heads:
        table.add_column(head, justify="right")
    for field, numbers in lengths.items():
        table.add_row(field, *(f"{numbers[head]:,g}" if head in numbers else "" for head in heads))
    return table


def _distinct(shares: Mapping[str, Any]) -> str:
    parts = [f"distinct-{n} {shares[n]:.3f}" for n in ("1", "2", "3") if shares[n] is not None]
    return f"{', '.join(parts) or 'no words'} over {shares['words']:,} words of instructions"
