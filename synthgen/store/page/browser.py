"""The empty browser of the records; the page's script fills it."""

from __future__ import annotations

from synthgen.store.page.markup import Html, el, join, raw
from synthgen.store.page.sample import Sample


def browser(sample: Sample, packed: str) -> Html:
    """Search, filters, list and view of the records, with the packed rows beside them."""
    return el(
        "section",
        el("h2", "Records"),
        _said(sample),
        el("noscript", el("p", "The records are shown by a script, and scripts are off.", class_="notice")),
        el("p", "Unpacking the records …", id="state", class_="notice", role="status"),
        el("div", _controls(), _panes(), id="browser", hidden=True),
        el("script", raw(packed), id="rows", type="application/octet-stream"),
        class_="card records",
        id="records",
    )


def _said(sample: Sample) -> Html:
    of_rejected, rejected = sum(sample.of_rejected.values()), sum(sample.rejected.values())
    if sample.whole:
        text = f"All {sample.of_accepted:,} accepted and all {of_rejected:,} rejected records."
    else:
        text = (
            f"A sample: {sample.accepted:,} of {sample.of_accepted:,} accepted and {rejected:,} of {of_rejected:,}"
            " rejected records, spread evenly over the run; rare reasons are shown in full. The numbers above are of"
            " all records."
        )
    return el("p", text, class_="quiet", id="sampled")


def _controls() -> Html:
    search = el("input", type="search", id="search", placeholder="Search all texts and ids", autocomplete="off")
    boxes = [
        el("label", el("span", label), el("select", id=name))
        for name, label in (("outcome", "Outcome"), ("stage", "Stage"), ("reason", "Reason"), ("task", "Task type"))
    ]
    return el(
        "form",
        el("label", el("span", "Search"), search, class_="search"),
        *boxes,
        el("button", "Clear", type="button", id="clear"),
        id="controls",
        role="search",
    )


def _panes() -> Html:
    keys = join(
        *(el("kbd", "/"), " search "),
        *(el("kbd", "→"), " or ", el("kbd", "j"), " next "),
        *(el("kbd", "←"), " or ", el("kbd", "k"), " previous"),
    )
    return el(
        "div",
        el(
            "div",
            el("p", el("span", id="count", role="status"), class_="count"),
            el("ol", id="list"),
            el(
                "p",
                el("button", "‹", type="button", id="back", aria_label="Earlier records of the list"),
                el("span", id="place"),
                el("button", "›", type="button", id="on", aria_label="Later records of the list"),
                class_="pager",
            ),
            class_="index",
        ),
        el(
            "div",
            el(
                "p",
                el("button", "← Previous", type="button", id="previous"),
                el("button", "Next →", type="button", id="next"),
                el("span", keys, class_="quiet keys"),
                class_="pager",
            ),
            el("article", id="record", aria_live="polite"),
            class_="view",
        ),
        class_="panes",
    )
