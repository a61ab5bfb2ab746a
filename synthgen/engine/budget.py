"""What a run may spend, and what it has spent: the one ledger that every try of every request passes."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from synthgen.errors import ConfigError
from synthgen.journal import Journal
from synthgen.journal.rows import FAILED, RESOLVED, SENT
from synthgen.protocols import Teacher
from synthgen.requests.metering import Bought, Meter
from synthgen.requests.request import Draining, Request, Usage, canonical


@dataclass(frozen=True, slots=True)
class Budget:
    """Hard limits on what a run folder buys, over all its sessions; `None` is no limit.

    `requests` counts requests that left, `tokens` the prompt and completion tokens of their replies, `usd` what these
    cost. A request that brought no reply counts with what it can have cost. Replies reused from another run are free.
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
ONE = Cost(requests=1)


@dataclass(slots=True)
class Spending(Bought):
    """What has been bought (by this folder, all sessions), and what the journal has spared.

    `lost` is what requests that left without bringing a reply can have cost. `unusable` counts replies that were no
    use, by reason; `retried` those of them that were asked for again; `unstructured` those that came as other text
    where JSON by a schema was asked for; `estimated` those whose tokens the server did not count, or counted in a way
    that cannot be; `unknown_finish` those with a text that ended for a reason that nobody knows. `again` is what the
    replies to further tries took, of `asked`, all replies that were looked at, bought or not.
    """

    replayed: int = 0
    reused: int = 0
    retried: int = 0
    unusable: Counter[str] = field(default_factory=Counter)
    unstructured: int = 0
    estimated: int = 0
    unknown_finish: int = 0
    lost: Cost = NOTHING
    again: Cost = NOTHING
    asked: Cost = NOTHING
    in_flight: int = 0


def usd_of(teacher: Teacher, usage: Usage) -> float:
    """What a completion of this teacher has cost; 0 where its price is not known. Never below 0."""
    price = teacher.price
    if price is None:
        return 0.0
    return price.usd(usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, batch=teacher.batch)


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
    return _at_most(request)


def _at_most(request: Request) -> Usage:
    """As `worst_case`; where no `max_tokens` bounds the reply, of the prompt alone."""
    prompt = len(canonical([request.messages, request.tools, request.response_format]))
    return Usage(prompt, (request.sampling.max_tokens or 0) * (request.sampling.n or 1))


class Ledger:
    """What is spent and what is set aside, against the budget, in this and all earlier sessions of a journal.

    `on_budget` is called when the budget leaves no room for another request. What the `shared` journals have bought
    counts as well.
    """

    def __init__(
        self,
        budget: Budget,
        journal: Journal,
        on_budget: Callable[[], None] = lambda: None,
        shared: Sequence[Journal] = (),
    ) -> None:
        self.budget = budget
        self.journal = journal
        self.draining = False
        self._elsewhere = sum(map(_bought, shared), NOTHING)
        totals, tries = journal.totals(), journal.tries()
        self._open = {key: Cost(*cost) for key, cost in tries.open.items()}
        self.spending = Spending(lost=sum(self._open.values(), Cost(*tries.failed)))
        self.spending.add_all(totals)
        self._reserved = NOTHING
        self._settled = asyncio.Event()
        self._on_budget = on_budget

    def meter(self, teacher: Teacher, request: Request, key: str) -> RequestMeter:
        """The meter of a request that is about to be bought.

        Raises:
            ConfigError: the budget needs `max_tokens`, and the request has none.
        """
        if not self.budget.bounds_tokens:
            return RequestMeter(self, key, lambda: self._cost(teacher, _at_most(request)))
        worst = self._cost(teacher, worst_case(request))
        return RequestMeter(self, key, lambda: worst)

    @staticmethod
    def _cost(teacher: Teacher, usage: Usage) -> Cost:
        return Cost(1, usage.total, usd_of(teacher, usage))

    def drain(self) -> None:
        """From now on nothing is set aside: who waits for it or asks gets `Draining`."""
        self.draining = True
        self._settled.set()

    async def reserve(self, worst: Cost) -> None:
        """Sets this aside when there is room.

        Raises:
            Draining: there is none and will be none, or the run is ending.
        """
        while not self.draining:
            if self._fits(worst):
                self._reserved += worst
                return
            if self._reserved.requests == 0:
                self._on_budget()
                raise Draining
            self._settled.clear()
            await self._settled.wait()
        raise Draining

    def give_back(self, worst: Cost) -> None:
        """What was set aside is free again, or spent by now."""
        self._reserved -= worst
        self._settled.set()

    def adopt(self, key: str) -> Cost | None:
        """Sets aside what an earlier session has sent under this key, and says what; None where it has not."""
        sent = self._open.pop(key, None)
        if sent is not None:
            self.spending.lost -= sent
            self._reserved += sent
        return sent

    @property
    def message(self) -> str:
        """Why there is no room."""
        lost, elsewhere = self.spending.lost, self._elsewhere
        parts = [f"requests without a reply: {lost.requests:,}"] if lost.requests else []
        parts += [f"requests of previews: {elsewhere.requests:,}"] if elsewhere.requests else []
        return "the budget leaves no room for another request" + (f" ({', '.join(parts)})" if parts else "")

    def _fits(self, worst: Cost) -> bool:
        limits, spent = self.budget, self.spending
        mine = Cost(spent.requests, spent.tokens, spent.usd) + spent.lost
        after = mine + self._elsewhere + self._reserved + worst
        return (
            (limits.requests is None or after.requests <= limits.requests)
            and (limits.tokens is None or after.tokens <= limits.tokens)
            and (limits.usd is None or after.usd <= limits.usd)
        )


class RequestMeter(Meter):
    """Counts the tries of one request in a ledger, and in its journal.

    Under a budget each try is in the journal before it leaves, and its failure after it. So a session that is killed
    has counted all that it has sent: what it does not know the end of counts with the worst case.
    """

    def __init__(self, ledger: Ledger, key: str, worst: Callable[[], Cost]) -> None:
        self._ledger = ledger
        self._key = key
        self._worst = worst
        self._held: Cost | None = None
        self._noted = False
        self._away = False

    async def reserve(self) -> None:
        """See `Meter.reserve`; what is set aside already does for this try."""
        if self._ledger.draining:
            raise Draining
        if self._held is None:
            worst = self._worst() if self._ledger.budget.bounds else ONE
            await self._ledger.reserve(worst)
            self._held = worst

    def adopt(self) -> None:
        """The teacher holds the request from an earlier session: where it left then, it is not counted twice."""
        self._held = self._ledger.adopt(self._key)
        self._noted = self._away = self._held is not None

    async def leaves(self) -> None:
        """See `Meter.leaves`."""
        self._away = True
        if self._ledger.budget.bounds and not self._noted:
            self._noted = True
            await self._ledger.journal.note(self._key, SENT, self._numbers(self._held or ONE))

    def returned(self) -> None:
        """See `Meter.returned`."""
        self._away = False

    def failed(self, *, paid: bool) -> None:
        """See `Meter.failed`; of a try that is counted already it says nothing."""
        if self._held is not None:
            self._lose(self._worst() if paid else ONE)

    def answered(self, usage: Usage, usd: float) -> None:
        """The reply is there. Where every try has failed, it is what the last of them came to."""
        spending = self._ledger.spending
        if self._held is None:
            spending.lost -= ONE
            self._ledger.journal.note_soon(self._key, RESOLVED, (-1, 0, 0.0))
        spending.add(usage, usd)
        self._give_back()

    def close(self) -> None:
        """The request has ended; what left and neither failed nor was answered counts with the worst case."""
        if self._held is not None:
            if self._away:
                self._lose(self._held if self._noted else self._worst(), known=False)
            elif self._noted:
                self._lose(NOTHING)
        self._give_back()

    def _lose(self, cost: Cost, *, known: bool = True) -> None:
        """Counts a try that brought no reply. `known`: nothing more can come of it, in no later session either."""
        ledger, numbers = self._ledger, self._numbers(cost)
        ledger.spending.lost += cost
        if not self._noted:
            ledger.journal.note_soon(self._key, SENT, numbers)
        if known:
            ledger.journal.note_soon(self._key, FAILED, numbers)
        self._give_back()

    def _give_back(self) -> None:
        if self._held is not None:
            self._ledger.give_back(self._held)
        self._held, self._noted, self._away = None, False, False

    @staticmethod
    def _numbers(cost: Cost) -> tuple[int, int, float]:
        return cost.requests, cost.tokens, cost.usd if math.isfinite(cost.usd) else 0.0


def _bought(journal: Journal) -> Cost:
    """What a journal's requests have cost, those without a reply included."""
    totals, tries = journal.totals(), journal.tries()
    replies = Cost(totals.requests, totals.tokens, totals.usd)
    return sum((Cost(*cost) for cost in tries.open.values()), replies + Cost(*tries.failed))
