"""Asking a teacher so that nothing is lost or bought twice: journal first, then the budget, a slot, the teacher.

A purchase is a task of its own. Cancelling the attempt that waits for it does not cancel the purchase: what has been
sent is paid for, so its reply goes to the journal whoever still wants it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from synthgen.contracts import completion_of
from synthgen.errors import ConfigError
from synthgen.exchange import Completion, Request, Sampling, Usage, canonical
from synthgen.journal import Journal
from synthgen.prices import Price
from synthgen.protocols import Check, Teacher
from synthgen.slots import MOST, Slots
from synthgen.turns import Draining
from synthgen.unusable import FINAL, is_free_text


@dataclass(frozen=True, slots=True)
class Budget:
    """Hard limits on what a run folder buys, over all its sessions; `None` is no limit.

    `requests` counts replies bought, `tokens` their prompt and completion tokens, `usd` what these cost. Replies
    reused from another run are free.
    """

    requests: int | None = None
    tokens: int | None = None
    usd: float | None = None

    @property
    def bounds(self) -> bool:
        """Whether there is any limit."""
        return self.requests is not None or self.bounds_tokens

    @property
    def bounds_tokens(self) -> bool:
        """Whether a request's worst case has to be known before it is sent."""
        return self.tokens is not None or self.usd is not None


@dataclass(slots=True)
class Spending:
    """What has been bought (by this folder, all sessions), and what the journal has spared.

    `unusable` counts replies that were no use, by reason; `retried` those of them that were asked for again;
    `unstructured` those that came as other text where JSON by a schema was asked for.
    """

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    usd: float = 0.0
    replayed: int = 0
    reused: int = 0
    retried: int = 0
    unusable: Counter[str] = field(default_factory=Counter)
    unstructured: int = 0
    in_flight: int = 0

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens bought."""
        return self.prompt_tokens + self.completion_tokens

    def add(self, usage: Usage, usd: float) -> None:
        """Counts one more bought reply."""
        self.requests += 1
        self.prompt_tokens += usage.prompt_tokens
        self.completion_tokens += usage.completion_tokens
        self.cached_tokens += usage.cached_tokens
        self.usd += usd

    def add_all(self, other: Spending) -> None:
        """Counts what another has counted."""
        self.requests += other.requests
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.cached_tokens += other.cached_tokens
        self.usd += other.usd


@dataclass(frozen=True, slots=True)
class Cost:
    """What a request can cost at worst, or what it did cost."""

    requests: int = 0
    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.requests + other.requests, self.tokens + other.tokens, self.usd + other.usd)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.requests - other.requests, self.tokens - other.tokens, self.usd - other.usd)


NOTHING = Cost()


def usd_of(teacher: Teacher, usage: Usage) -> float:
    """What a completion of this teacher has cost; 0 where its price is not known."""
    price: Price | None = getattr(teacher, "price", None)
    if price is None:
        return 0.0
    batch = bool(getattr(teacher, "batch", False))
    return price.usd(usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, batch=batch)


def worst_case(request: Request) -> Usage:
    """An upper bound of the tokens that a request can cost.

    A byte-level tokeniser never makes more tokens than bytes, so the prompt's bytes bound the prompt's tokens.

    Raises:
        ConfigError: the request sets no `max_tokens`, so nothing bounds it.
    """
    if request.sampling.max_tokens is None:
        raise ConfigError(
            "a budget of tokens or money needs max_tokens on every request, or nothing bounds what one can cost",
            hint="set sampling: {max_tokens: …} on the teacher or on the stage",
        )
    prompt = len(canonical([request.messages, request.tools, request.response_format]))
    return Usage(prompt, request.sampling.max_tokens * (request.sampling.n or 1))


IN_A_BATCH = 5000
"""Slots where a teacher gathers requests into batches: replies take hours, so there is nothing to find out."""


def _slots(concurrency: int | None, teachers: Mapping[str, Teacher]) -> Slots:
    if concurrency is None and any(getattr(teacher, "batch", False) for teacher in teachers.values()):
        concurrency = IN_A_BATCH
    return Slots(concurrency, sum(getattr(teacher, "at_once", MOST) for teacher in teachers.values()) or MOST)


class Asker:
    """Answers requests from the journal, from an older run's journal, or from a teacher, in this order.

    `concurrency` is the number of slots: how many requests are with teachers at once; with None it is found. `queued`
    is how many wait for one.
    `on_start` is called when a request gets its slot, `on_budget` when the budget leaves no room for another request.
    """

    def __init__(
        self,
        teachers: Mapping[str, Teacher],
        journal: Journal,
        *,
        reuse: Journal | None = None,
        concurrency: int | None = None,
        budget: Budget | None = None,
        on_budget: Callable[[], None] = lambda: None,
    ) -> None:
        self.teachers = teachers
        self.journal = journal
        self.reuse = reuse
        self.budget = budget or Budget()
        self.draining = False
        self.queued = 0
        self.on_start: Callable[[], None] = lambda: None
        totals = journal.totals()
        self.spending = Spending(
            totals.requests, totals.prompt_tokens, totals.completion_tokens, totals.cached_tokens, totals.usd
        )
        self._on_budget = on_budget
        self._slots = _slots(concurrency, teachers)
        self._pending: dict[str, asyncio.Task[Completion]] = {}
        self._reserved = Cost()
        self._settled = asyncio.Event()
        self._samplings: dict[tuple[int, int], tuple[Sampling | None, Sampling | None, Sampling]] = {}

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
        took: Spending | None = None,
    ) -> Completion:
        """The reply; an unusable one (`check` gives a reason) is asked for again, `tries` times in all.

        `took` counts every reply, whether it has to be bought or not.

        Raises:
            Draining: the run is ending and the reply would have to be bought.
        """
        completion = await self._whole(teacher, request, took)
        if check is None:
            return completion
        tried, replies = 1, len(completion.keys)
        while completion.finish_reason not in FINAL and (reason := check(completion)) is not None:
            self.spending.unusable[reason] += 1
            if tried == tries:
                break
            self.spending.retried += 1
            completion = await self._whole(teacher, replace(request, retry=replies), took)
            tried += 1
            replies += len(completion.keys)
        return completion if tried == 1 else replace(completion, tries=tried)

    async def _whole(self, teacher: str, request: Request, took: Spending | None) -> Completion:
        """The reply with as many choices as asked for: some servers give one at a time, whatever `n` says."""
        completion = await self._reply(teacher, request, took)
        wanted = request.sampling.n or 1
        while 0 < len(completion.choices) < wanted and completion.finish_reason not in FINAL:
            rest = replace(
                request,
                sampling=request.sampling.model_copy(update={"n": wanted - len(completion.choices)}),
                retry=request.retry + len(completion.keys),
            )
            further = await self._reply(teacher, rest, took)
            if not further.choices or further.finish_reason in FINAL:
                break
            completion = completion.with_more(further)
        return completion

    async def _reply(self, teacher: str, request: Request, took: Spending | None) -> Completion:
        completion = await self._found_or_bought(teacher, request)
        if took is not None:
            took.add(completion.usage, usd_of(self.teachers[teacher], completion.usage))
        if request.response_format is not None and any(map(is_free_text, completion.choices)):
            self.spending.unstructured += 1
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
        if not task.cancelled():
            task.exception()  # whoever still waits gets it; nobody may

    async def _acquire(self, teacher: str, request: Request, key: str) -> Completion:
        if self.reuse is not None and (found := self.reuse.get(key)) is not None:
            await self.journal.put(key, request, found, reused=True)
            self.spending.reused += 1
            return found
        return await self._buy(self.teachers[teacher], request, key)

    async def _buy(self, teacher: Teacher, request: Request, key: str) -> Completion:
        await self._take_slot()
        try:
            self.on_start()
            worst = await self._reserve(teacher, request)
            try:
                self.spending.in_flight += 1
                completion = replace(await completion_of(self._name(teacher), teacher, request), key=key)
                usd = usd_of(teacher, completion.usage)
                self.spending.add(completion.usage, usd)
            finally:
                self.spending.in_flight -= 1
                self._give_back(worst)
        finally:
            self._slots.give_back()
        await self.journal.put(key, request, completion, usd=usd)
        return completion

    def _name(self, teacher: Teacher) -> str:
        return next((name for name, one in self.teachers.items() if one is teacher), "")

    async def _take_slot(self) -> None:
        self.queued += 1
        try:
            await self._slots.take()
        finally:
            self.queued -= 1

    async def _reserve(self, teacher: Teacher, request: Request) -> Cost:
        """Sets aside what the request can cost at worst; waits where replies in flight may still free some room."""
        if not self.budget.bounds:
            if self.draining:
                raise Draining
            return NOTHING
        worst = Cost(requests=1)
        if self.budget.bounds_tokens:
            usage = worst_case(request)
            worst = Cost(1, usage.total, usd_of(teacher, usage))
        while not self.draining:
            if self._fits(worst):
                self._reserved += worst
                return worst
            if self._reserved.requests == 0:
                self._on_budget()
                raise Draining
            self._settled.clear()
            await self._settled.wait()
        raise Draining

    def _give_back(self, worst: Cost) -> None:
        if worst is not NOTHING:
            self._reserved -= worst
            self._settled.set()

    def _fits(self, worst: Cost) -> bool:
        limits, spent = self.budget, self.spending
        after = Cost(spent.requests, spent.tokens, spent.usd) + self._reserved + worst
        return (
            (limits.requests is None or after.requests <= limits.requests)
            and (limits.tokens is None or after.tokens <= limits.tokens)
            and (limits.usd is None or after.usd <= limits.usd)
        )

    def drain(self) -> None:
        """From now on nothing is bought; what has been sent comes in. Teachers that wait to try again stop waiting."""
        self.draining = True
        self._settled.set()
        for teacher in self.teachers.values():
            if hasattr(teacher, "drain"):
                teacher.drain()

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
