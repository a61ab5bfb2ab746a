"""Everything that people look at: numbers, charts, the card, the page, the explanation of a record. Decides nothing."""

from synthgen.report.page import page_of
from synthgen.report.presentation import Presentation
from synthgen.report.statistics import stats
from synthgen.report.tables import stats_view

__all__ = ["Presentation", "page_of", "stats", "stats_view"]
