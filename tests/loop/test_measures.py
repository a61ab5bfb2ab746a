from __future__ import annotations

import random

import pytest

from synthgen.loop.measures import (
    compared_repetition,
    distinct,
    entropy,
    half_of_words,
    known_answers,
    measure,
    nearest,
    repetition,
    share,
)
from synthgen.records import Record
from synthgen.text import normalize


def mixed(weights: dict[str, int], *, draw: random.Random | None = None) -> list[Record]:
    draw = draw or random.Random(0)
    return [
        Record(instruction=f"{kind} {draw.randrange(10**9)} {draw.randrange(10**9)}", output="xxxx", task_type=kind)
        for kind, count in weights.items()
        for _ in range(count)
    ]


def test_entropy_and_distinct_pairs() -> None:
    assert entropy([5, 5, 5, 5]) == 2.0
    assert entropy([7]) == entropy([]) == 0.0
    assert distinct([["a", "b", "a", "b"]], 100) == 2 / 3
    assert distinct([["a", "b"], ["b", "a"], ["a", "b"]], 4) == 1.0  # the third text is over the budget


def test_the_figures_of_a_round() -> None:
    records = mixed(dict.fromkeys("abcdefgh", 25))
    known = {records[0].instruction, records[1].instruction}
    found = measure(records, generated=400, known=known)
    assert (found["yield"], found["new"], found["new_share"], found["new_of_kept"]) == (0.5, 198, 0.495, 0.99)
    assert (found["entropy"], found["opening_share"], found["length"], found["typed"]) == (3.0, 0.125, 4.0, 1.0)
    assert found["openings"][0] == ["a", 0.125]
    low, high = found["intervals"]["yield"]
    assert 0.44 < low < 0.46 < 0.54 < high < 0.56
    assert found["intervals"]["entropy"][0] < 3.0


def test_nothing_accepted_has_measures_too() -> None:
    found = measure([], generated=10, known=())
    assert (found["records"], found["yield"], found["entropy"], found["distinct_2"]) == (0, 0.0, 0.0, None)
    assert measure([], generated=0, known=())["intervals"]["yield"] == [0.0, 1.0]


def test_a_larger_round_is_measured_on_as_many_words_as_the_first_one() -> None:
    draw = random.Random(3)
    words = [f"w{draw.randrange(40)} w{draw.randrange(40)}" for _ in range(4000)]
    small, large = ([Record(instruction=w, output="x") for w in words[:n]] for n in (400, 4000))
    first = measure(small, generated=400, known=())
    alike, alone = measure(large, generated=4000, known=(), like=first), measure(large, generated=4000, known=())
    low, high = first["intervals"]["distinct_2"]
    assert low < alike["distinct_2"] < high  # the same source of texts
    assert alone["distinct_2"] < low  # 1,600 pairs of words in 8,000 words
    assert measure(small[:100], generated=100, known=(), like=first)["distinct_2"] is None  # too little to compare


def test_the_spread_of_random_halves_is_that_of_samples() -> None:
    draw = random.Random(1)

    def sample() -> list[str]:
        return [f"w{draw.randrange(30)} w{draw.randrange(30)}" for _ in range(300)]

    samples = [sample() for _ in range(40)]
    found = [repetition(texts, half_of_words(texts))["distinct_2"] for texts in samples]
    means = [value[0] for value in found if value]
    centre = sum(means) / len(means)
    spread = (sum((v - centre) ** 2 for v in means) / len(means)) ** 0.5
    said = sum((value[1][1] - value[1][0]) / (2 * 1.96) for value in found if value) / len(found)
    assert 0.5 < said / spread < 2


def test_the_nearest_task_is_looked_for_among_the_seed_data_and_those_before() -> None:
    tasks = ["name three large lakes", "sing a b c d"]
    found = [nearest(tasks, ["name three large seas"], 2), nearest(tasks, [], 2), nearest(tasks * 2, tasks, 4)]
    assert [value[0] for value in found if value] == pytest.approx([(0.75 + 0.3) / 2, 0.3, 1.0])


def test_answers_to_tasks_of_the_seed_data_are_looked_up() -> None:
    seeds = [Record(instruction="rev abc", output="cba"), Record(instruction="up a", output="A")]
    written = [
        Record(instruction="Rev  abc", output=" cba"),
        Record(instruction="rev abc", output="abc"),
        Record(instruction="up b", output="B"),
        Record(instruction="up a"),
    ]
    assert known_answers(written, seeds) == (2, 1)
    found = measure(written, generated=4, known=(), seeds=seeds, written=written)
    assert (found["known_asked"], found["known_right"]) == (2, 0.5)
    assert measure(written, generated=4, known=())["known_right"] is None


def test_rows_and_seed_data_are_measured_on_equally_many_words() -> None:
    seeds = mixed({"a": 300})
    rows, human = compared_repetition([*seeds, *seeds], seeds)
    assert rows["distinct_2"] == human["distinct_2"]  # repeated to hold its share: the same rows
    copies = [r.replace(output="y") for r in seeds[:30]]
    rows, human = compared_repetition([c.replace(output=str(i)) for i in range(10) for c in copies], seeds)
    assert rows["distinct_2"] < 0.3 < human["distinct_2"]
    assert rows["compression"] > 1.5 * human["compression"]


@pytest.mark.parametrize(("hits", "of"), [(0, 10), (10, 10), (3, 7)])
def test_the_interval_of_a_share_holds_it(hits: int, of: int) -> None:
    value, (low, high) = share(hits, of)
    assert 0 <= low <= value <= high <= 1
    assert low < high


def test_of_given_tasks_the_solutions_are_looked_at() -> None:
    steps = [Record(instruction="What is 3 + 4?", reasoning=f"step {word}", output="7") for word in "abcd"]
    known = {normalize(f"What is 3 + 4?\nstep {word}\n7") for word in "ab"}
    found = measure(steps, generated=8, known=known, look_at="solutions")
    assert (found["new"], found["new_share"], found["openings"]) == (2, 0.25, [["step", 1.0]])
    assert measure(steps, generated=8, known={"what is 3 + 4?"})["new"] == 0
