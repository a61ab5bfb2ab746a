from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synthgen.errors import ConfigError, SynthgenError
from synthgen.loop import load, run_loop
from synthgen.loop.recipe import longest, of_round
from synthgen.store.record_files import accepted_records

VALUE = {"a": [1, {"by_round": [2, {"x": 3}]}], "b": {"by_round": ["one", "two", "three"]}}


def test_each_round_has_its_own_values_and_the_last_ones_stay() -> None:
    assert [of_round(VALUE, number) for number in (0, 1, 2, 3, 9)] == [
        {"a": [1, 2], "b": "one"},
        {"a": [1, 2], "b": "one"},
        {"a": [1, {"x": 3}], "b": "two"},
        {"a": [1, {"x": 3}], "b": "three"},
        {"a": [1, {"x": 3}], "b": "three"},
    ]
    assert (longest(VALUE), longest({"a": [1]}), longest(None)) == (3, 1, 1)


@pytest.mark.parametrize("wrong", [{"by_round": []}, {"by_round": 3}, {"by_round": [1], "use": "x"}])
def test_anything_but_a_list_of_values_alone_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="no list of values alone"):
        of_round({"most": wrong}, 1)


def curriculum(**tasks: Any) -> dict[str, Any]:
    made = {"use": "drills", "per_family": 20, "families": ["rev", "swap"], "split": "longer"}
    source = {"use": "tasks", "of": made, "by": "longest_word", "chunk": 10, **tasks}
    return {"teacher": "student", "source": source, "stages": [{"use": "respond"}]}


def words(folder: Path) -> set[int]:
    return {len(record.instruction.split()[1]) for record in accepted_records(folder)}


def test_a_loop_goes_from_easy_to_hard(make_loop: Callable[..., Path], tmp_path: Path) -> None:
    source = curriculum(most={"by_round": [6, 7]}, least={"by_round": [6, 7]})
    train = {"use": "./parts.py:train", "gain": {"by_round": [0.3, 0.1]}}
    path = make_loop(generate=source, train=train, stop={"rounds": 2, "least_yield": 0})
    run_loop(load(path), tmp_path / "out", say=lambda line: None)
    assert [words(tmp_path / "out/rounds" / k / "generate") for k in "12"] == [{6}, {7}]
    skills = [json.loads((tmp_path / f"out/rounds/{k}/student/config.json").read_text())["skill"] for k in range(3)]
    assert [round(skill, 1) for skill in skills] == [0.5, 0.8, 0.9]


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ({"most": {"by_round": [6, "seven"]}}, "most"),
        ({"least": {"by_round": [6, 40]}}, "no task has 40"),
        ({"of": "nothing.jsonl"}, "there is no such file"),
        ({"of": {"use": "drils"}}, "drils"),
    ],
)
def test_a_later_rounds_mistake_is_found_before_round_0(
    tasks: dict[str, Any], message: str, make_loop: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_loop(generate=curriculum(**tasks))
    with pytest.raises(SynthgenError, match=message):
        run_loop(load(path), tmp_path / "out", say=lambda line: None)
    assert not (tmp_path / "out/rounds/0/train.json").exists()


def test_tasks_may_come_from_a_file_beside_the_recipe(make_loop: Callable[..., Path], tmp_path: Path) -> None:
    lines = [{"instruction": f"rev {word}", "output": word[::-1]} for word in ("abc", "abcd", "abcde")]
    (tmp_path / "known.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    recipe = load(make_loop(generate=curriculum(of="known.jsonl", least=4)))
    made = recipe.generation(1, "x", tmp_path / "k.jsonl", [])
    draw = made.pipeline.source.draw(0, None, None)  # type: ignore[arg-type]
    assert draw is not None
    assert [r.instruction for r in draw.records] == ["rev abcd", "rev abcde"]
    assert made.pipeline.source.draw(1, None, None) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("changed", ["tasks", "prompts"])
def test_known_answers_and_prompts_are_pinned(changed: str, make_loop: Callable[..., Path], tmp_path: Path) -> None:
    rows = [{"instruction": f"rev {word}", "output": word[::-1]} for word in ("abc", "abcd")]
    (tmp_path / "known.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "hint.j2").write_text("{{ instruction }}{{ input }}{{ answer }}{{ reply }}")
    solve = {"use": "solve", "rationalise": True, "hint": "./hint.j2"}
    path = make_loop(generate={**curriculum(of="known.jsonl"), "stages": [solve]})
    run_loop(load(path, ["stop.rounds=0"]), tmp_path / "out", say=lambda line: None)
    with (tmp_path / ("known.jsonl" if changed == "tasks" else "hint.j2")).open("a") as file:
        file.write('{"instruction": "rev ab", "output": "ab"}\n' if changed == "tasks" else "!")
    with pytest.raises(ConfigError, match=f"has changed since the loop began: .*{changed}"):
        run_loop(load(path, ["stop.rounds=0"]), tmp_path / "out", say=lambda line: None)
