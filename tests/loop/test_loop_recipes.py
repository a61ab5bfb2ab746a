from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from synthgen import assets, families
from synthgen.cli.app import app
from synthgen.errors import ConfigError
from synthgen.loop import load, run_loop
from synthgen.loop.measures import answer_check
from synthgen.loop.recipe import longest
from synthgen.records import Record
from synthgen.store.record_files import accepted_records, read_records, write_records
from synthgen.task_sets.families import tasks


@pytest.mark.parametrize("name", [n for n in assets.names("recipes") if n.startswith("loop_")])
def test_every_shipped_loop_can_be_built(name: str, tmp_path: Path) -> None:
    recipe = load(name)
    assert callable(recipe.trainer(0))
    kept, left_out = recipe.seed_data()
    write_records(tmp_path / "known.jsonl", kept)
    for number in range(1, 2 + longest(recipe.config.model_dump())):
        pipeline = recipe.generation(number, str(tmp_path), tmp_path / "known.jsonl", []).pipeline
        labels = [label for label, _ in pipeline.stages]
        assert labels[-1] == "HeldOut"
        assert labels[:-1] == [str(stage["use"]).rpartition(":")[2] for stage in recipe.config.generate.stages]  # type: ignore[union-attr]
    held_out = {(r.instruction, r.input) for name in recipe.config.held_out for r in recipe.records(name)}
    assert len(kept) + left_out == len(recipe.records("seeds"))
    assert held_out
    assert not held_out & {(r.instruction, r.input) for r in kept}


def test_seed_data_that_is_held_out_is_left_out_and_counted(make_loop: Callable[..., Path], tmp_path: Path) -> None:
    rows = [Record(instruction=f"rev {word}", output=word[::-1]) for word in ("abc", "abd", "abe")]
    write_records(tmp_path / "seeds.jsonl", rows)
    write_records(tmp_path / "held.jsonl", rows[1:2])
    path = make_loop(seeds="seeds.jsonl", held_out={"seen": "held.jsonl"}, generate=None)
    said: list[str] = []
    report = run_loop(load(path, ["stop.rounds=0"]), tmp_path / "out", say=said.append)
    assert said[0].startswith("1 records of the seed data are held out")
    assert report.rounds[0].training["rows"] == 2
    with pytest.raises(ConfigError, match="all of it is in the held-out sets"):
        load(make_loop(seeds="held.jsonl", held_out={"seen": "held.jsonl"})).seed_data()


def test_answers_may_be_checked_by_a_filter() -> None:
    right = answer_check(load("loop_lora"))
    task = Record(instruction="What is 3 + 4?", output="The answer is not said.")
    assert [right(task.replace(output=text), "7") for text in ("7.", "8", "I do not know")] == [True, False, False]
    exact = answer_check(load("loop_quickstart"))
    assert [exact(task.replace(output=text), "7") for text in (" 7\n", "7.")] == [True, False]


def test_tasks_of_families_are_proved_and_none_comes_twice() -> None:
    made = tasks(seed=3, per_family=2)
    assert len({(r.instruction, r.input) for r in made}) == len(made) == 2 * len(families.FAMILIES)
    assert all(families.check(r.instruction, r.input, r.output or "").status == "proved" for r in made[:40])
    with pytest.raises(ConfigError, match="no family 'divisor'"):
        tasks(seed=0, families=["divisor"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rounds": 3}, "rounds"),
        ({"stop": {"rounds": -1}}, "stop.rounds"),
        ({"held_out": {}}, "held_out"),
        ({"held_out": {"a/b": {"use": "drills"}}}, "is no name"),
        ({"init": "last"}, "init"),
    ],
)
def test_wrong_keys_are_named(changes: dict[str, object], message: str, make_loop: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match=message):
        load(make_loop(**changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": {"use": "smal"}}, "there is no trainer 'smal'"),
        ({"seeds": {"use": "drills", "families": ["dance"]}}, "no family 'dance'"),
        ({"seeds": {"use": "drills", "amount": 3}}, "amount"),
        ({"seeds": "nothing.jsonl"}, "nothing.jsonl"),
        ({"generate": {"stages": [{"use": "pre_quary"}]}}, "pre_quary"),
    ],
)
def test_what_cannot_work_is_said_before_round_0(
    changes: dict[str, object], message: str, make_loop: Callable[..., Path], tmp_path: Path
) -> None:
    result = CliRunner().invoke(app, ["loop", str(make_loop(**changes)), "--out", str(tmp_path / "out")])
    assert isinstance(result.exception, ConfigError)
    assert message in str(result.exception)
    assert not (tmp_path / "out/rounds/0/train.json").exists()


def test_the_commands_end_with_the_numbers(make_loop: Callable[..., Path], tmp_path: Path) -> None:
    path = str(make_loop())
    run = CliRunner().invoke(app, ["loop", path, "--out", str(tmp_path / "out"), "--set", "stop.rounds=1", "--json"])
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["status"] == "done"
    options = ["--drop", "near_duplicate", "--seeds", "1", "--out", str(tmp_path / "ablation")]
    run = CliRunner().invoke(app, ["ablate", path, *options])
    assert run.exit_code == 0, run.output
    assert "with near_duplicate against random" in run.stdout


def test_a_loop_that_falls_short_says_so_in_its_exit_code(make_loop: Callable[..., Path], tmp_path: Path) -> None:
    path = make_loop(train={"use": "./parts.py:train", "gain": -0.19})
    run = CliRunner().invoke(app, ["loop", str(path), "--out", str(tmp_path / "out")])
    assert run.exit_code == 3
    assert "below some competence" in run.stdout


def test_a_fixed_teacher_writes_instructions_after_peoples_examples(
    make_loop: Callable[..., Path], tmp_path: Path
) -> None:
    parts = make_loop().parent / "parts.py"
    settings = [
        f"student={{use: '{parts}:Student'}}",
        f"train={{use: '{parts}:train'}}",
        "held_out={seen: {use: drills, per_family: 5}}",
        "evaluate.check=null",
        "generate.teacher={use: procedural}",
        "generate.target=30",
        "stop={rounds: 2}",
    ]
    report = run_loop(load("loop_self_instruct", settings), tmp_path / "out", say=lambda line: None)
    seeds = {r.id for r in read_records(tmp_path / "out/seeds.jsonl")}
    assert not any(r.history or r.tools for r in read_records(tmp_path / "out/seeds.jsonl"))
    first, second = (accepted_records(tmp_path / f"out/rounds/{k}/generate") for k in (1, 2))
    assert len(first) == len(second) == 30
    assert all(r.output and r.provenance.model and "procedural" in r.provenance.model for r in first)
    assert {d for r in first for d in r.provenance.demonstrations} & seeds
    assert not {r.instruction for r in first} & {r.instruction for r in second}
    assert report.rounds[2].training["earlier_rows"] == 30
