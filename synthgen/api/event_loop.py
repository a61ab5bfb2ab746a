"""What a run's process is set to: its event loop, and what its garbage collector does."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import importlib
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

_listeners: dict[asyncio.AbstractEventLoop, Callable[[], None]] = {}
"""What is told of signals, by the loop that it runs on: those in threads, which get none."""


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """What the coroutine returns; on uvloop where it is installed: a tenth less CPU time a request.

    Unlike `asyncio.run` it may be called where an event loop is running already, as in a notebook: the coroutine gets
    a thread with a loop of its own. Ctrl-C means there what it means everywhere: a run that it reaches ends with what
    has been sent coming in, at the second one at once; anything else is cancelled, and ends with KeyboardInterrupt.
    """
    factory: Callable[[], asyncio.AbstractEventLoop] | None
    try:
        factory = importlib.import_module("uvloop").new_event_loop
    except ImportError:
        factory = None  # there is none for Windows and PyPy: asyncio's own does the same
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(main)
    returned: T = _InThread(main, factory).result()
    return returned


@contextmanager
def told_of_signals(listener: Callable[[], None]) -> Iterator[None]:
    """Calls the listener, on the running loop, at each SIGINT, SIGTERM and SIGHUP.

    A loop in a thread gets no signals: there it is called for those that reach whoever waits in `run_async`.
    """
    loop = asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread():
        _listeners[loop] = listener
        try:
            yield
        finally:
            del _listeners[loop]
        return
    numbers = _ending()
    for number in numbers:
        loop.add_signal_handler(number, listener)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _ending() -> list[signal.Signals]:
    """The signals that end a run: a closed terminal's among them, but not where `nohup` has it ignored."""
    hang_up = [signal.SIGHUP] if sys.platform != "win32" else []
    return [
        signal.SIGINT,
        signal.SIGTERM,
        *(number for number in hang_up if signal.getsignal(number) is not signal.SIG_IGN),
    ]


class _InThread:
    """A coroutine that runs on a loop in a thread, and the wait for it."""

    def __init__(self, main: Coroutine[Any, Any, T], factory: Callable[[], asyncio.AbstractEventLoop] | None) -> None:
        self._main = main
        self._factory = factory
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._begun = threading.Event()
        self._value: Any = None
        self._error: BaseException | None = None
        self._cancelled = False

    def result(self) -> Any:
        """What the coroutine returns, or raises."""
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(self._run,), name="synthgen")
        with self._signals():
            thread.start()
            thread.join()
        if self._cancelled and isinstance(self._error, asyncio.CancelledError):
            raise KeyboardInterrupt from self._error
        if self._error is not None:
            raise self._error
        return self._value

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self._factory) as runner:
                self._value = runner.run(self._noted())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is waited for
            self._error = error
        finally:
            self._begun.set()

    async def _noted(self) -> Any:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._begun.set()
        return await self._main

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Passes signals on while the block waits: whoever has a running loop handles them otherwise."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._interrupt) for number in _ending()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._begun.wait()
        if self._loop is None or self._task is None or self._loop.is_closed():
            return
        listener = _listeners.get(self._loop)
        if listener is None:
            self._cancelled, listener = True, self._cancel
        try:
            self._loop.call_soon_threadsafe(listener)
        except RuntimeError:  # it has ended meanwhile
            return

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


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
