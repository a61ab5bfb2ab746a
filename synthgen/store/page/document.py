"""The whole page."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from importlib import resources
from pathlib import Path

from synthgen.store import atomic
from synthgen.store.folder import RunFolder
from synthgen.store.page import figures, flow
from synthgen.store.page.browser import browser
from synthgen.store.page.head import header, source, teachers
from synthgen.store.page.markup import Html, el, raw
from synthgen.store.page.pack import pack
from synthgen.store.page.sample import choose, rows
from synthgen.store.report import RunReport
from synthgen.store.statistics import figures as figures_of


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
    nearest = flow.near_duplicates(numbers["near_duplicates"])
    body = el(
        "body",
        el(
            "main",
            header(name, report),
            _card("From generated to accepted", flow.funnel(report)),
            el(
                "div",
                _card("Reasons", flow.reasons(report)),
                _card("Nearest neighbours of the near-duplicates", nearest) if nearest else None,
                class_="two",
            ),
            _card("Existing data", source(report.source)) if report.source else None,
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
                _card("Teachers", teachers(report)),
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
        atomic.write(place, _made(folder))
        return place
    with folder.locked():
        atomic.write(folder.page_path, _made(folder))
        return folder.page_path


def _made(folder: RunFolder) -> str:
    report = folder.run_report()
    name = folder.manifest().get("name")
    return page(name if isinstance(name, str) else folder.path.name, folder, report)


def _card(title: str, content: Html) -> Html:
    return el("section", el("h2", title), content, class_="card")


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
    return resources.files("synthgen.store.page").joinpath(name).read_text(encoding="utf-8")


def _hash(name: str) -> str:
    digest = hashlib.sha256(_part(name).encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
