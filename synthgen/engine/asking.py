"""Asking a teacher so that nothing is lost or bought twice: journal first, then the budget, a slot, the teacher.

A purchase is a task of its own. Cancelling the attempt that waits for it does not cancel the purchase: what has been
sent is paid for, so its reply goes to the journal whoever still wants it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from synthgen.engine.budget import Budget, Cost, Ledger, Spending, usd_of
from synthgen.engine.contracts import completion_of
from synthgen.engine.slots import Slots
from synthgen.errors import StoreError
from synthgen.forms.reply_problems import Remedy, choices_of, is_final, is_free_text, remedy_of
from synthgen.journal import Journal
from synthgen.protocols import MOST, Check, Teacher
from synthgen.requests.finish_reasons import finish_of
from synthgen.requests.metering import Bought, Meter, counted, metered_by
from synthgen.requests.request import Completion, Draining, Request, Sampling
from synthgen.safety.outward import logger

log = logger("synthgen.engine.asking")

IN_A_BATCH = 5000
"""Slots where a teacher gathers requests into batches: replies take hours, so there is nothing to find out."""


def _slots(concurrency: int | None, teachers: Mapping[str, Teacher]) -> Slots:
    if concurrency is None and any(teacher.batch for teacher in teachers.values()):
        concurrency = IN_A_BATCH
    return Slots(concurrency, sum(teacher.at_once for teacher in teachers.values()) or MOST)


class Asker:
    """Answers requests from the journal, from older journals to `reuse`, or from a teacher, in this order.

    What the `shared` journals have bought is part of the budget.

    `concurrency` is the number of slots: how many requests are with teachers at once; with None it is found. `queued`
    is how many wait for one.
    `on_start` is called when a request gets its slot, `on_budget` when the budget leaves no room for another request.
    """

    def __init__(
        self,
        teachers: Mapping[str, Teacher],
        journal: Journal,
        *,
        reuse: Sequence[Journal] = (),
        shared: Sequence[Journal] = (),
        concurrency: int | None = None,
        budget: Budget | None = None,
        on_budget: Callable[[], None] = lambda: None,
    ) -> None:
        self.teachers = teachers
        self.journal = journal
        self.reuse = reuse
        self.queued = 0
        self.on_start: Callable[[], None] = lambda: None
        self._ledger = Ledger(budget or Budget(), journal, on_budget, shared)
        self._slots = _slots(concurrency, teachers)
        self._pending: dict[str, asyncio.Task[Completion]] = {}
        self._repeated = False
        self._samplings: dict[tuple[int, int], tuple[Sampling | None, Sampling | None, Sampling]] = {}

    @property
    def spending(self) -> Spending:
        """What has been bought, and what was spared."""
        return self._ledger.spending

    @property
    def budget_message(self) -> str:
        """Why the budget has ended the run."""
        return self._ledger.message

    @property
    def draining(self) -> bool:
        """Whether nothing is bought any more."""
        return self._ledger.draining

    @property
    def concurrency(self) -> int:
        """How many slots there are now."""
        return self._slots.limit

    def sampling(self, asked: Sampling | None, default: Sampling | None) -> Sampling:
        """A stage's sampling over a teacher's: the same object for the same two, which are many requests' alike."""
        key = id(asked), id(default)
        if key not in self._samplings:
            merged = asked.over(default) if asked is not None else default or Sampling()
            self._samplings[key] = asked, default, merged  # the two are kept, so that no other object takes their id
        return self._samplings[key][2]

    async def ask(
        self,
        teacher: str,
        request: Request,
        check: Check | None = None,
        tries: int = 1,
        took: Bought | None = None,
    ) -> Completion:
        """The reply; an unusable one (`check` gives a reason) is asked for again, `tries` times in all.

        It is asked for again only where the next request can bring more than the last one did. `took` counts every
        reply, whether it has to be bought or not.

        Raises:
            Draining: the run is ending and the reply would have to be bought.
        """
        completion = await self._whole(teacher, request, took)
        if check is None:
            return completion
        tried, replies, last = 1, len(completion.keys), request
        while not is_final(choices_of(completion)[0]) and (reason := check(completion)) is not None:
            self.spending.unusable[reason] += 1
            if tried == tries:
                break
            asked = replace(request, retry=replies)  # an older version asked in these words whatever the reason was
            further = asked if self._is_there(teacher, asked) else _next(last, replies, remedy_of(reason, completion))
            if further is None:
                break
            completion = await self._whole(teacher, further, took, again=True)
            self.spending.retried += 1
            last = further
            tried += 1
            replies += len(completion.keys)
        return completion if tried == 1 else replace(completion, tries=tried)

    def _is_there(self, teacher: str, request: Request) -> bool:
        """Whether the reply to this request costs nothing more."""
        key = request.key
        return (
            self.journal.get(key) is not None
            or any(journal.get(key) is not None for journal in self.reuse)
            or self.teachers[teacher].holds(key)
        )

    async def _whole(self, teacher: str, request: Request, took: Bought | None, *, again: bool = False) -> Completion:
        """The reply with as many choices as asked for: some servers give one at a time, whatever `n` says.

        Where the likeliest token is always taken, further choices would be the first one again: they are not asked for.
        """
        completion = await self._reply(teacher, request, took, again=again)
        wanted = request.sampling.n or 1
        while 0 < len(completion.choices) < wanted and not is_final(completion.choices[0]):
            left, retry = wanted - len(completion.choices), request.retry + len(completion.keys)
            # an older version's request named all choices again in its body, and so in its key
            rest = replace(request, sampling=request.sampling.model_copy(update={"n": left}), retry=retry)
            if not self._is_there(teacher, rest):
                if request.sampling.greedy:
                    break
                rest = replace(rest, sampling=Sampling(n=left).over(request.sampling))
            further = await self._reply(teacher, rest, took, again=again)
            if not further.choices or is_final(further.choices[0]):
                break
            completion = completion.with_more(further)
        return completion

    async def _reply(self, teacher: str, request: Request, took: Bought | None, *, again: bool) -> Completion:
        completion = counted(await self._found_or_bought(teacher, request), request)
        usage, spending = completion.usage, self.spending
        usd = usd_of(self.teachers[teacher], usage)
        cost = Cost(1, usage.total, usd)
        spending.asked += cost
        if again:
            spending.again += cost
        spending.estimated += usage.estimated
        spending.unknown_finish += any(c.text and finish_of(c.finish_reason) == "unknown" for c in completion.choices)
        if took is not None:
            took.add(usage, usd)
        if request.response_format is not None and any(map(is_free_text, completion.choices)):
            spending.unstructured += 1
        return completion

    async def _found_or_bought(self, teacher: str, request: Request) -> Completion:
        key = request.key
        purchase = self._pending.get(key)
        if purchase is None:
            found = self.journal.get(key)
            if found is not None:
                self.spending.replayed += 1
                return found
            if self.draining:
                raise Draining
            purchase = asyncio.create_task(self._acquire(teacher, request, key))
            self._pending[key] = purchase
            purchase.add_done_callback(lambda task: self._forget(key, task))
        return await asyncio.shield(purchase)

    def _forget(self, key: str, task: asyncio.Task[Completion]) -> None:
        del self._pending[key]
        error = None if task.cancelled() else task.exception()  # whoever still waits gets it; nobody may
        if isinstance(error, StoreError) and self.draining:
            log.warning("a reply that came in while the run ended is not in the journal: %s", error.message)

    async def _acquire(self, teacher: str, request: Request, key: str) -> Completion:
        found = next((reply for journal in self.reuse if (reply := journal.get(key)) is not None), None)
        if found is not None and not is_final(choices_of(found)[0]):  # what got no reply there may get one here
            await self.journal.put(key, request, found, reused=True)
            self.spending.reused += 1
            return found
        return await self._buy(teacher, request, key)

    async def _buy(self, name: str, request: Request, key: str) -> Completion:
        teacher = self.teachers[name]
        await self._take_slot()
        try:
            self.on_start()
            meter = self._ledger.meter(teacher, request, key)
            try:
                if teacher.holds(key):
                    meter.adopt()
                await meter.reserve()
                completion = replace(await self._complete(name, request, meter), key=key)
                completion = self._without_secrets(completion)
                usd = usd_of(teacher, completion.usage)
                meter.answered(completion.usage, usd)
            finally:
                meter.close()
        finally:
            self._slots.give_back()
        await self.journal.put(key, request, completion, usd=usd)
        return completion

    async def _complete(self, name: str, request: Request, meter: Meter) -> Completion:
        teacher = self.teachers[name]
        self.spending.in_flight += 1
        try:
            with metered_by(meter):
                if not teacher.metered:
                    await meter.leaves()
                return counted(await completion_of(name, teacher, request), request)
        except Draining:
            if not teacher.metered:
                meter.returned()  # it waited for its turn
            raise
        finally:
            self.spending.in_flight -= 1

    def _without_secrets(self, completion: Completion) -> Completion:
        cleared = completion.without_secrets()
        if cleared is not completion and not self._repeated:
            self._repeated = True
            log.warning("a reply repeats a secret of this run: *** stands in its place wherever it is kept")
        return cleared

    async def _take_slot(self) -> None:
        self.queued += 1
        try:
            await self._slots.take()
        finally:
            self.queued -= 1

    def drain(self) -> None:
        """From now on nothing is bought; what has been sent comes in. Teachers that wait to try again stop waiting."""
        self._ledger.drain()
        for name, teacher in self.teachers.items():
            try:
                teacher.drain()
            except Exception as error:  # noqa: BLE001 (a plug-in's; the run ends all the same)
                log.warning("the teacher %s raised %s: %s while the run ended", name, type(error).__name__, error)

    async def drained(self) -> None:
        """Returns when every purchase has ended and its reply is in the journal."""
        while self._pending:
            await asyncio.wait(list(self._pending.values()))

    async def abort(self) -> None:
        """Cancels every purchase at once: replies on their way are lost."""
        purchases = list(self._pending.values())
        for purchase in purchases:
            purchase.cancel()
        await asyncio.gather(*purchases, return_exceptions=True)


def _next(last: Request, retry: int, remedy: Remedy) -> Request | None:
    """The request after one whose reply was no use, differing in what can help; None where nothing can."""
    again, sampling = replace(last, retry=retry), last.sampling
    if remedy is Remedy.NO_SCHEMA and last.response_format is not None:
        return replace(again, response_format=None)
    if remedy in (Remedy.NO_SCHEMA, Remedy.TOKENS):
        most, now = sampling.retry_max_tokens, sampling.max_tokens
        if most is not None and now is not None and now < most:
            return replace(again, sampling=Sampling(max_tokens=min(2 * now, most)).over(sampling))
    if remedy is Remedy.SAME or (remedy is not Remedy.NONE and not sampling.greedy):
        return again
    return None
