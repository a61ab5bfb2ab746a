from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.errors import SeedError
from synthgen.formats.files import find
from synthgen.formats.reading import rows_of


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text('{"instruction": "x"}\n', encoding="utf-8")


def read(folder: Path, split: str | None = None) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find(folder, split).files]


def aside(folder: Path, split: str | None = None) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): why for path, why in find(folder, split).aside}


def test_a_folder_is_its_files_of_one_kind(tmp_path: Path) -> None:
    touch(tmp_path, "b.jsonl", "a/c.jsonl.gz", "a.json", ".hidden.jsonl", "x.txt", "README.md")
    assert read(tmp_path) == ["a/c.jsonl.gz", "b.jsonl"]
    assert aside(tmp_path) == {"a.json": "another kind of file than jsonl", "x.txt": "not a kind of file that is read"}
    assert find(tmp_path / "a.json").files == (tmp_path / "a.json",)


def test_nothing_hidden_no_copy_and_no_description_is_read(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "rows.jsonl",
        ".ipynb_checkpoints/rows-checkpoint.jsonl",
        "copies/rows-checkpoint.jsonl",
        "__MACOSX/rows.jsonl",
        "_rows.jsonl",
        ".cache/x.jsonl",
        "dataset_info.json",
    )
    assert read(tmp_path) == ["rows.jsonl"]
    assert aside(tmp_path) == {"copies/rows-checkpoint.jsonl": "a copy that an editor made"}


def test_splits_are_told_by_names(tmp_path: Path) -> None:
    touch(tmp_path, "a.jsonl", "sub/b.jsonl")
    assert read(tmp_path) == ["a.jsonl", "sub/b.jsonl"]
    with pytest.raises(SeedError, match=r"no split test\n  → the names of its files tell none: leave split out"):
        find(tmp_path, "test")
    touch(tmp_path, "train-00000-of-00001.jsonl", "test.jsonl", "dev/x.jsonl")
    assert read(tmp_path) == ["train-00000-of-00001.jsonl"]
    assert aside(tmp_path)["a.jsonl"] == "not of split train"
    assert aside(tmp_path)["test.jsonl"] == "split test"
    assert read(tmp_path, "test") == ["test.jsonl"]
    assert read(tmp_path, "validation") == read(tmp_path, "dev") == ["dev/x.jsonl"]
    with pytest.raises(SeedError, match="says that it is train, not test"):
        find(tmp_path / "train-00000-of-00001.jsonl", "test")
    assert find(tmp_path / "test.jsonl").files == (tmp_path / "test.jsonl",)
    (tmp_path / "only").mkdir()
    touch(tmp_path / "only", "test.jsonl")
    with pytest.raises(SeedError, match=r"no split train\n  → it has test: set split"):
        find(tmp_path / "only")


def test_a_run_folder_is_its_dataset(tmp_path: Path) -> None:
    (tmp_path / "dataset" / "data").mkdir(parents=True)
    (tmp_path / "journal.sqlite").touch()
    with pytest.raises(SeedError, match="the run has no dataset yet"):
        find(tmp_path)
    for name in ("rejected.parquet", "dataset/data/train.parquet"):
        pq.write_table(pa.table({"a": [1]}), tmp_path / name)
    assert read(tmp_path) == ["dataset/data/train.parquet"]


def test_nothing_to_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match="no such file or folder"):
        find(tmp_path / "gone")
    with pytest.raises(SeedError, match="holds nothing to read"):
        find(tmp_path)
    (tmp_path / "a.txt").write_text("words", encoding="utf-8")
    with pytest.raises(SeedError, match=r"holds nothing to read; there are a\.txt"):
        find(tmp_path)
    with pytest.raises(SeedError, match="not a file that can be read"):
        find(tmp_path / "a.txt")


def test_what_datasets_saved(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]
    made = datasets.Dataset.from_list([{"messages": turns}] * 3)
    made.save_to_disk(str(tmp_path / "saved"), num_shards=2)
    assert [row.values for file in find(tmp_path / "saved").files for row in rows_of(file)] == [{"messages": turns}] * 3
    datasets.DatasetDict(train=made, test=made.select([0])).save_to_disk(str(tmp_path / "dict"))
    found = find(tmp_path / "dict")
    assert [file.parent.name for file in found.files] == ["train"]
    assert found.aside == ((tmp_path / "dict" / "test", "split test"),)
    assert len(list(rows_of(*find(tmp_path / "dict", "test").files))) == 1
    with pytest.raises(SeedError, match=r"no split dev\n  → it has test, train: set split"):
        find(tmp_path / "dict", "dev")
    state = tmp_path / "saved" / "state.json"
    for broken in ("{", json.dumps({"_data_files": [{"filename": "../x.arrow"}]}), json.dumps({"_data_files": []})):
        state.write_text(broken, encoding="utf-8")
        with pytest.raises(SeedError, match=r"state\.json|not whole"):
            find(tmp_path / "saved")


def test_linked_files_and_folders_are_read_once_and_dead_links_are_told(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "folder"
    elsewhere.mkdir()
    folder.mkdir()
    (elsewhere / "a.jsonl").write_text('{"instruction": "Hi"}\n', encoding="utf-8")
    (folder / "b.jsonl").symlink_to(elsewhere / "a.jsonl")
    (folder / "more").symlink_to(elsewhere, target_is_directory=True)
    (folder / "again").symlink_to(folder, target_is_directory=True)
    (folder / "gone.jsonl").symlink_to(tmp_path / "nothing.jsonl")
    found = find(folder)
    assert [file.relative_to(folder).as_posix() for file in found.files] == ["b.jsonl", "more/a.jsonl"]
    assert found.aside == ((folder / "gone.jsonl", "a link to nothing"),)


def test_a_pattern_chooses_a_kind_of_file(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl", "test.jsonl", "c.csv"):
        (tmp_path / name).write_text('{"instruction": "Hi"}\n', encoding="utf-8")
    found = find(tmp_path / "*.jsonl")
    assert [file.name for file in found.files] == ["a.jsonl", "b.jsonl"]
    assert found.aside == ((tmp_path / "test.jsonl", "split test"),)
    with pytest.raises(SeedError, match="no file has a name like this"):
        find(tmp_path / "*.parquet")
    (tmp_path / "c.csv").write_text("instruction,output\nHi,Ho\n", encoding="utf-8")
    with pytest.raises(SeedError, match="of several kinds: csv, jsonl"):
        find(tmp_path / "*")
