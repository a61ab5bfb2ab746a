from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from synthgen.store import RunReport, StageFlow, TeacherFacts


def test_the_counts_come_first_and_in_is_called_in() -> None:
    report = RunReport(
        generated=3,
        accepted=1,
        rejected=2,
        status="done",
        funnel=(StageFlow(stage="length", entered=3, dropped={"too_short": 2}),),
        teachers={"teacher": TeacherFacts(model="m", sampling={"top_p": 0.5})},
    )
    data = json.loads(report.to_json())
    assert list(data)[:3] == ["generated", "accepted", "rejected"]
    assert data["funnel"] == [{"stage": "length", "in": 3, "new": 0, "dropped": {"too_short": 2}}]
    assert RunReport.model_validate(data) == report


def test_a_record_that_is_unaccounted_for_is_an_error() -> None:
    with pytest.raises(ValidationError, match="4 records generated, but 1 accepted and 2 rejected"):
        RunReport(generated=4, accepted=1, rejected=2, status="done")


def test_an_unknown_status_is_an_error() -> None:
    with pytest.raises(ValidationError, match="status"):
        RunReport.model_validate({"generated": 0, "accepted": 0, "rejected": 0, "status": "fine"})
