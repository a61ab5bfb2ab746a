from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import ValidationError

from synthgen.protocols import Context
from synthgen.records import Record
from synthgen.requests.request import Choice, Completion
from synthgen.stages.respond import Majority


def voted(stage: Majority, record: Record, *texts: str, cut: int = 0) -> tuple[Record, dict[str, Any]]:
    asked: dict[str, Any] = {}

    async def ask(messages: Any, **options: Any) -> Completion:
        asked.update(options, messages=messages)
        choices = [Choice(t, "length" if i < cut else "stop") for i, t in enumerate(texts)]
        return Completion(tuple(choices), model="m", key="k")

    ctx = cast(Context, SimpleNamespace(ask=ask))
    return asyncio.run(stage.run([record], ctx))[0], asked


TASK = Record(instruction="Name a sea.", output="No.")


def test_the_answer_that_most_agree_on_is_kept_in_its_first_form() -> None:
    record, asked = voted(Majority(least=3), TASK, "Baltic", " baltic\n", "North Sea", "BALTIC", "Red Sea")
    assert (record.drop, record.output) == (None, "Baltic")
    assert [(a.text, a.score) for a in record.answers] == [("Baltic", 0.6), ("North Sea", 0.2), ("Red Sea", 0.2)]
    assert (asked["sampling"].n, record.provenance.requests) == (5, ("k",))
    assert asked["messages"] == [{"role": "user", "content": "Name a sea."}]


def test_too_little_agreement_drops_the_record_with_the_count() -> None:
    record, _ = voted(Majority(), TASK, "a", "a", "a", "b", "c")
    assert record.drop is not None
    assert (record.drop.reason, record.drop.score, record.drop.limit) == ("no_majority", 3, 4)


def test_cut_and_empty_answers_are_no_votes() -> None:
    record, _ = voted(Majority(least=2), TASK, "a", "a", "b", "", "b", cut=2)
    assert record.output == "b"


def test_where_no_answer_can_be_used_the_reason_is_theirs() -> None:
    nothing, asked = voted(Majority(least=1, tries=2), TASK, "", "")
    assert nothing.drop is not None
    assert (nothing.drop.reason, asked["tries"]) == ("empty_reply", 2)
    cut, _ = voted(Majority(least=1), TASK, "Bal", cut=1)
    assert cut.drop is not None
    assert cut.drop.reason == "truncated"


def test_the_records_own_answer_may_count() -> None:
    record, _ = voted(Majority(votes=2, least=3, own=True), TASK, "no.", "NO.")
    assert record.output == "No."
    assert record.answers[0].score == 1.0


def test_more_agreement_than_answers_is_refused() -> None:
    with pytest.raises(ValidationError, match="6 of 5 answers cannot agree"):
        Majority(least=6)
    assert Majority(least=6, own=True).least == 6
