from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from store_parts import CONFIG, MADE_FROM, accepted, bytes_of, rejected, report, write_run

from synthgen.errors import ConfigError, StoreError
from synthgen.records import Record
from synthgen.report import Presentation
from synthgen.store import DatasetWriter, RunFolder, verify
from synthgen.store.record_files import dataset_files, records_in

KEPT = [accepted(i) for i in range(20)]
DROPPED = [rejected(i) for i in range(7)]


def records_of(run: Path) -> tuple[list[Record], list[Record]]:
    kept = [record for path in dataset_files(run / "dataset") for record in records_in(path)]
    return kept, list(records_in(run / "rejected.parquet"))


def visible(run: Path) -> set[str]:
    return {p.name for p in run.iterdir()}


def test_a_finished_run_has_all_its_files_and_no_other(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", KEPT, DROPPED)
    files = {"config.yaml", "dataset", "rejected.parquet", "report.json", "report.html", "manifest.json", ".lock"}
    assert visible(run) == files
    assert [p.name for p in dataset_files(run / "dataset")] == ["train-00000-of-00001.parquet"]
    assert records_of(run) == (KEPT, DROPPED)
    text = (run / "report.json").read_text()
    assert list(json.loads(text))[:3] == ["generated", "accepted", "rejected"]


def test_equal_records_give_equal_bytes_however_they_are_committed(tmp_path: Path) -> None:
    one = write_run(tmp_path / "one", KEPT, DROPPED, exports=["messages"], wall_s=3.0, started_at="2026-01-01T00:00:00")
    all_ = write_run(tmp_path / "all", KEPT, DROPPED, exports=["messages"], together=True, wall_s=9.0, attempts=20)
    assert bytes_of(one) == bytes_of(all_)
    other = write_run(tmp_path / "other", [*KEPT[:-1], accepted(99)], DROPPED)
    assert {name for name, content in bytes_of(other).items() if content != bytes_of(one)[name]} == {
        "dataset/README.md",
        "dataset/data/train-00000-of-00001.parquet",
    }


def test_shards_are_numbered_with_their_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthgen.store.record_files.GROUP_ROWS", 5)
    run = write_run(tmp_path / "run", KEPT, DROPPED, shard_characters=1000)
    names = [p.name for p in dataset_files(run / "dataset")]
    assert len(names) > 1
    assert names == [f"train-{i:05d}-of-{len(names):05d}.parquet" for i in range(len(names))]
    assert records_of(run) == (KEPT, DROPPED)


def test_nothing_is_seen_before_the_end_and_abandoning_leaves_nothing(tmp_path: Path) -> None:
    with RunFolder.create_or_open(tmp_path / "run", CONFIG) as folder:
        writer = DatasetWriter(folder, Presentation)
        writer.commit(KEPT, DROPPED)
        assert {n for n in visible(folder.path) if not n.startswith(".")} == {"config.yaml"}
        writer.abandon()
        writer.abandon()
        assert visible(folder.path) == {"config.yaml", ".lock"}


def test_an_abandoned_further_run_leaves_the_earlier_dataset(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", KEPT, DROPPED)
    before = bytes_of(run)
    with RunFolder.create_or_open(run, CONFIG) as folder:
        writer = DatasetWriter(folder, Presentation)
        writer.commit([accepted(1, output="x" * 9_000_000)], [])
        writer.abandon()
    assert bytes_of(run) == before
    assert verify(run).ok


def test_a_further_run_replaces_the_dataset_and_renews_its_exports(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", KEPT[:5], DROPPED, exports=["alpaca"])
    write_run(run, KEPT, DROPPED)
    assert records_of(run) == (KEPT, DROPPED)
    assert len(json.loads((run / "exports" / "alpaca" / "train.json").read_text())) == 20
    assert verify(run).ok
    assert not {n for n in visible(run) if n.startswith(".")} - {".lock"}


def test_selectors_see_the_accepted_and_the_rest_joins_the_rejected(tmp_path: Path) -> None:
    chosen = random.Random(1).sample(KEPT, len(KEPT))
    marked = [r.dropped("not_in_top", score=i, limit=10, stage="top") if i >= 10 else r for i, r in enumerate(chosen)]
    kept, left = marked[:10], marked[10:]
    with RunFolder.create_or_open(tmp_path / "run", CONFIG) as folder:
        writer = DatasetWriter(folder, Presentation)
        writer.commit(KEPT, DROPPED)
        assert list(writer.accepted_records()) == KEPT
        writer.select(marked)
        writer.finish(report(kept, DROPPED + left), MADE_FROM)
    assert records_of(tmp_path / "run") == (kept, DROPPED + left)
    straight = write_run(tmp_path / "straight", kept, DROPPED + left)
    assert bytes_of(straight) == bytes_of(tmp_path / "run")


def test_a_selector_that_loses_records_is_refused(tmp_path: Path) -> None:
    with RunFolder.create_or_open(tmp_path / "run", CONFIG) as folder:
        writer = DatasetWriter(folder, Presentation)
        writer.commit(KEPT, [])
        with pytest.raises(StoreError, match="19 of 20 records"):
            writer.select(KEPT[1:])
        writer.abandon()


def test_a_report_that_counts_otherwise_is_refused(tmp_path: Path) -> None:
    with RunFolder.create_or_open(tmp_path / "run", CONFIG) as folder:
        writer = DatasetWriter(folder, Presentation)
        writer.commit(KEPT, DROPPED)
        with pytest.raises(StoreError, match="counts 19 accepted and 7 rejected records, but 20 and 7"):
            writer.finish(report(KEPT[1:], DROPPED), MADE_FROM)
        writer.abandon()
    assert not (tmp_path / "run" / "dataset").exists()


def test_an_unknown_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no export 'excel'"):
        write_run(tmp_path / "run", KEPT, exports=["excel"])


def test_a_run_without_records_is_whole_too(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", exports=["alpaca", "messages"], status="short")
    assert records_of(run) == ([], [])
    assert json.loads((run / "exports" / "alpaca" / "train.json").read_text()) == []
    assert verify(run).ok
