"""Where records were lost: the funnel by stage, the reasons ranked, and how near the near-duplicates were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthgen.store.page.charts import Bin, Line, bar, histogram
from synthgen.store.page.markup import Html, el, join
from synthgen.store.report import RunReport, StageFlow


def funnel(report: RunReport) -> Html:
    """A row for each stage: the records that were left after it, those it dropped, and why."""
    whole = max(report.generated, 1)
    rows, left = [], 0
    for flow in report.funnel:
        dropped = sum(flow.dropped.values())
        if not (flow.entered or flow.new or dropped):
            continue
        left = (flow.entered or left) + flow.new - dropped
        rows.append(_stage(flow, whole, left, dropped))
    head = el(
        "tr",
        el("th", "Stage", scope="col"),
        el("th", el("span", "Share of all generated records", class_="unseen"), scope="col", class_="wide"),
        el("th", "Left", scope="col", class_="number"),
        el("th", "Dropped", scope="col", class_="number"),
        el("th", "Because", scope="col"),
    )
    return el("div", el("table", el("thead", head), el("tbody", *rows), class_="funnel"), class_="scroll")


def reasons(report: RunReport) -> Html:
    """All reasons by how many records they cost."""
    counts: dict[tuple[str, str], int] = {}
    for flow in report.funnel:
        for reason, count in flow.dropped.items():
            counts[flow.stage, reason] = counts.get((flow.stage, reason), 0) + count
    if not counts:
        return el("p", "No record was rejected.", class_="quiet")
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    most = ranked[0][1]
    rows = [
        el(
            "tr",
            el("th", _filter(reason, stage, reason), scope="row"),
            el("td", bar(most, ("gone", count)), class_="wide"),
            el("td", f"{count:,}", class_="number"),
            el("td", f"{count / report.rejected:.1%}" if report.rejected else "", class_="number quiet"),
        )
        for (stage, reason), count in ranked
    ]
    return el("div", el("table", el("tbody", *rows), class_="bars"), class_="scroll")


def near_duplicates(found: Mapping[str, Any]) -> Html | None:
    """How similar the rejected near-duplicates are to their nearest text, with the threshold; None without any."""
    counts, width, thresholds = found["counts"], found["width"], found["thresholds"]
    total = sum(counts)
    if not total:
        return None
    lowest = min(next(i for i, count in enumerate(counts) if count), int(min(thresholds) / width + 1e-9))
    first = max(0, lowest - 5) // 5 * 5
    bins = [
        Bin(count, f"{number * width:.2f} to {(number + 1) * width:.2f}")
        for number, count in enumerate(counts[first:], first)
    ]
    ticks = [((number - first), f"{number * width:.1f}") for number in range(first, len(counts) + 1) if number % 5 == 0]
    lines = [Line(threshold / width - first, f"threshold {threshold:g}") for threshold in thresholds[:2]]
    title = (
        f"ROUGE-L of {total:,} rejected near-duplicates with the nearest text; the threshold is"
        f" {' and '.join(format(t, 'g') for t in thresholds)}"
    )
    return join(
        el("p", f"ROUGE-L F with the nearest seed task or earlier record, {total:,} rejected.", class_="quiet"),
        histogram(title, bins, ticks, kind="gone", lines=lines),
    )


def _stage(flow: StageFlow, whole: int, left: int, dropped: int) -> Html:
    because = [
        el("li", _filter(f"{count:,} {reason}", flow.stage, reason))
        for reason, count in sorted(flow.dropped.items(), key=lambda item: (-item[1], item[0]))
    ]
    new = el("span", f" +{flow.new:,}", class_="quiet") if flow.new > 0 and flow.entered else None
    return el(
        "tr",
        el("th", flow.stage, scope="row"),
        el("td", bar(whole, ("kept", left), ("gone", dropped)), class_="wide"),
        el("td", f"{left:,}", new, class_="number"),
        el("td", f"−{dropped:,}" if dropped else "–", class_="number" if dropped else "number quiet"),
        el("td", el("ul", *because) if because else None),
    )


def _filter(label: str, stage: str, reason: str) -> Html:
    """A button that shows these records in the browser below."""
    return el("button", label, type="button", class_="link", data_stage=stage, data_reason=reason)
