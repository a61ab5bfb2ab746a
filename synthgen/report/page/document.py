"""The whole page, `report.html`, with the empty browser of the records that its script fills."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from importlib import resources
from pathlib import Path

from synthgen.report.charts import Html, el, join, raw
from synthgen.report.page import figures
from synthgen.report.page.sample import Sample, choose, pack, rows
from synthgen.report.statistics import figures as figures_of
from synthgen.store import files
from synthgen.store.folder import RunFolder
from synthgen.store.report import RunReport


def page(name: str, folder: RunFolder, report: RunReport) -> str:
    """`report.html` of the run whose dataset and rejects lie in this folder: equal files and report give equal text.

    Memory holds one row group and the packed sample. The page may load nothing: its policy allows its own style and
    script, by hash, and no address.

    Raises:
        StoreError: the dataset or the rejects cannot be read.
    """
    numbers = figures_of(folder, report.model_dump(mode="json", by_alias=True))
    counted = {
        (stage, reason): count
        for stage, found in numbers["rejected_by_stage"].items()
        for reason, count in found.items()
    }
    sample = choose(folder, report.accepted, counted)
    nearest = figures.near_duplicates(numbers["near_duplicates"])
    body = el(
        "body",
        el(
            "main",
            figures.header(name, report),
            _card("From generated to accepted", figures.funnel(report)),
            el(
                "div",
                _card("Reasons", figures.reasons(report)),
                _card("Nearest neighbours of the near-duplicates", nearest) if nearest else None,
                class_="two",
            ),
            _card("Existing data", figures.source(report.source)) if report.source else None,
            _card("Length of the accepted records", figures.lengths(numbers)),
            el(
                "div",
                figures.counts("Task types", numbers["task_types"], report.accepted, task=True),
                figures.counts("Languages", numbers["languages"], report.accepted),
                figures.openings(numbers),
                class_="three",
            ),
            el(
                "div",
                _card("Diversity", figures.diversity(numbers)),
                _card("Teachers", figures.teachers(report)),
                class_="two",
            ),
            browser(sample, pack(rows(folder, sample))),
            el("footer", "Made by synthgen. The same numbers as text: ", el("code", "synthgen stats RUN --json")),
        ),
        el("script", raw(_part("page.js"))),
    )
    return f"<!doctype html>\n{el('html', _head(name), body, lang='en')}\n"


def page_of(path: Path | str) -> Path:
    """Where the page of this run is; it is made anew if it has been lost, elsewhere if the folder cannot be written.

    Raises:
        StoreError: there is no run, it has not ended yet, or the page cannot be written.
        RunLocked: another process works on the run.
    """
    folder = RunFolder.open(path)
    if folder.page_path.is_file():
        return folder.page_path
    if not os.access(folder.path, os.W_OK):
        place = Path(tempfile.mkdtemp(prefix="synthgen-")) / folder.page_path.name
        files.write(place, _made(folder))
        return place
    with folder.locked():
        files.write(folder.page_path, _made(folder))
        return folder.page_path


def _made(folder: RunFolder) -> str:
    report = folder.run_report()
    name = folder.manifest().get("name")
    return page(name if isinstance(name, str) else folder.path.name, folder, report)


def _card(title: str, content: Html) -> Html:
    return el("section", el("h2", title), content, class_="card")


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


def _head(name: str) -> Html:
    policy = (
        f"default-src 'none'; style-src '{_hash('page.css')}'; script-src '{_hash('page.js')}';"
        " base-uri 'none'; form-action 'none'"
    )
    return el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", f"{name}: synthgen report"),
        el("style", raw(_part("page.css"))),
    )


def _part(name: str) -> str:
    return resources.files("synthgen.report.page").joinpath(name).read_text(encoding="utf-8")


def _hash(name: str) -> str:
    digest = hashlib.sha256(_part(name).encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
