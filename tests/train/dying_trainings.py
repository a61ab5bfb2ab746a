"""Trains in forks of one process, each killed by SIGKILL at another moment, and then once more.

`python dying_trainings.py FOLDER NAMES TRIES`: `NAMES` is a JSON list of projects, folders in `FOLDER` with a file
`command.json` (the command, and the folder of what it trains) and what it needs. Of each project `TRIES` moments are
tried, spread so that all projects together are killed all over a training; all of them where it is 0. Prints a JSON
object by name: `moments`, how many there are, and `wrong`, what was wrong after a kill in which of them.

A moment is a step of the optimiser, a rename, a flush to the disk, or the middle of a file of weights or of a state.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import dying
import safetensors.torch
import torch

torch.set_num_threads(1)


def arm(step: int) -> None:
    """Lets this process die at the moment with this number."""
    moment = dying.arm(step)

    def stepping(real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*args: Any, **kwargs: Any) -> Any:
            moment()
            return real(*args, **kwargs)

        return operation

    def writing(real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(values: Any, path: Any, *args: Any, **kwargs: Any) -> Any:
            def half() -> None:
                real(values, path, *args, **kwargs)
                os.truncate(path, os.path.getsize(path) // 2)

            moment(half)
            return real(values, path, *args, **kwargs)

        return operation

    torch.optim.AdamW.step = stepping(torch.optim.AdamW.step)
    torch.save = writing(torch.save)
    safetensors.torch.serialize_file = writing(safetensors.torch.serialize_file)


def told(student: Path) -> dict[str, Any]:
    """What a training left: the hashes of its student, and the loss of each step."""
    rows = [json.loads(line) for line in (student / "metrics.jsonl").read_text().splitlines()]
    losses = [(row["step"], row.get("loss"), row.get("eval_loss")) for row in rows]
    return {**dying.made(student, ["model", "merged"]), "losses": losses}


def trial(project: Path, tries: int, share: float) -> dict[str, Any]:
    """What is wrong after a kill; `share` says where between two moments that are tried the first is."""
    command, trained = json.loads((project / "command.json").read_text())
    inputs = {path.name for path in project.iterdir()}

    def fresh() -> None:
        for path in project.iterdir():
            if path.name not in inputs:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    output = project.parent / "output"
    output.unlink(missing_ok=True)
    assert dying.status(project, command, -1, arm) == 0, output.read_text()
    moments = int.from_bytes(dying.PASSED[:], "little")
    wanted = told(project / trained)
    wrong: dict[int, str] = {}
    for step in range(moments) if not tries else [int((k + share) / tries * moments) for k in range(tries)]:
        fresh()
        output.unlink()
        assert dying.status(project, command, step, arm) == -signal.SIGKILL, output.read_text()
        again = dying.status(project, command)
        found = told(project / trained) if again == 0 else {}
        if found != wanted:
            differ = [name for name in {**found, **wanted} if found.get(name) != wanted.get(name)]
            wrong[step] = f"rc {again}, {differ}: {output.read_text()[-300:]}"
    fresh()
    return {"moments": moments, "wrong": wrong}


def warm(folder: Path) -> None:
    """Trains here first, so that all is imported and looked up that each fork would, and keeps what is there."""
    os.chdir(folder)
    for command in (["train", "recipe.yaml"], ["run"]):
        sys.argv = ["synthgen", *command]
        told = io.StringIO()
        with contextlib.suppress(SystemExit), contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
            dying.main()
    gc.freeze()


if __name__ == "__main__":
    at, names, tries = Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
    warm(at)
    shares = {name: (k + 0.5) / len(names) for k, name in enumerate(names)}
    print(json.dumps({name: trial(at / name, tries, shares[name]) for name in names}))
