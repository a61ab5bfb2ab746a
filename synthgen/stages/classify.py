"""The stage that finds out which tasks are classification, so that their instances are made label first."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from synthgen.forms import LABEL, YES_NO, asking
from synthgen.forms.reply_problems import choices_of
from synthgen.prompting.stage import Faithful, read_choice, why_dropped
from synthgen.protocols import Context
from synthgen.records import Record
from synthgen.requests.request import Sampling

PUBLISHED = Sampling(temperature=0, max_tokens=3, stop=("\n", "Task"))
"""Self-Instruct's sampling for this question (arXiv:2212.10560)."""


class Classify(Faithful):
    """Fills in `is_classification` where it is not known. The template gets `instruction`, `reply` and `faithful`.

    An unreadable reply drops the record (`malformed`, `empty_reply`, `refused`, `truncated`, `context_length`); with
    `faithful: true` everything but Yes, yes and YES means no.
    """

    prompt_settings: ClassVar[tuple[str, ...]] = ("prompt",)

    prompt: str = "self_instruct/classify"

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The same records."""
        return await asyncio.gather(*(self._classify(record, ctx) for record in records))

    async def _classify(self, record: Record, ctx: Context) -> Record:
        if record.is_classification is not None:
            return record
        form = YES_NO if self.faithful else LABEL
        prompt = self._render(self.prompt, instruction=record.instruction, reply=asking(form), faithful=self.faithful)
        if self.faithful:
            completion = await self.ask_faithfully(PUBLISHED, prompt, ctx)
            parsed = YES_NO.parse(choices_of(completion)[0].text or "")
        else:
            completion = await self.ask_for(LABEL, prompt, ctx)
            parsed = read_choice(LABEL, choices_of(completion)[0])
        record = record.replace(provenance=self.credit(record, completion))
        if not parsed.items:
            piece = parsed.broken[0]
            return record.dropped(piece.reason, detail=f"{why_dropped(piece, parsed, completion)}: {piece.text}")
        return record.replace(is_classification=parsed.items[-1]["label"] == "yes")
