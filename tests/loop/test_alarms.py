from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from synthgen.loop.limits import alarms, is_better, repeats, worse_than_start
from synthgen.loop.measures import compared_repetition, measure
from synthgen.loop.recipe import Alarms
from synthgen.records import Record


def mixed(weights: dict[str, int], length: int = 4, kind: str | None = None) -> list[Record]:
    draw = random.Random(0)
    return [
        Record(
            instruction=f"{name} {draw.randrange(10**9)} {draw.randrange(10**9)}",
            output="x" * length,
            task_type=kind or name,
        )
        for name, count in weights.items()
        for _ in range(count)
    ]


EVEN = dict.fromkeys("abcdefgh", 25)
SKEWED = {"a": 150, "b": 30, "c": 20}
FEWER = {"a": 120, "b": 30, "c": 20}


def found(now: list[Record], generated: int, limits: Alarms | None = None, **more: Any) -> list[str]:
    first = measure(mixed(EVEN), generated=400, known=())
    return alarms(measure(now, generated=generated, known=(), like=first, **more), first, limits or Alarms())


def test_a_like_round_raises_no_alarm() -> None:
    assert found(mixed({k: 20 + i for i, k in enumerate("abcdefgh")}), 400) == []


@pytest.mark.parametrize(
    ("now", "generated", "said"),
    [
        (mixed(SKEWED), 400, ["entropy of task types fell from 3.00", "the commonest first word went from 12% to 75%"]),
        (mixed(dict.fromkeys(EVEN, 12)), 200, []),  # half as much of everything
        (mixed(dict.fromkeys(EVEN, 12)), 400, ["new texts fell from 50.0% to 24.0% of what is gen", "yield fell"]),
        (mixed(EVEN, length=2), 400, ["answers' mean length went from 4.0 to 2.0"]),
        # the same share of new tasks lost as in the next case, but no more passes
        (mixed(FEWER), 340, ["entropy of task", "the commonest"]),
        (mixed(FEWER), 250, ["entropy of task", "the commonest", "more passes while"]),
    ],
)
def test_each_alarm(now: list[Record], generated: int, said: list[str]) -> None:
    texts = found(now, generated)
    assert len(texts) == len(said), texts
    assert all(alarm.startswith(text) for alarm, text in zip(texts, said, strict=True)), texts


def test_few_records_are_no_evidence() -> None:
    assert found(mixed({"a": 20, "b": 9}), 58) == []
    assert found(mixed({"a": 21, "b": 9}), 60) != []


def test_without_task_types_their_entropy_says_nothing() -> None:
    untyped = [r.replace(task_type=None) for r in mixed(EVEN)]
    assert found(untyped, 400) == []


def test_a_student_that_passes_more_and_finds_more_new_tasks_is_not_called_collapsed() -> None:
    first = measure(mixed({k: 25 - 2 * i for i, k in enumerate("abcdefgh")}), generated=800, known=())
    now = measure(mixed({k: 120 if k in "abcd" else 12 for k in "abcdefgh"}), generated=800, known=(), like=first)
    assert now["new"] > first["new"]
    assert not any(alarm.startswith("more passes") for alarm in alarms(now, first, Alarms()))


def test_repeated_texts_are_seen_in_several_ways() -> None:
    texts = found(mixed(EVEN)[::8] * 8, 400)
    assert [text.split()[0] for text in texts] == ["new", "distinct-2", "compression", "ROUGE-L"]
    assert found(mixed(EVEN)[::8] * 8, 400, Alarms(new=0.99, distinct=0.99, compression=99, nearest=0.99)) == []


def test_answers_that_go_wrong_are_seen_by_the_tasks_of_the_seed_data() -> None:
    seeds = [Record(instruction=f"rev {i}", output=str(i)[::-1]) for i in range(10, 110)]

    def wrote(right: int) -> dict[str, Any]:
        records = [r if i < right else r.replace(output="no") for i, r in enumerate(seeds)]
        return measure(records, generated=100, known=(), seeds=seeds, written=records)

    first = wrote(80)
    assert alarms(wrote(75), first, Alarms()) == []
    assert alarms(wrote(50), first, Alarms()) == ["right answers to tasks of the seed data fell from 80% to 50%"]

    assert alarms(wrote(50), first, Alarms(), better=True) == []


def test_nothing_to_compare_with_is_no_alarm() -> None:
    nothing = measure([], generated=10, known=())
    assert alarms(nothing, nothing, Alarms()) == []


def test_rows_that_repeat_themselves_are_held_against_the_seed_data() -> None:
    seeds = mixed({"a": 300})
    assert repeats(*compared_repetition(seeds[:150], seeds), Alarms()) == []
    copies = [r.replace(output=str(i)) for i in range(10) for r in seeds[:30]]
    assert "what is trained on repeats itself" in repeats(*compared_repetition(copies, seeds), Alarms())[0]
    assert repeats(*compared_repetition(copies[:1], seeds[:1]), Alarms()) == []


def test_a_student_worse_than_that_of_round_0_beyond_noise_is_a_sign() -> None:
    start = {"correct": "10" * 100}
    assert worse_than_start(2, {"correct": "10" * 99 + "00"}, start, Alarms()) == []
    assert worse_than_start(2, {"correct": "11" * 100}, start, Alarms()) == []
    assert worse_than_start(2, {"correct": "10" * 80 + "0" * 40}, start, Alarms()) == [
        "the student of round 2 is worse than that of round 0: accuracy -10.0 points [-14.5, -6.0]"
    ]
    assert worse_than_start(2, {"correct": "10" * 80 + "0" * 40}, start, Alarms(accuracy=0.2)) == []


def test_a_student_better_than_that_of_round_0_is_so_beyond_noise() -> None:
    start = {"correct": "10" * 100}
    assert not is_better(start, start)
    assert not is_better({"correct": "10" * 99 + "11"}, start)
    assert is_better({"correct": "10" * 80 + "11" * 20}, start)


RECORDED = [json.loads(line) for line in (Path(__file__).parent / "data/collapse.jsonl").read_text().splitlines()]


def first_collapse(loop: dict[str, Any]) -> int | None:
    """The round in which the alarms stop a loop of which only the measures are left; see data/README.md."""
    limits, first = Alarms(), loop["rounds"][0]
    worse: list[str] = []
    scores = [{"correct": f"{int(text, 16):0420b}"} for text in loop["correct"]]
    for number, now in enumerate(loop["rounds"], 1):
        better = is_better(scores[number - 1], scores[0])
        signs = alarms(now, first, limits, better=better) + repeats(now["rows"], now["seeds"], limits) + worse
        worse = worse_than_start(number, scores[number], scores[0], limits)
        if len(signs + worse) >= limits.least:
            return number
    return None


def recorded(arm: str) -> list[int | None]:
    return [first_collapse(loop) for loop in RECORDED if loop["arm"] == arm]


def test_real_students_that_replace_without_a_verifier_are_stopped_by_round_2() -> None:
    assert recorded("none_replace") == [2, 2, 2, 2]


def test_real_students_that_copy_their_easy_tasks_are_stopped_by_round_2() -> None:
    # the first did not collapse: its accuracy rose, and new tasks with it
    assert recorded("verify_replace") == [None, 2, 2, 2]


@pytest.mark.parametrize("arm", ["verify", "none"])
def test_real_students_that_accumulate_raise_no_alarm(arm: str) -> None:
    assert recorded(arm) == [None] * 4
