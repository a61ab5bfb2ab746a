"""Candidates, their judge, and the pairs that are made of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from stage_parts import Scripted, Walk

from synthgen.records import Answer, Record
from synthgen.requests.request import Choice, Completion, Request
from synthgen.stages.judge import Judge, Rank
from synthgen.stages.respond import Candidates

TASK = Record(instruction="Name a sea.")


def several(*texts: str) -> Completion:
    return Completion(tuple(Choice(text) for text in texts))


def reason(record: Record) -> str | None:
    return record.drop.reason if record.drop else None


def judging(**verdicts: tuple[str, ...]) -> Scripted:
    """A judge whose votes for an answer are given by the answer's first word."""

    def judge(request: Request) -> Completion:
        shown = json.loads(str(request.messages[-1]["content"]).splitlines()[-1])
        return several(*verdicts[shown["answer"].split()[0]])

    return Scripted(judge)


def with_answers(*texts: str, **fields: Any) -> Record:
    return TASK.replace(answers=tuple(Answer(text=text) for text in texts), **fields)


def test_candidates_are_different_answers_without_scores(walk: Walk) -> None:
    teacher = Scripted(lambda request: several("Baltic", "Red Sea", "Baltic", ""))
    (found,) = walk(Candidates(count=4), teacher, [TASK])
    assert [(a.text, a.score, a.model) for a in found.answers] == [
        ("Baltic", None, "scripted-1"),
        ("Red Sea", None, "scripted-1"),
    ]
    assert (found.output, teacher.requests[0].sampling.n) == (None, 4)


def test_where_no_candidate_can_be_used_the_reason_is_theirs(walk: Walk) -> None:
    (found,) = walk(Candidates(), Scripted(Choice("Bal", "length")), [TASK])
    assert reason(found) == "truncated"


def test_the_score_is_the_mean_of_the_votes_and_what_cannot_be_read_is_missing(walk: Walk) -> None:
    teacher = judging(
        Baltic=('{"reasoning": "fine", "score": "4"}', '{"score": 5}', "On topic, and clear.\nScore: 4"),
        Red=('{"score": "2"}', "I would say it is good.", '{"score": "8/10"}'),
        Black=("no", "maybe", '{"score": "7"}'),
    )
    (found,) = walk(Judge(), teacher, [with_answers("Baltic Sea", "Red Sea", "Black Sea")])
    assert [a.score for a in found.answers] == [pytest.approx(13 / 3), 2.0, None]
    assert found.scores == {"judge": pytest.approx(13 / 3), "judge_unread": 5}
    assert len(found.provenance.requests) == 3
    assert reason(found) is None
    assert [r.sampling.n for r in teacher.requests[:3]] == [3, 3, 3]


def test_a_record_that_no_judgement_can_be_read_of_is_rejected_with_their_number(walk: Walk) -> None:
    (found,) = walk(Judge(votes=2, tries=1), judging(Baltic=("well", "hm")), [with_answers("Baltic")])
    assert found.drop is not None
    assert (found.drop.reason, found.drop.score, found.drop.detail) == (
        "unjudged",
        2,
        "none of 2 judgements could be read",
    )
    assert found.answers[0].score is None


def test_an_output_alone_is_judged_and_may_be_too_low(walk: Walk) -> None:
    teacher = judging(Mud=('{"score": "1"}',))
    (found,) = walk(Judge(votes=1, least=3), teacher, [TASK.replace(output="Mud")])
    assert found.drop is not None
    assert (found.drop.reason, found.drop.score, found.drop.limit) == ("judged_low", 1, 3)
    assert found.scores == {"judge": 1}
    assert reason(walk(Judge(votes=1), teacher, [TASK])[0]) == "unanswered"


def test_best_and_worst_make_the_pair(walk: Walk) -> None:
    answers = tuple(Answer(text=t, score=s) for t, s in [("a", 2.0), ("b", 4.0), ("c", None), ("d", 4.0), ("e", 1.5)])
    (found,) = walk(Rank(), Scripted(""), [TASK.replace(answers=answers, output="x", reasoning="y")])
    assert [(a.text, a.score) for a in found.answers] == [("b", 4.0), ("e", 1.5)]
    assert (found.output, found.reasoning) == ("b", None)


@pytest.mark.parametrize(("scores", "gap"), [((3.0, 3.0), 0), ((3.0, None), 0), ((3.0, 2.0), 1), ((), 0)])
def test_answers_between_which_nothing_chooses_are_no_pair(
    scores: tuple[float | None, ...], gap: float, walk: Walk
) -> None:
    answers = tuple(Answer(text=f"a{i}", score=score) for i, score in enumerate(scores))
    (found,) = walk(Rank(gap=gap), Scripted(""), [TASK.replace(answers=answers)])
    assert reason(found) == "no_preference"
