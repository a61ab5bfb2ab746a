"""Filters against answers that are wrong, repeat what was given, or contradict another answer."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import Literal

from pydantic import BaseModel, ConfigDict, PrivateAttr

from synthgen import families
from synthgen.protocols import Context, Preparation, Stage
from synthgen.records import Drop, Record


def input_equals_output(record: Record) -> Drop | None:
    """`input_equals_output` or `output_repeats_instruction`, compared without the white space at the ends.

    Case counts: `lower the case of …` may change nothing else.
    """
    output = (record.output or "").strip()
    if not output:
        return None
    if output == record.input.strip():
        return Drop("input_equals_output")
    if output == record.instruction.strip():
        return Drop("output_repeats_instruction")
    return None


def verify(record: Record, *, unrecognised: Literal["keep", "drop"] = "keep") -> Drop | None:
    """`wrong_answer` where a program finds another answer than the record's.

    Programs know the narrow families of `synthgen.families`. Every other record, and an answer that is neither proved
    nor refuted or not there yet, is kept; with `unrecognised: drop` it is dropped as `unproved`, or as `unanswered`
    where there is none. A record with earlier turns or tools is never recognised: they may change what is asked.
    """
    if record.output is None:
        return Drop("unanswered") if unrecognised == "drop" else None
    if record.history or record.tools:
        return _unproved("there are earlier turns or tools") if unrecognised == "drop" else None
    verdict = families.check(record.instruction, record.input, record.output)
    if verdict.status == "refuted":
        return Drop("wrong_answer", detail=f"{verdict.family}: expected {verdict.expected}")
    if verdict.status == "unknown" and unrecognised == "drop":
        return _unproved(verdict.reason)
    return None


def _unproved(why: str) -> Drop:
    return Drop("unproved", detail=why)


class ConflictingOutputs(Stage, BaseModel):
    """`conflicting_output` for another answer to the same instruction and input, `duplicate_instance` for the same one.

    The first record that comes here stays, over all attempts, whichever answer is right: put it behind whatever checks
    answers. Instructions without an input may have many answers (`write a poem`), so only repetitions are dropped.
    Texts are compared without regard to white space. `nearest` is the id of the record that stayed.

    `faithful` is Self-Instruct's rule (arXiv 2212.10560): within one attempt, an instruction that has two outputs for
    one non-empty input loses all its instances, those of other inputs too.
    """

    model_config = ConfigDict(extra="forbid")

    faithful: bool = False

    _kept: dict[int, tuple[str, int]] = PrivateAttr(default_factory=dict)

    @property
    def ordered(self) -> bool:
        """Whether earlier attempts count."""
        return not self.faithful

    def prepare(self, preparation: Preparation) -> None:
        """Forgets all that it has seen."""
        self._kept = {}

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The records, those that conflict or repeat marked as dropped; ones without an output are kept."""
        out = _drop_instructions(records) if self.faithful else records
        kept = {} if self.faithful else self._kept
        return [record if record.drop else self._judge(record, kept) for record in out]

    def _judge(self, record: Record, kept: dict[int, tuple[str, int]]) -> Record:
        if record.output is None:
            return record
        output = " ".join(record.output.split())
        answer = _hash(output)
        key = _hash(*_task(record), "" if record.input.strip() else output)
        first, its_answer = kept.setdefault(key, (record.id, answer))
        if first == record.id:
            return record
        return record.dropped("duplicate_instance" if answer == its_answer else "conflicting_output", nearest=first)


def _drop_instructions(records: list[Record]) -> list[Record]:
    answers: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for record in records:
        if record.output is not None and record.input.strip():
            answers[tuple(_task(record))].add(" ".join(record.output.split()))
    conflicting = {task[:-1] for task, outputs in answers.items() if len(outputs) > 1}
    return [
        record.dropped("conflicting_output") if tuple(_task(record))[:-1] in conflicting else record
        for record in records
    ]


def _task(record: Record) -> list[str]:
    history = "\n".join(f"{turn.role}: {turn.content}" for turn in record.history)
    return [" ".join(text.split()) for text in (record.system, history, record.instruction, record.input)]


def _hash(*texts: str) -> int:
    """64 bits, so that a million records take 0.2 GB and two of them meet by chance once in 40 million datasets."""
    digest = hashlib.blake2b(digest_size=8)
    for text in texts:
        digest.update(f"{len(text)}:{text}".encode())
    return int.from_bytes(digest.digest(), "big")
