"""Filters of this project. A filter takes a record and returns a reason to drop it, or None to keep it.

In the config: `use: ./filters.py:max_links`. The keyword parameters are its settings. A record has, among others,
`instruction`, `input`, `output`, and `text`, which is all of it.
"""

from __future__ import annotations

from synthgen import Record


def max_links(record: Record, *, limit: int = 0) -> str | None:
    """Drops records with more than `limit` links."""
    return "too_many_links" if record.text.count("://") > limit else None
