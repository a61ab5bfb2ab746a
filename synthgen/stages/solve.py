"""The stage that has tasks with known answers solved anew, and keeps the solutions that come to the right answer."""

from __future__ import annotations

import asyncio
from itertools import chain
from typing import ClassVar, Literal

from pydantic import Field

from synthgen import families
from synthgen.forms.reply_problems import choices_of
from synthgen.prompting.answering import Answering
from synthgen.protocols import Context
from synthgen.records import Record
from synthgen.requests.request import Completion
from synthgen.text import normalize


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

    samples: int = Field(1, ge=1)
    right: Literal["equal", "program"] = "equal"
    distinct: bool = True
    rationalise: bool = False
    prompt_settings: ClassVar[tuple[str, ...]] = ("prompt", "hint")

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
