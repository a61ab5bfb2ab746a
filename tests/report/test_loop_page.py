from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import pytest

from synthgen.loop.report import cost_table
from synthgen.loop.round import Round
from synthgen.report.charts import steps
from synthgen.report.loop_page import loop_page, loop_picture

START = {"round": 0, "name": "seen", "accuracy": 0.5, "low": 0.4, "high": 0.6, "verdict": "passed"}
LATER = {
    **START,
    "round": 1,
    "others": {"longer": 0.2},
    "task_types": {"up": 1.0, "<rev>": 0.0},
    "entropy": 2.5,
    "new": 30,
    "generated": 100,
    "accepted": 30,
    "rejected": {"wrong_answer": 50, "duplicate": 20},
    "verdict": "refused",
}


def drawn(*points: Mapping[str, Any]) -> ElementTree.Element:
    return ElementTree.fromstring(loop_picture("<loop>", points))


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_all_panels_are_drawn() -> None:
    root = drawn(START, LATER)
    found = texts(root)
    for text in ("Entropy of task types, bits", "New tasks kept", "What became of the texts", "wrong_answer", "<rev>"):
        assert text in found
    tips = [element.text for element in root.iter("{http://www.w3.org/2000/svg}title")]
    assert {"wrong_answer: 50", "kept: 30", "<rev>, round 1: 0.0%", "round 1: 50.0%, refused"} <= {*tips}
    marks = [c.get("fill") for c in root.iter("{http://www.w3.org/2000/svg}circle") if c.find("{*}title") is not None]
    assert marks[0] != "white" == marks[1]  # a refused student is an open mark


def test_what_there_is_none_of_is_left_out() -> None:
    assert texts(drawn(START)).count("What became of the texts") == 0
    assert not any(text.startswith(("Entropy", "Accuracy by task type")) for text in texts(drawn(START)))


def test_pieces_are_as_wide_as_their_counts() -> None:
    shapes = {}
    for group in drawn(START, LATER).iter("{http://www.w3.org/2000/svg}g"):
        title, shape = group.find("{*}title"), group.find("{*}rect")
        assert title is not None
        assert shape is not None
        shapes[title.text] = float(shape.get("width") or 0)
    assert shapes["wrong_answer: 50"] + 1 == pytest.approx(2.5 * (shapes["duplicate: 20"] + 1), rel=0.01)


def test_rare_reasons_share_a_colour() -> None:
    many = {f"reason_{i}": 10 - i for i in range(10)}
    found = texts(drawn(START, {**LATER, "rejected": many, "generated": 30 + sum(many.values())}))
    assert "others" in found
    assert "reason_9" not in found
    assert "reason_2" in found


@pytest.mark.parametrize(
    ("most", "whole", "found"), [(0.49, False, (0.5, 0.1)), (3.8, False, (4, 1)), (1396, True, (1500, 500))]
)
def test_axes_end_at_round_numbers(most: float, whole: bool, found: tuple[float, float]) -> None:
    assert steps(most, whole=whole) == pytest.approx(found)


@pytest.mark.parametrize("most", [0.0, 1e-7, 0.03, 1.0, 2.0, 7.3, 99.0, 1e6])
def test_every_value_lies_below_the_axis_end(most: float) -> None:
    for whole in (False, True):
        top, step = steps(most, whole=whole)
        assert top >= most
        assert top / step == pytest.approx(round(top / step))
        assert 1 <= round(top / step) <= 5
        assert not whole or step == int(step)


def test_the_page_escapes_what_models_and_users_wrote() -> None:
    bad = "<script>alert(1)</script>"
    found = loop_page(bad, bad, [START, {**LATER, "task_types": {bad: 1.0, "up": 0.0}}], {"Rounds": [bad]})
    assert "<script>" not in found
    assert "http://" not in found.replace("http://www.w3.org/2000/svg", "")
    assert found.count("alert(1)") >= 5


def test_costs_are_summed_and_a_round_that_bought_nothing_has_none() -> None:
    bought = {"requests": 10, "tokens": 2000, "usd": 0.5}
    rounds = [Round(0), Round(1, generation=bought, measures={"new": 40}), Round(2, generation=bought)]
    lines = cost_table(rounds, [{"train": 2.0}, {"generate": 1.5, "train": 2.0}, {}])
    assert " ".join(lines[0].split()) == "round requests tokens usd new per 1,000 tokens train s generate s all s"
    assert lines[1].split() == ["0", "2.0", "2.0"]
    assert lines[2].split() == ["1", "10", "2,000", "0.5", "20.0", "2.0", "1.5", "3.5"]
    assert lines[-1].split() == ["all", "20", "4,000", "1", "10.0", "4.0", "1.5", "5.5"]
    assert cost_table([Round(0)], [{}])[-1].split() == ["all", "0", "0", "0.0"]
