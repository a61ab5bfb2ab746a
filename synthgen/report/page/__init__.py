"""`report.html`: a run's numbers as pictures and its records to browse, in one file that loads nothing else."""

from synthgen.report.page.document import page, page_of

__all__ = ["page", "page_of"]
