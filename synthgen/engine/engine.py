"""The engine: numbered attempts walk the stages, many at once, and commit in order.

    attempt k:
      view    = the pool as it was when attempt k - window had passed the pool turn
      draw    = source.draw(k, view, random numbers of (seed, k))
      records = stage by stage; an ordered stage is passed in order of k, and after the first of them the survivors
                join the pool
      commit  = in order of k: the accepted to the dataset, the dropped to the rejects

What attempt k sees depends on k and on earlier attempts alone, never on timing, so the same replies give the same
dataset at any concurrency. There is no checkpoint: a run that goes on replays its journal through the same stages.
"""

from __future__ import annotations

import asyncio
import random

from synthgen.engine.asking import Asker
from synthgen.engine.attempt import Attempt
from synthgen.engine.contracts import draw_of, records_of
from synthgen.engine.ordering import Pool, Turn
from synthgen.engine.pipeline import Flow, Pipeline, Progress, Sink, default_window
from synthgen.errors import StageError, SynthgenError
from synthgen.protocols import Draw, Stage
from synthgen.requests.request import Draining

BACKLOG_PER_SLOT = 32
"""How many attempts per slot may be under way where no window holds them back. With log-normal latency (sigma 1) a
straggler holds up the commits behind it; 32 keep the slots busy and bound the memory."""

_AT_ONCE = "asked to stop at once: replies on their way are lost, all that came in is saved"


class Engine:
    """Runs a pipeline's attempts against a sink. One engine, one run."""

    def __init__(self, pipeline: Pipeline, asker: Asker, sink: Sink, progress: Progress | None = None) -> None:
        self.pipeline = pipeline
        self.asker = asker
        self.progress = progress or Progress()
        self.progress.target = pipeline.target
        self.progress.spending = asker.spending
        self.progress.flows = {"source": Flow()} | {label: Flow() for label, _ in pipeline.stages}
        self._sink = sink
        self._pool = Pool(pipeline.source.seeds)
        self._turns = {i: Turn() for i, (_, stage) in enumerate(pipeline.stages) if stage.ordered}
        self._commit_turn = Turn()
        self._pool_turn = min(self._turns, default=len(pipeline.stages))
        self._joined = self._turns.get(self._pool_turn, self._commit_turn)
        self._window = pipeline.window or default_window(pipeline.target)
        self._expected = max((stage.expected for _, stage in pipeline.stages), default=1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        asker.on_start = self._changed.set
        self._stop: str | None = None
        self._aborted = False
        self._failure: tuple[int, BaseException] | None = None
        self._barren = 0

    async def run(self) -> str:
        """How the run ended: `done`, `short`, `budget` or `interrupted`.

        Raises:
            SynthgenError: a stage, a teacher or the run folder failed; what was bought is in the journal.
        """
        number = 0
        try:
            while await self._may_start(number):
                draw = self._draw(number)
                if draw is None:
                    break
                task = asyncio.create_task(self._attempt(Attempt(self.pipeline, self.asker, number, draw)))
                self._tasks.add(task)
                task.add_done_callback(self._ended)
                number += 1
        except BaseException:
            self.asker.drain()
            self._close(number)
            raise
        finally:
            while self._tasks:
                await asyncio.wait(self._tasks)
            await self.asker.drained()
        if self._failure is not None:
            raise self._failure[1]
        if self._stop is None:
            self._stop = "done" if self.pipeline.target is None else "short"
            why = "as many as asked for" if number == self.pipeline.max_attempts else "the source is exhausted"
            self.progress.message = f"{number} attempt{'' if number == 1 else 's'}: {why}"
        if self._stop == "interrupted" and not self._aborted:
            self.progress.message = "asked to stop: what had been sent has come in"
        self.progress.status = self._stop
        return self._stop

    @property
    def stopping(self) -> bool:
        """Whether the end of the run has begun."""
        return self._stop is not None or self._failure is not None

    def stop(self, status: str, message: str) -> None:
        """Ends the run: no new request is sent, what has been sent comes in. The first call counts."""
        if self._stop is None:
            self._stop = status
            self.progress.message = message
        self.asker.drain()
        self._changed.set()

    async def abort(self) -> None:
        """Ends the run at once; replies on their way are lost, what is in the journal stays."""
        self._aborted = True
        self.stop("interrupted", _AT_ONCE)
        if self._stop == "interrupted":  # asked twice: the reason is that of the second time
            self.progress.message = _AT_ONCE
        for task in self._tasks:
            task.cancel()
        await self.asker.abort()

    async def _may_start(self, number: int) -> bool:
        """Waits until the next attempt may start; False when none will.

        Beyond a slot's worth of waiting requests for each slot, starting early keeps no slot busier: it only buys what
        may not be wanted any more when its turn comes.
        """
        if self.pipeline.max_attempts is not None and number >= self.pipeline.max_attempts:
            return False
        while not self.stopping:
            under_way = number - self._commit_turn.passed
            if (
                (not self.pipeline.source.reads_pool or number < self._joined.passed + self._window)
                and under_way < BACKLOG_PER_SLOT * self.asker.concurrency
                and self.asker.queued < self.asker.concurrency
                and self._wanted(under_way)
            ):
                await asyncio.sleep(0)
                return not self.stopping
            self._changed.clear()
            await self._changed.wait()
        return False

    def _wanted(self, under_way: int) -> bool:
        """Whether the attempts under way will probably not reach the target, judged by the yield so far.

        This only saves money: attempts beyond the target are never committed.
        """
        if self.pipeline.target is None or under_way == 0:
            return True
        done = self.progress
        expected_yield = (done.accepted + 2 * self._expected) / (done.attempts + 4)
        return under_way * expected_yield < self.pipeline.target - done.accepted

    def _draw(self, number: int) -> Draw | None:
        rng = random.Random(f"{self.pipeline.seed}/{self.pipeline.round}/{number}/draw")
        joined = number - self._window + 1 if self.pipeline.source.reads_pool else 0
        return draw_of(self.pipeline.source, number, self._pool.view(joined), rng)

    async def _attempt(self, attempt: Attempt) -> None:
        """Walks the stages and commits; ends early, closing its turns, when the run drains or a stage fails."""
        try:
            for index, (label, stage) in enumerate(self.pipeline.stages):
                turn = self._turns.get(index)
                if turn is not None:
                    await turn.wait(attempt.attempt)
                await self._pass(label, stage, attempt)
                if index == self._pool_turn:
                    self._join(attempt)
                if turn is not None:
                    turn.advance()
                    self._changed.set()
            await self._commit_turn.wait(attempt.attempt)
            if self._joined is self._commit_turn:
                self._join(attempt)
            self._commit(attempt)
            self._commit_turn.advance()
            self._changed.set()
        except (Draining, asyncio.CancelledError):
            self._close(attempt.attempt)
        except BaseException as error:
            if self._stop is not None:  # the run has ended: what fails now is part of no commit
                self._close(attempt.attempt)
                return
            if self._failure is None or attempt.attempt < self._failure[0]:
                self._failure = attempt.attempt, error
            self.asker.drain()
            self._close(attempt.attempt)
            raise

    async def _pass(self, label: str, stage: Stage, attempt: Attempt) -> None:
        attempt.stage = label
        records = attempt.alive
        try:
            attempt.take(
                await records_of(stage.run, list(records), attempt.context()), {record.id for record in records}
            )
        except SynthgenError as error:
            if isinstance(error, StageError):
                error.message = f"stage {label}, attempt {attempt.attempt}: {error.message}"
            raise
        except Exception as error:
            raise StageError(
                f"stage {label}, attempt {attempt.attempt}: {type(error).__name__}: {error}",
                hint="what is paid for is in the journal; fix the stage and run the same command again",
            ) from error

    def _join(self, attempt: Attempt) -> None:
        self._pool.join(attempt.alive if self.pipeline.source.reads_pool else ())

    def _close(self, number: int) -> None:
        for turn in (*self._turns.values(), self._commit_turn):
            turn.close(number)
        self._changed.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # kept in _failure

    def _commit(self, attempt: Attempt) -> None:
        """Hands the attempt's records to the sink, checks the ledger and the stop rules."""
        progress, target = self.progress, self.pipeline.target
        accepted = attempt.alive
        rejected = attempt.dropped
        if target is not None and progress.accepted + len(accepted) > target:
            room = target - progress.accepted
            rejected = rejected + [r.dropped("over_target", limit=target, stage="commit") for r in accepted[room:]]
            accepted = accepted[:room]
        self._sink.commit(accepted, rejected)
        progress.attempts += 1
        progress.generated += attempt.generated
        progress.took.add_all(attempt.took)
        progress.accepted += len(accepted)
        progress.rejected += len(rejected)
        for flow, (entered, new) in zip(progress.flows.values(), attempt.flows, strict=True):
            flow.entered += entered
            flow.new += new
        for record in rejected:
            if record.drop is not None:
                progress.flows.setdefault(record.drop.stage or "commit", Flow()).dropped[record.drop.reason] += 1
        if progress.generated != progress.accepted + progress.rejected:
            raise StageError(
                f"attempt {attempt.attempt}: {progress.generated} records were generated, but {progress.accepted} "
                f"accepted and {progress.rejected} rejected"
            )
        self._barren = 0 if accepted else self._barren + 1
        if target is not None and progress.accepted >= target:
            self.stop("done", "the target is reached")
            self._close(attempt.attempt + 1)
        elif self._barren >= self.pipeline.barren_attempts:
            self.stop("short", f"{self._barren} attempts in a row accepted nothing")
            self._close(attempt.attempt + 1)
