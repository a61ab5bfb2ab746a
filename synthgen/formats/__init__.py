"""Rows of files as records, and records as rows: one reader for every command, source and trainer.

`Collection` is the door: files and layouts are told by what they hold, and nothing is left aside without account.
"""

from synthgen.formats.cells import LostText
from synthgen.formats.collection import Account, Collection, Unusable
from synthgen.formats.layouts import Read, read_row
from synthgen.formats.reading import rows_of
from synthgen.formats.row import Row, RowError

__all__ = ["Account", "Collection", "LostText", "Read", "Row", "RowError", "Unusable", "read_row", "rows_of"]
