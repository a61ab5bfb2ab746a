"""What is drawn of a run that has ended, as the store asks for it: the dataset card and the page."""

from __future__ import annotations

from collections.abc import Sequence

from synthgen.records import Record
from synthgen.report.card import Summary, card
from synthgen.report.page import page
from synthgen.store import Ingredients, RunFolder, RunReport


class Presentation:
    """Sees every accepted record once, and draws card and page at the end."""

    def __init__(self) -> None:
        self._summary = Summary()

    def add(self, records: Sequence[Record]) -> None:
        """Takes accepted records."""
        self._summary.add(records)

    def card(self, report: RunReport, made_from: Ingredients, data_sha256: str) -> str:
        """The dataset card, Markdown."""
        return card(report, made_from, self._summary, data_sha256)

    def page(self, name: str, folder: RunFolder, report: RunReport) -> str:
        """The page of the run whose files lie in this folder, HTML."""
        return page(name, folder, report)
