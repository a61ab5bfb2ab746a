from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engine_parts import go

from synthgen import assets, families
from synthgen.config import load

FAITHFUL = ("alpaca_faithful", "self_instruct_faithful")
METHODS = ("alpaca", "self_instruct")
SMALL = ["target=60", "seed=3"]


def stages(name: str) -> list[dict[str, Any]]:
    """The stages of a recipe as resolved, defaults included."""
    found = load(name).resolved["stages"]
    assert isinstance(found, list)
    return found


def stage(name: str, use: str) -> dict[str, Any]:
    return next(entry for entry in stages(name) if entry["use"] == use)


@pytest.mark.parametrize(
    "name", [n for n in assets.names("recipes") if not n.startswith("loop_") and n != "quickstart_model"]
)
def test_every_recipe_runs_to_its_target(name: str, tmp_path: Path) -> None:
    status, sink, engine = go(tmp_path / "journal.sqlite", load(name, SMALL).pipeline)
    assert status == "done"
    assert len(sink.accepted) == 60
    assert engine.progress.generated == 60 + len(sink.rejected)
    assert all(record.output is not None for record in sink.accepted)
    assert all(record.provenance.demonstrations and record.provenance.requests for record in sink.accepted)


@pytest.mark.parametrize("name", ["quickstart", *METHODS])
def test_what_the_repaired_recipes_accept_is_never_refuted(name: str, tmp_path: Path) -> None:
    _, sink, _ = go(tmp_path / "journal.sqlite", load(name, SMALL).pipeline)
    verdicts = [families.check(r.instruction, r.input, r.output or "").status for r in sink.accepted]
    assert "refuted" not in verdicts
    assert verdicts.count("proved") > 50


def test_self_instruct_shows_eight_demonstrations_two_of_them_its_own(tmp_path: Path) -> None:
    source = load("self_instruct").resolved["source"]
    assert (source["human"], source["machine"]) == (6, 2)
    _, sink, _ = go(tmp_path / "journal.sqlite", load("self_instruct", ["target=400"]).pipeline)
    shown = [record.provenance.demonstrations for record in sink.accepted]
    assert {len(demonstrations) for demonstrations in shown} == {8}
    seeds = {seed.id for seed in load("self_instruct").pipeline.source.seeds}
    own = {sum(d not in seeds for d in demonstrations) for demonstrations in shown}
    assert own == {0, 2}  # none in the first attempts, two when the pool has some


def test_classification_and_other_tasks_get_instances(tmp_path: Path) -> None:
    _, sink, _ = go(tmp_path / "journal.sqlite", load("self_instruct", SMALL).pipeline)
    assert {record.is_classification for record in sink.accepted} == {True, False}
    assert all(len(record.provenance.parents) == 1 for record in sink.accepted)
    assert len({record.instruction for record in sink.accepted}) < len(sink.accepted)


@pytest.mark.parametrize("name", METHODS)
def test_the_published_filters_are_there_with_the_published_numbers(name: str) -> None:
    length = stage(name, "length")
    assert (length["field"], length["min_words"], length["max_words"]) == ("instruction", 4, 150)
    assert stage(name, "openings")["openings"] == ["Write a program"]
    near = stage(name, "near_duplicate")
    assert (near["fields"], near["threshold"], near["rule"]) == (["instruction"], 0.7, "gt")
    assert {"non_text", "punctuation"} <= {entry["use"] for entry in stages(name)}


def test_the_published_sampling_is_in_the_recipes() -> None:
    def sampling(name: str, use: str) -> dict[str, Any]:
        return {key: value for key, value in stage(name, use)["sampling"].items() if value not in (None, {})}

    assert sampling("alpaca", "generate") == {"temperature": 1.0, "top_p": 1.0, "max_tokens": 3072}
    assert sampling("self_instruct", "generate") == {
        "temperature": 0.7,
        "top_p": 0.5,
        "presence_penalty": 2,
        "frequency_penalty": 0,
        "max_tokens": 1024,
    }
    assert sampling("self_instruct", "classify")["temperature"] == 0
    assert sampling("self_instruct", "instances")["presence_penalty"] == 1.5
    assert stage("self_instruct", "instances")["max_instances"] == 5
    assert (stage("alpaca", "generate")["count"], load("alpaca").resolved["source"]["human"]) == (20, 3)
    assert load("alpaca").resolved["source"]["machine"] == 0


@pytest.mark.parametrize("name", FAITHFUL)
def test_the_faithful_recipes_leave_no_stage_repaired(name: str) -> None:
    for entry in stages(name):
        assert entry.get("faithful", True), entry["use"]
    assert stage(name, "near_duplicate")["tokenizer"] == "rouge"
    assert stage(name, "ascii_only")


@pytest.mark.parametrize("name", ["quickstart", *METHODS])
def test_a_recipe_moves_to_a_real_server_by_two_lines(name: str, tmp_path: Path) -> None:
    text = assets.find("recipes", name).read_text(encoding="utf-8")
    moved = text.replace("  use: procedural\n", "  use: openai\n  base_url: http://localhost:8000/v1\n", 1)
    assert moved != text
    (tmp_path / "config.yaml").write_text(moved, encoding="utf-8")
    recipe = load(tmp_path / "config.yaml")
    assert type(recipe.pipeline.teachers["teacher"]).__name__ == "OpenAI"
    assert recipe.resolved["stages"] == load(name).resolved["stages"]
