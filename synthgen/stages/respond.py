"""Stages that answer tasks: by a teacher, several times, by a vote, by the task's own program."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import chain
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from synthgen import families
from synthgen.forms.reply_problems import choices_of, detail, why_unusable
from synthgen.prompting.stage import Answering
from synthgen.protocols import Context, Stage
from synthgen.records import Answer, Drop, Record, answered_by_call, to_messages
from synthgen.requests.request import Completion, Sampling, written_by
from synthgen.text import normalize


class Respond(Answering):
    """Asks for the answer to each record without one; what the model thinks to itself goes into `reasoning`.

    The teacher is asked as a user would ask: system, history and the task, no prompt around it. `prompt` names a
    template that gets `instruction`, `input` and `reply` and takes the place of the last turn. `reasoning: true` asks
    for the steps apart from the answer, as JSON. Drops: `truncated` (the partial answer is kept in the record),
    `malformed`, `empty_reply`, `refused` (as the API says it; the filter `refusal` reads texts), `tool_call`,
    `context_length`, `bad_request`, `server_error`, `timeout`.
    """

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The same records, with an output or dropped."""
        return await asyncio.gather(*(self._respond(record, ctx) for record in records))

    async def _respond(self, record: Record, ctx: Context) -> Record:
        if record.output is not None or answered_by_call(record):
            return record
        completion = await self.ask_task(record, ctx)
        record = record.replace(provenance=self.credit(record, completion))
        return self.answered(record, choices_of(completion)[0], completion)


class Candidates(Answering):
    """Puts up to `count` different answers to each task into its `answers`, without scores: `judge` gives those.

    Answers that are cut, empty or refused are left out. An output that the record had is left as it is and not among
    them. Drops, where no answer can be used: those of `respond`.
    """

    count: int = Field(4, ge=2)

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The same records, with answers or dropped."""
        return await asyncio.gather(*(self._answer(record, ctx) for record in records))

    async def _answer(self, record: Record, ctx: Context) -> Record:
        if answered_by_call(record):
            return record  # the answer is the call, of which there is no other text
        task = record.replace(output=None)
        completion = await self.ask_task(task, ctx, count=self.count, sample=ctx.round)
        record = record.replace(provenance=self.credit(record, completion))
        made = [self.answered(task, choice, completion) for choice in choices_of(completion)]
        whole = dict.fromkeys(answer.output for answer in made if answer.drop is None and answer.output)
        if not whole:
            return record.replace(drop=made[0].drop)
        return record.replace(answers=tuple(Answer(text=text, model=self.model_of(completion)) for text in whole))


class Majority(Stage, BaseModel):
    """Self-consistency (arXiv:2203.11171) where no program can verify: `votes` answers, of which `least` must agree.

    Answers agree where they are equal but for case and white space. The commonest becomes the output, in the form that
    came first; an output that the record had is one more vote with `own: true`. All votes go into `answers`, each with
    its share as the score. A model that is wrong in the same way each time is not found out. Where no answer can be
    used, all are asked for again, `tries` times in all. Drops: `no_majority`, `truncated`, `empty_reply`, `refused`,
    `context_length`, `bad_request`, `server_error`, `timeout`.
    """

    model_config = ConfigDict(extra="forbid")

    teacher: str = "teacher"
    votes: int = Field(5, ge=1)
    least: int = Field(4, ge=1)
    own: bool = False
    tries: int = Field(3, ge=1)
    sampling: Sampling = Sampling(temperature=0.7, max_tokens=512)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.least > self.votes + self.own:
            raise ValueError(f"least: {self.least} of {self.votes + self.own} answers cannot agree")
        return self

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The same records, with the answer that most agree on, or dropped."""
        return await asyncio.gather(*(self._vote(record, ctx) for record in records))

    async def _vote(self, record: Record, ctx: Context) -> Record:
        if answered_by_call(record):
            return record  # the answer is the call, of which there is no other text
        completion = await ctx.ask(
            to_messages(record.replace(output=None)),
            sampling=self.sampling.model_copy(update={"n": self.votes if self.votes > 1 else None}),
            teacher=self.teacher,
            tries=self.tries,
        )
        # an answer that is cut or refused is no vote
        texts = [(c.text or "").strip() for c in choices_of(completion) if why_unusable(c) is None]
        reason = None if texts else why_unusable(choices_of(completion)[0])
        if self.own and record.output is not None:
            texts.insert(0, record.output.strip())
        forms: dict[str, str] = {}
        for text in texts:
            if text:
                forms.setdefault(normalize(text), text)
        counts = Counter(normalize(text) for text in texts if text)
        asked = self.votes + (self.own and record.output is not None)
        votes = tuple(Answer(text=forms[key], score=count / asked) for key, count in counts.most_common())
        provenance = record.provenance.model_copy(
            update={
                "requests": (*record.provenance.requests, *completion.keys),
                "model": written_by(completion.model, "") or None,
            }
        )
        record = record.replace(answers=votes, provenance=provenance)
        if reason is not None:
            return record.dropped(reason, detail=detail(reason, completion))
        best, agreed = counts.most_common(1)[0] if counts else ("", 0)
        if agreed < self.least:
            return record.dropped(Drop("no_majority", score=agreed, limit=self.least))
        return record.replace(output=forms[best])


class Solve(Answering):
    """Replaces each task by `samples` solutions of its own, of which those with the right answer are kept.

    The output that a record comes with is the reference and is not shown. `right` says when an answer is: `equal` to
    the reference but for white space around it, or proved by `program` (the families that `verify` knows). With
    `distinct`, solutions whose reasoning and answer are equal but for case and white space count once.

    `rationalise`: a task that no solution got right is asked again with the answer as a hint (template `hint`, which
    gets `instruction`, `input`, `answer` and `reply`); what comes to it is kept without the hint, with the score
    `rationalised` (STaR, arXiv:2203.14465). It has to have reasoning: without, only the hint was copied.

    Drops: `wrong_answer`, `duplicate_answer`, `no_reasoning`, `no_reference`, and those of `respond`.
    """

    prompt_settings: ClassVar[tuple[str, ...]] = ("prompt", "hint")

    samples: int = Field(1, ge=1)
    right: Literal["equal", "program"] = "equal"
    distinct: bool = True
    rationalise: bool = False
    hint: str = "solve/hint"

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The solutions, dropped ones marked."""
        return list(chain.from_iterable(await asyncio.gather(*(self._solve(record, ctx) for record in records))))

    async def _solve(self, record: Record, ctx: Context) -> list[Record]:
        if not record.output:
            return [record.dropped("no_reference")]
        # the same student may be asked in two rounds, and is to solve the task anew in each
        task = record.replace(output=None, reasoning=None, answers=())
        completion = await self.ask_task(task, ctx, count=self.samples, sample=ctx.round)
        solutions = self._judged(record, completion)
        if self.rationalise and all(solution.drop for solution in solutions):
            completion = await self.ask_task(task, ctx, sample=ctx.round, prompt=self.hint, answer=record.output)
            solutions += [_with_reasoning(solution) for solution in self._judged(record, completion)]
        return solutions

    def _judged(self, record: Record, completion: Completion) -> list[Record]:
        seen: set[tuple[str, str]] = set()
        solutions = []
        for choice in choices_of(completion):
            solution = record.child(output=None, reasoning=None, answers=(), provenance=self.credit(record, completion))
            solution = self.answered(solution, choice, completion)
            if solution.drop is None and not self._right(solution, record.output or ""):
                solution = solution.dropped("wrong_answer", detail=f"expected {record.output}")
            if solution.drop is None and self.distinct:
                key = normalize(solution.reasoning or ""), normalize(solution.output or "")
                if key in seen:
                    solution = solution.dropped("duplicate_answer")
                seen.add(key)
            solutions.append(solution)
        return solutions

    def _right(self, solution: Record, reference: str) -> bool:
        answer = solution.output or ""
        if self.right == "equal":
            return answer.strip() == reference.strip()
        return families.check(solution.instruction, solution.input, answer).status == "proved"


def _with_reasoning(solution: Record) -> Record:
    if solution.drop is None and not solution.reasoning:
        return solution.dropped("no_reasoning", detail="the hint was copied")
    return solution.scored(rationalised=1.0)
