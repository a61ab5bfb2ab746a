"""Work shared out to forked processes, which see all of this one's memory as it is without copying it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import TypeVar

from synthgen.errors import SynthgenError

Item = TypeVar("Item")
Result = TypeVar("Result")


def shared_out(work: Callable[[Item], Result], items: Sequence[Item], processes: int) -> list[Result]:
    """`work` of each item, in order. Systems that cannot fork (Windows) do it all in this process.

    Raises:
        SynthgenError: a process died before it was done.
    """
    processes = min(processes, len(items))
    if processes <= 1 or "fork" not in multiprocessing.get_all_start_methods():
        return [work(item) for item in items]
    context = multiprocessing.get_context("fork")
    results: list[Result | None] = [None] * len(items)
    workers = []
    try:
        for share in range(1, processes):
            receiver, sender = context.Pipe(duplex=False)
            worker = context.Process(target=_do, args=(sender, work, items[share::processes]), daemon=True)
            worker.start()
            sender.close()
            workers.append((worker, receiver))
        results[0::processes] = [work(item) for item in items[0::processes]]
        for share, (_, receiver) in enumerate(workers, 1):
            results[share::processes] = _received(receiver)
    finally:
        for worker, receiver in workers:
            receiver.close()
            worker.terminate()
            worker.join()
    return results  # type: ignore[return-value]  # every place has been filled


def _do(sender: Connection, work: Callable[[Item], Result], items: Sequence[Item]) -> None:
    sender.send([work(item) for item in items])
    sender.close()


def _received(receiver: Connection) -> list[Result]:
    try:
        results: list[Result] = receiver.recv()
    except EOFError as error:
        raise SynthgenError(
            "a process that looked for near-duplicates died", hint="if memory is short, use fewer processes"
        ) from error
    return results
