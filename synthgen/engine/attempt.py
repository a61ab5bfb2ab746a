"""One attempt under way: the ledger that no record escapes, and the context that a stage sees of it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from synthgen.engine.asking import Asker
from synthgen.engine.pipeline import Pipeline
from synthgen.errors import ConfigError, StageError
from synthgen.forms.reply_problems import why_again
from synthgen.protocols import Check, Draw, api_of, teacher_named
from synthgen.records import Record, content_id
from synthgen.requests.metering import Bought
from synthgen.requests.request import Api, Completion, Request, Sampling


class StageContext:
    """What one stage knows of one attempt: see `protocols.Context`."""

    __slots__ = ("_asker", "_rng", "_seed", "_teachers", "_took", "attempt", "demonstrations", "round")

    def __init__(
        self,
        pipeline: Pipeline,
        asker: Asker,
        attempt: int,
        demonstrations: tuple[Record, ...],
        stage: str,
        took: Bought,
    ) -> None:
        self.attempt = attempt
        self.round = pipeline.round
        self.demonstrations = demonstrations
        self._teachers = pipeline.teachers
        self._asker = asker
        self._took = took
        self._seed = f"{pipeline.seed}/{pipeline.round}/{attempt}/{stage}"
        self._rng: random.Random | None = None

    @property
    def rng(self) -> random.Random:
        """Random numbers of this attempt and stage alone."""
        if self._rng is None:
            self._rng = random.Random(self._seed)
        return self._rng

    async def ask(
        self,
        prompt: str | Sequence[Mapping[str, Any]],
        *,
        sampling: Sampling | None = None,
        response_format: Mapping[str, Any] | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
        api: Api | None = None,
        sample: int = 0,
        teacher: str = "teacher",
        check: Check | None = None,
        tries: int = 3,
    ) -> Completion:
        """The teacher's reply: see `protocols.Context.ask`."""
        messages = ({"role": "user", "content": prompt},) if isinstance(prompt, str) else tuple(prompt)
        try:
            asked = teacher_named(teacher, self._teachers)
        except ConfigError as error:
            raise StageError(error.message, hint=error.hint) from None
        request = Request(
            model=asked.model,
            messages=messages,
            sampling=self._asker.sampling(sampling, asked.sampling),
            tools=tuple(tools),
            response_format=response_format,
            api=api or api_of(asked),
            sample=sample,
        )
        return await self._asker.ask(teacher, request, check or why_again, tries, self._took)


class Attempt:
    """The records of one attempt.

    `generated` counts its records: new ones, less the parents that children have replaced. `flows` holds what each
    stage (the source first) took in and added; `took` what its replies cost, whoever has bought them.
    """

    def __init__(self, pipeline: Pipeline, asker: Asker, number: int, draw: Draw) -> None:
        self.attempt = number
        self.stage = "source"
        self.alive: list[Record] = []
        self.dropped: list[Record] = []
        self.generated = 0
        self.took = Bought()
        self.flows: list[tuple[int, int]] = []
        self._pipeline = pipeline
        self._asker = asker
        self._demonstrations = draw.demonstrations
        self._stamped = 0
        self.take(list(draw.records), set())

    def context(self) -> StageContext:
        """What the stage that the attempt is at may know and do."""
        return StageContext(self._pipeline, self._asker, self.attempt, self._demonstrations, self.stage, self.took)

    def take(self, records: list[Record], before: set[str]) -> None:
        """Takes what a stage returned for the records with the ids `before`: stamps new ones, parts off dropped ones.

        Raises:
            StageError: a record was lost or returned twice.
        """
        self.alive = []
        returned: set[str] = set()
        parents: set[str] = set()
        new = 0
        for record in records:
            if record.id not in before:
                parents.update(record.provenance.parents)
                record = self._stamp(record)
                new += 1
            elif record.id in returned:
                raise StageError(f"returned record {record.id} twice", hint="make copies with record.child(…)")
            returned.add(record.id)
            if record.drop is None:
                self.alive.append(record)
            else:
                self.dropped.append(
                    record
                    if record.drop.stage
                    else record.replace(drop=record.drop.model_copy(update={"stage": self.stage}))
                )
        missing = before - returned
        if missing - parents:
            raise StageError(
                f"lost {len(missing - parents)} of {len(before)} records, among them {min(missing - parents)}",
                hint="return every record, dropped ones marked with record.dropped(reason); a record that is replaced"
                " by others is the parent of those: record.child(…)",
            )
        self.generated += new - len(missing)
        self.flows.append((len(before), new - len(missing)))

    def _stamp(self, record: Record) -> Record:
        provenance = record.provenance.model_copy(
            update={"attempt": self.attempt, "index": self._stamped, "round": self._pipeline.round}
        )
        self._stamped += 1
        return record.replace(provenance=provenance, id=content_id(record, provenance))
