"""Full disks, read-only folders, and whatever else the file system may refuse."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from store_parts import CONFIG, accepted, bytes_of, rejected, write_run

from synthgen.api.run import export
from synthgen.errors import StoreError
from synthgen.report import Presentation
from synthgen.store import DatasetWriter, RunFolder, verify
from synthgen.store.files import storing


@pytest.mark.parametrize(
    ("code", "words", "hint"),
    [
        (errno.ENOSPC, "the disk is full: cannot write f", "free some space and run the same command again"),
        (errno.EDQUOT, "the disk is full", "in the journal"),
        (errno.EROFS, "the file system is read-only", "--out"),
        (errno.EACCES, "no permission for f", "--out"),
        (errno.ENOENT, "there is no f", "outputs/<run>"),
        (errno.EIO, "f: Input/output error", "run again"),
    ],
)
def test_each_failure_says_what_where_and_what_next(code: int, words: str, hint: str) -> None:
    with pytest.raises(StoreError) as caught, storing(Path("f")):
        raise OSError(code, os.strerror(code), "f")
    assert words in caught.value.message
    assert hint in (caught.value.hint or "")


@contextmanager
def mounted(path: Path, options: str) -> Iterator[None]:
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], capture_output=True)
    if done.returncode:
        pytest.skip("mounting needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def incompressible(number: int, size: int) -> str:
    return os.urandom(size).hex() + str(number)


def test_a_full_disk_loses_nothing_and_the_run_goes_on_when_there_is_room(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with mounted(disk, "size=600k"):
        run = write_run(disk / "run", [accepted(1)], [rejected(1)])
        before = bytes_of(run)
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(300_000))
        kept = [accepted(i, output=incompressible(i, 40_000)) for i in range(5)]
        with RunFolder.create_or_open(run, CONFIG) as folder:
            writer = DatasetWriter(folder, Presentation)
            with pytest.raises(StoreError, match="the disk is full") as caught:
                writer.commit(kept * 50, [])
            writer.abandon()
        assert "free some space and run the same command again" in str(caught.value)
        assert bytes_of(run) == before
        assert verify(run).ok
        ballast.unlink()
        write_run(run, kept[:2])
        assert verify(run).ok
        assert RunFolder.open(run).report()["accepted"] == 2


@pytest.mark.parametrize("room_kb", [8, 24, 40, 80, 120, 300])
def test_a_disk_that_fills_up_at_any_moment_of_the_end(tmp_path: Path, room_kb: int) -> None:
    disk = tmp_path / "disk"
    kept = [accepted(i, output=incompressible(i, 1500)) for i in range(10)]
    with mounted(disk, "size=1m"):
        run = write_run(disk / "run", [accepted(1)], [rejected(1)], exports=["alpaca", "messages"])
        before = bytes_of(run)
        ballast = (disk / "ballast").open("wb", buffering=0)
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        ballast.write(bytes(max(0, free - room_kb * 1024)))
        full = pytest.raises(StoreError, match="the disk is full") if room_kb < 200 else nullcontext()
        with full:
            write_run(run, kept)
        ballast.close()
        (disk / "ballast").unlink()
        RunFolder.create_or_open(run, CONFIG).close()
        assert verify(run).ok
        assert RunFolder.open(run).report()["accepted"] == (1 if room_kb < 200 else 10)
        assert (bytes_of(run) == before) == (room_kb < 200)


LIMITED = """
import resource, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from store_parts import accepted, write_run
from synthgen.errors import StoreError
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
import os
try:
    write_run(Path(sys.argv[1]), [accepted(i, output=os.urandom(20_000).hex()) for i in range(5)])
except StoreError as error:
    print(error)
"""


def test_a_file_size_limit_is_explained(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "run"), str(Path(__file__).parents[1])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "a file grew beyond the size limit" in done.stdout
    assert "free some space" in done.stdout
    assert done.stderr == ""
    assert not (tmp_path / "run" / "dataset").exists()
    write_run(tmp_path / "run", [accepted(1)])


def test_a_read_only_folder_can_be_read_and_not_written(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with mounted(disk, "size=1m"):
        write_run(disk / "run", [accepted(1)])
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(StoreError, match="read-only") as caught:
            RunFolder.create_or_open(disk / "run", CONFIG)
        assert "--out" in str(caught.value)
        with pytest.raises(StoreError, match="read-only"):
            RunFolder.create_or_open(disk / "other", CONFIG)
        with pytest.raises(StoreError, match="read-only"):
            export(disk / "run", ["alpaca"])
        assert verify(disk / "run").ok


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="no permission"):
        RunFolder.create_or_open(tmp_path / "run", CONFIG)
