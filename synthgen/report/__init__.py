"""Everything that people look at: numbers, charts, the card, the page, the explanation of a record. Decides nothing."""

from synthgen.report.card import Presentation
from synthgen.report.page import page_of
from synthgen.report.statistics import stats, stats_view

__all__ = ["Presentation", "page_of", "stats", "stats_view"]
