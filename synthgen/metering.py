"""The meter of a request under way: what a teacher tells of each try, so that every one of them is in the budget."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Meter:
    """Counts the tries of one request. This one counts nothing: it is there for teachers that are used without a run.

    A teacher that tries again by itself has `metered = True`, and calls for every try `await reserve()` before it waits
    for its turn, `await leaves()` right before the request leaves, and then, where no usable reply came, `failed` or
    (where the request did not even leave) `returned`. The reply itself is counted by whoever asked for it.
    """

    async def reserve(self) -> None:
        """Sets aside what one more try can cost at worst; waits where replies in flight may still free some room.

        Raises:
            Draining: the budget leaves no room, or the run is ending.
        """

    async def leaves(self) -> None:
        """Returns when it is written down that the request leaves: a kill does not forget what it can have cost."""

    def returned(self) -> None:
        """The request did not leave: nobody took the connection. What was set aside is there for the next try."""

    def failed(self, *, paid: bool) -> None:
        """The request left and brought no usable reply. `paid`: it can have cost as much as the longest reply."""


_METER: ContextVar[Meter] = ContextVar("meter", default=Meter())  # noqa: B039 (it has no state)


def current_meter() -> Meter:
    """The meter of the request that this task completes."""
    return _METER.get()


@contextmanager
def metered_by(meter: Meter) -> Iterator[None]:
    """What is completed within is counted by this meter."""
    token = _METER.set(meter)
    try:
        yield
    finally:
        _METER.reset(token)
