"""How long is waited for a server that gives no reply, and what is said of it: no wait is without an end or a word."""

from __future__ import annotations

import asyncio
import math
import random

from synthgen.safety import outward
from synthgen.safety.outward import logger
from synthgen.teachers.openai import advice
from synthgen.teachers.openai.call import Call
from synthgen.teachers.openai.dispatch import Dispatch
from synthgen.teachers.openai.endpoint import Ticket
from synthgen.teachers.openai.problems import Again

log = logger("synthgen.teachers.openai")

NEVER_ANSWERED_S = 15.0
"""A server that has never answered is given up after this time: its URL is wrong, or nobody has started it."""
BACKOFF_S, BACKOFF_MAX_S = 0.5, 30.0
OWN_BACKOFF_MAX_S = 4.0
"""The longest back-off of a request that fails while others do not: there is no server to be spared."""
BELIEVED_TODAY = 3
"""So often a server is believed that says a limit per day and a short wait in one: some slide, others do not."""
SHORTEST_WAIT_S = 0.05
LATEST_S = 0.5
"""Those who were all told the same time come back over this time, or a tenth of theirs."""
TOLD_FROM_S = 30.0
"""A wait of this length is told to the user at once …"""
TOLD_AFTER_S, TOLD_EVERY_S = 10.0, 60.0
"""… and a standstill after this time, and then from time to time."""


class Patience:
    """Ends a run at whose servers nothing goes on; `proxied`: one of them is reached by a proxy."""

    def __init__(self, dispatch: Dispatch, give_up_after_s: float, *, proxied: bool) -> None:
        self._dispatch = dispatch
        self._give_up_after_s = give_up_after_s
        self._proxied = proxied
        self._silent_until = 0.0

    def wait_for_limit(self, call: Call, ticket: Ticket, again: Again) -> None:
        """HTTP 429: sets how long is waited, which is as long as the server asks, if that is not too long.

        Raises:
            TeacherError: it is.
        """
        call.refusals += 1
        asked = again.wait_s
        today = call.limited is not None and call.limited.for_today
        if today:
            call.refused_for_today += 1
            if asked is None or call.refused_for_today > BELIEVED_TODAY:
                asked = math.inf
        if asked is not None and asked > self._give_up_after_s:
            if ticket.endpoint.successes > ticket.successes:
                asked = None  # while it answers others, a single long wait is a mistake
            else:
                left_s = self._dispatch.closed(ticket, asked)
                if left_s > self._give_up_after_s:
                    raise advice.waits_too_long(
                        self._dispatch.names, again.problem, asked, self._give_up_after_s, today=today
                    )
                again.wait_s = max(SHORTEST_WAIT_S, left_s)
                return
        again.wait_s = jittered(asked, call.refusals)
        self._dispatch.refused(ticket, again.wait_s if asked is None else asked)
        self.check(call, again)

    def check(self, call: Call, again: Again) -> None:
        """Tells of a standstill, and ends the run at one that lasts.

        Raises:
            TeacherError: nobody has answered for too long.
        """
        stalled_s = self._dispatch.stalled_s()
        patience_s = self._give_up_after_s
        if not any(endpoint.answered for endpoint in self._dispatch.endpoints):
            patience_s = min(patience_s, NEVER_ANSWERED_S)
        if stalled_s < patience_s or (again.kind == "refused" and self._dispatch.one_is_under_way()):
            self._tell(again, stalled_s, patience_s)
        elif again.kind != "unreachable" and not (call.question or call.at_the_end):
            call.at_the_end = True  # if a plain question gets a reply now, it is this request
        else:
            money = call.limited is not None and call.limited.quota_spent
            raise advice.unreachable(
                self._dispatch.names, again.problem, stalled_s, again.kind, proxied=self._proxied, money=money
            ) from None

    def _tell(self, again: Again, stalled_s: float, patience_s: float) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._silent_until or (stalled_s < TOLD_AFTER_S and (again.wait_s or 0.0) < TOLD_FROM_S):
            return
        self._silent_until = now + TOLD_EVERY_S
        log.warning(
            "waiting for %s: no reply for %.0f s (%s); the next try is in %.1f s, the last one after %.0f s",
            " or ".join(self._dispatch.names),
            stalled_s,
            outward.scrub(again.problem),
            again.wait_s or 0.0,
            patience_s,
        )


def jittered(asked: float | None, count: int, most: float = math.inf) -> float:
    """A wait: what the server asks for and a little more, or a back-off that doubles with every failure."""
    if asked is not None:
        return max(SHORTEST_WAIT_S, asked) + random.uniform(0, min(asked / 10, LATEST_S))
    return min(most, BACKOFF_MAX_S, BACKOFF_S * 2.0 ** min(20, max(0, count - 1))) * random.uniform(0.5, 1.0)
