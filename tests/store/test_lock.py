from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from synthgen.errors import RunLocked
from synthgen.store.files import Lock

HOLDER = """
import sys, time
from pathlib import Path
from synthgen.store.files import Lock
Lock(Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_the_lock_of_another_process_is_named_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunLocked, match=f"process {holder.pid} on "):
            Lock(path).acquire()
        holder.kill()
    mine = Lock(path)
    mine.acquire()
    with pytest.raises(RunLocked):
        Lock(path).acquire()
    mine.release()
    mine.release()
    Lock(path).acquire()
