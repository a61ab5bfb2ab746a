"""The top of the page: which run, how it ended, and its main numbers."""

from __future__ import annotations

from synthgen.protocols import SourceFacts
from synthgen.report.charts import Html, bar, el
from synthgen.store.report import RunReport

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
