"""A turn: a place that attempts pass one by one in order of their numbers, however they arrive."""

from __future__ import annotations

import asyncio


class Draining(BaseException):
    """The run is ending, so this attempt goes no further.

    Not an `Exception`, for the reason that `asyncio.CancelledError` is none: a stage that catches errors must not
    take the end of the run for one of them.
    """


class Turn:
    """Attempts 0, 1, 2 … pass in this order; `close(k)` sends away k and all later ones."""

    def __init__(self) -> None:
        self.passed = 0
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._closed_from: int | None = None

    async def wait(self, attempt: int) -> None:
        """Returns when all earlier attempts have passed.

        Raises:
            Draining: an earlier attempt ended before it passed, so the turn of this one never comes.
        """
        if self._closed_from is not None and attempt >= self._closed_from:
            raise Draining
        if attempt > self.passed:
            future = self._waiting[attempt] = asyncio.get_running_loop().create_future()
            try:
                await future
            finally:
                self._waiting.pop(attempt, None)

    def advance(self) -> None:
        """Lets the next attempt pass."""
        self.passed += 1
        future = self._waiting.get(self.passed)
        if future is not None and not future.done():
            future.set_result(None)

    def close(self, attempt: int) -> None:
        """Nobody from this attempt on will pass (no effect on those that have)."""
        if attempt < self.passed:
            attempt = self.passed
        if self._closed_from is None or attempt < self._closed_from:
            self._closed_from = attempt
        for number, future in list(self._waiting.items()):
            if number >= self._closed_from and not future.done():
                future.set_exception(Draining())
