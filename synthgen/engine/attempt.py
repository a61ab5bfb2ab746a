"""One attempt under way: the context that stages see, and the ledger that no record escapes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from synthgen.engine.asking import Asker
from synthgen.engine.budget import Spending
from synthgen.engine.pipeline import Pipeline
from synthgen.errors import StageError
from synthgen.forms.reply_problems import why_again
from synthgen.protocols import Check, Draw, Teacher, api_of
from synthgen.records import Record, content_id
from synthgen.requests.request import Api, Completion, Request, Sampling


class Attempt:
    """The records of one attempt, and the `Context` of the stage that it is at.

    `generated` counts its records: new ones, less the parents that children have replaced. `flows` holds what each
    stage (the source first) took in and added; `took` what its replies cost, whoever has bought them.
    """

    def __init__(self, pipeline: Pipeline, asker: Asker, number: int, draw: Draw) -> None:
        self.attempt = number
        self.round = pipeline.round
        self.demonstrations = draw.demonstrations
        self.stage = "source"
        self.alive: list[Record] = []
        self.dropped: list[Record] = []
        self.generated = 0
        self.took = Spending()
        self.flows: list[tuple[int, int]] = []
        self._pipeline = pipeline
        self._asker = asker
        self._stamped = 0
        self._rngs: dict[str, random.Random] = {}
        self.take(list(draw.records), set())

    @property
    def rng(self) -> random.Random:
        """Random numbers of this attempt and stage alone."""
        if self.stage not in self._rngs:
            seed = f"{self._pipeline.seed}/{self.round}/{self.attempt}/{self.stage}"
            self._rngs[self.stage] = random.Random(seed)
        return self._rngs[self.stage]

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
        asked = self._teacher(teacher)
        request = Request(
            model=asked.model,
            messages=messages,
            sampling=self._asker.sampling(sampling, asked.sampling),
            tools=tuple(tools),
            response_format=response_format,
            api=api or api_of(asked),
            sample=sample,
        )
        return await self._asker.ask(teacher, request, check or why_again, tries, self.took)

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
            update={"attempt": self.attempt, "index": self._stamped, "round": self.round}
        )
        self._stamped += 1
        return record.replace(provenance=provenance, id=content_id(record, provenance))

    def _teacher(self, name: str) -> Teacher:
        teachers = self._pipeline.teachers
        if name not in teachers:
            known = ", ".join(sorted(teachers))
            raise StageError(f"there is no teacher named {name!r}", hint=f"the config names: {known}")
        return teachers[name]
