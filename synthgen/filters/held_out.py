"""Drops records that hold a held-out task."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, PrivateAttr

from synthgen.protocols import Filter, Preparation
from synthgen.records import Drop, Record, user_text
from synthgen.store.record_files import read_records
from synthgen.text import ngrams, normalize, tokenize

SPAN = 13
"""Words: the n-gram by which GPT-3's data was searched for benchmarks (arXiv:2005.14165, appendix C)."""


class HeldOut(Filter, BaseModel):
    """`contaminated` where the task is a held-out one but for case and space, or shares 13 words in a row with one."""

    model_config = ConfigDict(extra="forbid")

    paths: tuple[str, ...] = ()

    _texts: dict[str, str] = PrivateAttr(default_factory=dict)
    _spans: dict[tuple[str, ...], str] = PrivateAttr(default_factory=dict)

    def prepare(self, preparation: Preparation) -> None:
        """Reads the held-out tasks."""
        self._texts, self._spans = {}, {}
        for path in self.paths:
            self.take(read_records(path))

    def take(self, records: Iterable[Record]) -> None:
        """Takes further held-out tasks."""
        for record in records:
            self._texts[normalize(user_text(record))] = record.id
            for span in spans(user_text(record)):
                self._spans[span] = record.id

    def __call__(self, record: Record) -> Drop | None:
        """The verdict on one record."""
        nearest = self._texts.get(normalize(user_text(record)))
        if nearest is None and self._spans:
            nearest = next((self._spans[s] for s in spans(user_text(record)) if s in self._spans), None)
        return None if nearest is None else Drop("contaminated", nearest=nearest)


def spans(text: str) -> list[tuple[str, ...]]:
    """All runs of 13 words."""
    return ngrams(tokenize(text), SPAN)
