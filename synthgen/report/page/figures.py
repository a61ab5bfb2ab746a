"""The page's main numbers, what the accepted records are like, and where the others were lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthgen.protocols import SourceFacts
from synthgen.report.charts import Bin, Html, Line, bar, el, histogram, join
from synthgen.store.report import RunReport, StageFlow

_STATUS = {
    "done": "done",
    "short": "short of its target",
    "budget": "stopped by its budget",
    "interrupted": "interrupted",
    "failed": "failed",
}


def header(name: str, report: RunReport) -> Html:
    """Name, status, times, and a tile for each main number."""
    when = [
        el("time", _moment(moment), datetime=moment) for moment in (report.started_at, report.finished_at) if moment
    ]
    return el(
        "header",
        el(
            "div",
            el("h1", name, dir="auto"),
            el("span", _STATUS[report.status], class_=f"status {report.status}"),
            class_="title",
        ),
        el(
            "p",
            f"{report.stopped_because[0].upper()}{report.stopped_because[1:]}. " if report.stopped_because else None,
            *([when[0], " to ", when[-1], " UTC. "] if when else []),
            el("a", "Go to the records", href="#records"),
            class_="quiet",
        ),
        el("dl", *_tiles(report), class_="tiles"),
    )


def teachers(report: RunReport) -> Html:
    """The models that were asked, with their sampling."""
    rows = []
    for name, facts in report.teachers.items():
        sampling = ", ".join(f"{key} {value}" for key, value in facts.sampling.items())
        rows.append(
            el("tr", el("th", name, scope="row"), el("td", el("code", facts.model)), el("td", sampling or "its own"))
        )
    head = el("tr", *(el("th", text, scope="col") for text in ("Role", "Model", "Default sampling")))
    return el("div", el("table", el("thead", head), el("tbody", *rows)), class_="scroll")


def source(facts: SourceFacts) -> Html:
    """What of existing data was read and left aside."""
    rows = [el("tr", el("th", head, scope="row"), el("td", text)) for head, text in facts.lines()]
    return el("div", el("table", el("tbody", *rows)), class_="scroll")


def _tiles(report: RunReport) -> list[Html]:
    requests, tokens = report.requests, report.tokens
    told = [
        f"{getattr(requests, kind):,} {kind}" for kind in ("reused", "replayed", "retried") if getattr(requests, kind)
    ]
    target = report.target
    accepted = f"of {target:,} wanted" if target is not None else "no target was set"
    share = (
        f"{report.rejected / report.generated:.1%} of {report.generated:,} generated"
        if report.generated
        else "nothing generated"
    )
    each = report.wall_s / report.accepted if report.accepted else 0.0
    return [
        _tile(
            "Accepted",
            f"{report.accepted:,}",
            accepted,
            bar(target or 0, ("kept", report.accepted)) if target else None,
        ),
        _tile("Rejected", f"{report.rejected:,}", share, bar(report.generated, ("gone", report.rejected))),
        _tile("Requests", f"{requests.bought:,}", "; ".join(told) or f"in {report.attempts:,} attempts"),
        _tile(
            "Tokens",
            _short(tokens.prompt + tokens.completion),
            f"{tokens.prompt:,} in"
            + (f" ({tokens.cached_share:.0%} from the server's cache)" if tokens.cached else "")
            + f", {tokens.completion:,} out",
        ),
        _tile("Cost", "–" if report.cost_usd is None else f"${report.cost_usd:,.2f}", _each_cost(report)),
        _tile("Time", _duration(report.wall_s), f"{each:,.2g} s for each accepted record" if each else ""),
    ]


def _tile(name: str, number: str, more: str, picture: Html | None = None) -> Html:
    return el("div", el("dt", name), el("dd", el("strong", number), picture, el("span", more, class_="quiet")))


def _each_cost(report: RunReport) -> str:
    if report.cost_usd is None:
        return "no price is known"
    return f"${report.cost_usd / report.accepted:,.4f} for each accepted record" if report.accepted else ""


def _short(number: int) -> str:
    for size, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= 10 * size:
            return f"{number / size:,.0f} {name}"
    return f"{number:,}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60:02d} min"


def _moment(moment: str) -> str:
    return moment.replace("T", " ")[:16]


MOST_ROWS = 12
"""Names with a bar of their own; the rest are summed up."""

NAME_CHARACTERS = 60


def lengths(numbers: Mapping[str, Any]) -> Html:
    """A histogram of words for instruction, input and output, and the quantiles as a table."""
    drawn = []
    for field, found in numbers["word_histograms"].items():
        quantiles = numbers["words"][field]
        if not quantiles["records"]:
            picture = el("p", "No record has any.", class_="quiet")
        else:
            picture = _length_histogram(field, found, quantiles)
        drawn.append(el("figure", el("figcaption", field.capitalize()), picture))
    return join(el("div", *drawn, class_="three"), _quantiles(numbers["words"]))


def counts(title: str, found: Mapping[str, int], total: int, *, task: bool = False, note: str = "") -> Html:
    """The most frequent names with bars; the rest summed up."""
    shown = list(found.items())[:MOST_ROWS]
    most = max((count for _, count in shown), default=1)
    rows = []
    for name, count in shown:
        shown_name = _shown_name(name)
        label = el("button", shown_name, type="button", class_="link", data_task=name) if task else shown_name
        rows.append(_count_row(label, bar(most, ("kept", count)), count, total))
    rest = sum(list(found.values())[MOST_ROWS:])
    if rest:
        rows.append(_count_row(f"{len(found) - MOST_ROWS:,} more", bar(most, ("rest", min(rest, most))), rest, total))
    body = el("table", el("tbody", *rows), class_="bars") if rows else el("p", "None.", class_="quiet")
    return el("section", el("h2", title), body, el("p", note, class_="quiet") if note else None, class_="card")


def openings(numbers: Mapping[str, Any]) -> Html:
    """The most frequent first words of instructions, and how many there are."""
    found = dict(list(numbers["openings"].items())[:MOST_ROWS])
    note = f"{numbers['distinct_openings']:,} different beginnings of two words."
    return counts("Openings of instructions", found, numbers["accepted"], note=note)


def diversity(numbers: Mapping[str, Any]) -> Html:
    """Distinct-1 to -3 with the number of words they were measured over."""
    shares = numbers["distinct_n"]
    tiles = [
        el(
            "div",
            el("dt", f"Distinct-{n}"),
            el("dd", el("strong", "–" if shares[n] is None else f"{shares[n]:.3f}"), bar(1, ("kept", shares[n] or 0))),
        )
        for n in ("1", "2", "3")
    ]
    note = (
        f"The share of different words, pairs and triples among {shares['words']:,} words of instructions. It falls"
        " with the length of the text: compare it only over equally many words."
    )
    return join(el("dl", *tiles, class_="tiles"), el("p", note, class_="quiet"))


def _length_histogram(field: str, found: Mapping[str, Any], quantiles: Mapping[str, Any]) -> Html:
    width, values = found["width"], found["counts"]
    bins = [
        Bin(count, f"{number * width:,} to {(number + 1) * width - 1:,} words" if width > 1 else f"{number:,} words")
        for number, count in enumerate(values)
    ]
    if found["above"]:
        bins.append(Bin(found["above"], f"{len(values) * width:,} words and more", rest=True))
    every = next(n for n in (1, 2, 5, 10, 20) if len(values) / n <= 6)
    ticks = [(float(number), f"{number * width:,}") for number in range(0, len(values) + 1, every)]
    title = (
        f"{field} in words, {quantiles['records']:,} records: median {quantiles['median']:,},"
        f" mean {quantiles['mean']:,}, 5% have at most {quantiles['p5']:,}, 5% at least {quantiles['p95']:,}"
    )
    middle = Line((quantiles["median"] + 0.5) / width, f"median {quantiles['median']:,}")
    return histogram(title, bins, ticks, lines=[middle])


def _quantiles(found: Mapping[str, Mapping[str, float]]) -> Html:
    names = list(dict.fromkeys(name for numbers in found.values() for name in numbers))
    head = el("tr", el("th", "Words", scope="col"), *(el("th", name, scope="col", class_="number") for name in names))
    rows = [
        el(
            "tr",
            el("th", field, scope="row"),
            *(el("td", f"{numbers[name]:,g}" if name in numbers else "", class_="number") for name in names),
        )
        for field, numbers in found.items()
    ]
    return el("div", el("table", el("thead", head), el("tbody", *rows)), class_="scroll")


def _count_row(label: Html | str, picture: Html, count: int, total: int) -> Html:
    return el(
        "tr",
        el("th", label, scope="row"),
        el("td", picture, class_="wide"),
        el("td", f"{count:,}", class_="number"),
        el("td", f"{count / total:.1%}" if total else "", class_="number quiet"),
    )


def _shown_name(name: str) -> str:
    if name == "none":
        return "not determined"
    return name if len(name) <= NAME_CHARACTERS else f"{name[: NAME_CHARACTERS - 1]}…"


def funnel(report: RunReport) -> Html:
    """A row for each stage: the records that were left after it, those it dropped, and why."""
    whole = max(report.generated, 1)
    rows, left = [], 0
    for flow in report.funnel:
        dropped = sum(flow.dropped.values())
        if not (flow.entered or flow.new or dropped):
            continue
        left = (flow.entered or left) + flow.new - dropped
        rows.append(_stage_row(flow, whole, left, dropped))
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
            el("th", _filter_button(reason, stage, reason), scope="row"),
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


def _stage_row(flow: StageFlow, whole: int, left: int, dropped: int) -> Html:
    because = [
        el("li", _filter_button(f"{count:,} {reason}", flow.stage, reason))
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


def _filter_button(label: str, stage: str, reason: str) -> Html:
    """A button that shows these records in the browser below."""
    return el("button", label, type="button", class_="link", data_stage=stage, data_reason=reason)
