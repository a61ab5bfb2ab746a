from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from synthgen import assets
from synthgen.engine.ordering import View
from synthgen.errors import SeedError
from synthgen.protocols import Source
from synthgen.records import Record
from synthgen.sources.seeds import Seeds

MACHINE = [Record(id=f"m{i}", instruction=f"machine made task number {i}") for i in range(20)]


def make(base: Path, **settings: Any) -> Seeds:
    return Seeds.model_validate(settings, context={"base": base})


def file(path: Path, count: int = 12, **fields: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    rows = [{"id": f"{path.stem}{i}", "instruction": f"{path.stem} {i}", **fields} for i in range(count)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def ids(source: Seeds, machine: list[Record] = MACHINE, seed: int = 0) -> list[str]:
    draw = source.draw(0, View(source.seeds, machine), random.Random(seed))
    assert not draw.records
    return [r.id for r in draw.demonstrations]


def test_human_and_machine_made_demonstrations_shuffled(tmp_path: Path) -> None:
    file(tmp_path / "a.jsonl")
    source = make(tmp_path, path="a.jsonl", human=6, machine=2)
    typed: Source = source
    assert typed.reads_pool
    places = Counter()
    for seed in range(200):
        drawn = ids(source, seed=seed)
        assert len(set(drawn)) == 8
        assert sum(id.startswith("m") for id in drawn) == 2
        places.update(i for i, id in enumerate(drawn) if id.startswith("m"))
    assert set(places) == set(range(8))
    assert ids(source, seed=1) == ids(source, seed=1)


def test_seed_tasks_stand_in_for_missing_machine_made_ones(tmp_path: Path) -> None:
    file(tmp_path / "a.jsonl")
    source = make(tmp_path, path="a.jsonl", human=6, machine=2)
    assert [sum(id.startswith("m") for id in ids(source, MACHINE[:n])) for n in (0, 1, 2)] == [0, 1, 2]
    assert {len(ids(source, MACHINE[:n])) for n in (0, 1, 2)} == {8}


def test_without_machine_made_ones_the_pool_is_not_read(tmp_path: Path) -> None:
    file(tmp_path / "a.jsonl")
    source = make(tmp_path, path="a.jsonl", human=3, machine=0)
    assert not source.reads_pool
    assert not any(id.startswith("m") for id in ids(source))


def test_few_seed_tasks_are_all_shown(tmp_path: Path) -> None:
    file(tmp_path / "a.jsonl", count=2)
    assert sorted(ids(make(tmp_path, path="a.jsonl", human=6, machine=0))) == ["a0", "a1"]


def test_every_seed_task_has_the_same_chance(tmp_path: Path) -> None:
    file(tmp_path / "a.jsonl", count=4)
    source = make(tmp_path, path="a.jsonl", human=1, machine=0)
    counts = Counter(ids(source, seed=seed)[0] for seed in range(4000))
    assert all(900 < counts[f"a{i}"] < 1100 for i in range(4))


def test_by_gives_every_task_type_the_same_chance(tmp_path: Path) -> None:
    file(tmp_path / "s" / "big.jsonl", count=90, task_type="big")
    file(tmp_path / "s" / "small.jsonl", count=3, task_type="small")
    file(tmp_path / "s" / "none.jsonl", count=1)
    balanced = make(tmp_path, path="s", human=3, machine=0, by="task_type")
    for seed in range(50):
        assert sorted(id.rstrip("0123456789") for id in ids(balanced, seed=seed)) == ["big", "none", "small"]
    one = make(tmp_path, path="s", human=1, machine=0, by="task_type")
    counts = Counter(ids(one, seed=seed)[0].rstrip("0123456789") for seed in range(3000))
    assert all(900 < counts[name] < 1100 for name in ("big", "small", "none"))
    many = make(tmp_path, path="s", human=10, machine=0, by="task_type")
    assert Counter(id.rstrip("0123456789") for id in ids(many)) == {"big": 6, "small": 3, "none": 1}


def test_where_picks_seed_tasks(tmp_path: Path) -> None:
    file(tmp_path / "s" / "en.jsonl", language="en", is_classification=True)
    file(tmp_path / "s" / "de.jsonl", language="de", is_classification=False)
    file(tmp_path / "s" / "fr.jsonl", language="fr")
    assert {r.language for r in make(tmp_path, path="s", where={"language": "en"}).seeds} == {"en"}
    assert {r.language for r in make(tmp_path, path="s", where={"language": ["en", "fr"]}).seeds} == {"en", "fr"}
    assert {r.language for r in make(tmp_path, path="s", where={"is_classification": True}).seeds} == {"en"}
    with pytest.raises(SeedError, match="no seed task is left"):
        make(tmp_path, path="s", where={"language": "it"})


def test_novelty_shows_rare_tasks_more_often(tmp_path: Path) -> None:
    file(tmp_path / "a.jsonl")
    rare = Record(id="rare", instruction="whistle a tune beneath old oaks")
    pool = [*MACHINE, rare]
    plain = make(tmp_path, path="a.jsonl", human=1, machine=2)
    weighted = make(tmp_path, path="a.jsonl", human=1, machine=2, novelty_weighted=True)
    shown = [sum("rare" in ids(source, pool, seed) for seed in range(300)) for source in (plain, weighted)]
    assert shown[1] > 2 * shown[0]
    drawn = ids(weighted, MACHINE[:2])
    assert len(set(drawn)) == 3
    assert ids(weighted, [], 0) == ids(plain, [], 0)


def test_shipped_seed_tasks(tmp_path: Path) -> None:
    everything = make(tmp_path)
    assert len(everything.seeds) >= 200
    assert {f.parent for f in everything.files} == {assets.folder("seeds")}
    coding = make(tmp_path, path="coding")
    assert {r.task_type for r in coding.seeds} == {"coding"}
    assert coding.seeds[0].provenance.source == "seeds/coding.jsonl:1"


def test_several_paths_beside_the_config(tmp_path: Path) -> None:
    file(tmp_path / "a.jsonl", count=1)
    file(tmp_path / "more" / "b.jsonl", count=1)
    source = make(tmp_path, path=["a.jsonl", "more"])
    assert [(r.id, r.provenance.source) for r in source.seeds] == [("a0", "a.jsonl:1"), ("b0", "more/b.jsonl:1")]


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match=r"no seed file 'gone.jsonl'"):
        make(tmp_path, path="gone.jsonl")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SeedError, match="holds no"):
        make(tmp_path, path="empty")
    with pytest.raises(ValidationError, match="at least one demonstration"):
        make(tmp_path, human=0, machine=0)
    with pytest.raises(ValidationError):
        make(tmp_path, human=-1)
    with pytest.raises(ValidationError):
        make(tmp_path, humans=3)


def test_of_a_folder_with_splits_the_training_rows_are_the_seed_tasks(tmp_path: Path) -> None:
    for name in ("train", "test", "more"):
        (tmp_path / f"{name}.jsonl").write_text(f'{{"instruction": "{name}?", "output": "y"}}\n', encoding="utf-8")
    (tmp_path / "notes.csv").write_text("instruction,output\nz,y\n", encoding="utf-8")
    source = Seeds.model_validate({"path": str(tmp_path), "human": 1, "machine": 0})
    assert [seed.instruction for seed in source.seeds] == ["more?", "train?"]
    facts = source.facts()
    assert facts is not None
    assert [told.partition("/")[2] for told in facts.files_aside] == [
        "notes.csv (another kind of file than jsonl)",
        "test.jsonl (split test)",
    ]
    (tmp_path / "train.jsonl").unlink()
    source = Seeds.model_validate({"path": str(tmp_path), "human": 1, "machine": 0})
    assert [seed.instruction for seed in source.seeds] == ["more?", "test?"]  # a name says nothing where none is train
