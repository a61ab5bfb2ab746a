"""What the garbage collector does during a run: less, for records and replies are freed without it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG, MIDDLE, OLD = 50_000, 20, 50
"""Thresholds of the three generations. Python's own (700, 10, 10) search the whole heap so often that it takes a third
of a request's time; with these a cycle lives for 50,000 objects, some ten megabytes, before it is looked at."""


@contextmanager
def few_collections() -> Iterator[None]:
    """Keeps what is there already (modules, seeds, indexes) out of collections, and makes those rare."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
