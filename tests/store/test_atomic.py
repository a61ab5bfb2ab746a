from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from synthgen.errors import StoreError
from synthgen.store import files


def test_a_file_is_replaced_whole_and_no_other_is_left(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    files.write(path, "old")
    files.write(path, "new \ud800 é\r\n")
    assert path.read_bytes() == "new \ufffd é\r\n".encode()
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.json"
    files.write(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match="the disk is full"):
        files.write(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_the_hash_of_several_files_is_that_of_their_bytes_in_a_row(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"two")
    assert files.sha256(tmp_path / "a", tmp_path / "b") == hashlib.sha256(b"onetwo").hexdigest()
    with pytest.raises(StoreError, match="there is no"):
        files.sha256(tmp_path / "c")


def test_importing_the_store_loads_nothing_heavy() -> None:
    code = (
        "import sys, synthgen.store, synthgen.report.explanation, synthgen.report.explanation\n"
        "print(sorted({'pyarrow', 'yaml', 'rich', 'rapidfuzz', 'datasets', 'pandas', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
