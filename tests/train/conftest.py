"""Small students that train in about a second, for the trainer's tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tests share few cores, and one thread gives the same sums twice."""
    torch = pytest.importorskip("torch", reason="the train extra is not installed")
    torch.set_num_threads(1)


@pytest.fixture
def rows(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows as a JSONL file and returns its path."""

    def write(rows: list[dict[str, Any]], name: str = "rows.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def recipe_in() -> Callable[..., Any]:
    """A TrainConfig of a tiny model from scratch on 24 short rows, in this folder, with some keys replaced."""
    from synthgen_train.config import TrainConfig, parse

    def make(folder: Path, **changes: Any) -> TrainConfig:
        data = folder / "default.jsonl"
        rows = [{"instruction": f"say {i}", "input": "", "output": f"{i} {i}"} for i in range(24)]
        data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return parse(
            {
                "model": {"from_scratch": {"hidden": 32, "layers": 2, "heads": 2, "context": 96, "tokenizer": "bytes"}},
                "data": str(data),
                "out": str(folder / "out"),
                "max_steps": 4,
                "batch_size": 4,
                "eval_share": 0,
                "eval_tokens": 8,
                **changes,
            }
        )

    return make


@pytest.fixture
def recipe(tmp_path: Path, recipe_in: Callable[..., Any]) -> Callable[..., Any]:
    """The same, in the test's folder."""
    return partial(recipe_in, tmp_path)
