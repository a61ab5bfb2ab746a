"""Steps whose results are kept: done once, and read again by whoever comes back."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synthgen.errors import ConfigError
from synthgen.exchange import canonical
from synthgen.store import atomic
from synthgen.store.values import damaged, read_json


def digest(value: Any) -> str:
    """16 hex digits over plain values."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:16]


class Steps:
    """The steps of one round. A result is a mapping of plain values, kept with a hash of what it was made from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def result(self, name: str, inputs: Any, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What `work` returns, or what it returned when the step was done with equal inputs.

        Raises:
            ConfigError: the step was done with other inputs.
            StoreError: the kept result cannot be read.
        """
        path, made_from = self.folder / f"{name}.json", digest(inputs)
        if path.is_file():
            kept = _kept(path)
            if kept["inputs"] != made_from:
                raise ConfigError(
                    f"the step {name} of {self.folder.name} was done with other data or settings",
                    file=path,
                    hint="start afresh with --out FOLDER, or remove this round's folder and those after it",
                )
            return dict(kept["result"])
        started = time.monotonic()
        result = work()
        seconds = round(time.monotonic() - started, 2)
        kept = {"inputs": made_from, "result": result, "seconds": seconds}
        atomic.write(path, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
        # as it will be read again: tuples are lists there
        return dict(json.loads(json.dumps(result)))

    def seconds(self) -> dict[str, float]:
        """Wall seconds of the steps that are done; a step that was interrupted counts from its last start."""
        return {p.stem: float(_kept(p)["seconds"]) for p in sorted(self.folder.glob("*.json"))}


def _kept(path: Path) -> dict[str, Any]:
    again = "remove it: the step is done again"
    kept = read_json(path, again)
    types = {"inputs": str, "result": dict, "seconds": (int, float)}
    for name, kind in types.items():
        if not isinstance(kept.get(name), kind):  # type: ignore[arg-type]
            raise damaged(path, f"its {name} are missing", again)
    return kept
