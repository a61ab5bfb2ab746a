"""A whole loop without torch: a trainer that counts, and a student that is as good as it was trained."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

PARTS = '''
import json, random
from synthgen.task_sets.drills import FAMILIES, solve, write
from synthgen.requests.request import Choice, Completion, Usage


def train(data, out, *, init, seed, say, gain=0.2, most=1.0, fail=""):
    """A checkpoint whose skill grows with each training, and which knows how many rows it was trained on."""
    import os, pathlib
    if fail and not pathlib.Path(fail).exists():
        pathlib.Path(fail).touch()
        os.kill(os.getpid(), 9)
    before = json.loads((init / "config.json").read_text())["skill"] if init else 0.2
    rows = data.read_text().splitlines()
    out.mkdir(parents=True, exist_ok=True)
    skill = min(most, before + gain)
    (out / "config.json").write_text(json.dumps({"skill": skill, "rows": len(rows), "seed": seed}))
    (out / "chat_template.jinja").write_text(
        "{% for m in messages %}{{ '\\n' + m['content'] }}{% endfor %}{{ '\\n' if add_generation_prompt else '' }}"
    )
    return {"model": str(out), "steps": 7}


class Student:
    """Answers right with the probability of its skill; writes tasks of `families` alone once it is told to collapse."""

    sampling = None

    def __init__(self, path: str, collapse_at: float = 2.0, knows: float = 0.0) -> None:
        self.path, self.collapse_at, self.knows = path, collapse_at, knows

    @property
    def model(self):
        from pathlib import Path
        text = (Path(self.path) / "config.json").read_text() if Path(self.path).is_dir() else "none"
        return f"student-{text}"

    async def open(self):
        from pathlib import Path
        self.facts = json.loads((Path(self.path) / "config.json").read_text())

    async def complete(self, request):
        rng = random.Random(request.key)
        skill = self.facts["skill"]
        text = request.messages[0]["content"]
        if request.api == "chat":
            return Completion((self._answer(text, rng, skill),), Usage(3, 2))
        return Completion(tuple(self._written(rng, skill) for _ in range(request.sampling.n or 1)), Usage(1, 9))

    def _answer(self, text, rng, skill):
        right = solve(text)[1]
        return Choice(right if rng.random() < skill else right + "?", "stop" if rng.random() < 0.98 else "length")

    def _written(self, rng, skill):
        copies = skill >= self.collapse_at
        record = write(random.Random(rng.randrange(20)) if copies else rng, "up" if copies else rng.choice(FAMILIES))
        return Choice(f"{record.instruction}\\n{self._answer(record.instruction, rng, skill).text}")
'''


@pytest.fixture
def make_loop(tmp_path: Path) -> Callable[..., Path]:
    """Writes the recipe of a small loop, with some keys replaced, and returns its path."""
    (tmp_path / "parts.py").write_text(PARTS, encoding="utf-8")

    def make(**changes: Any) -> Path:
        recipe: dict[str, Any] = {
            "name": "tiny",
            "seeds": {"use": "drills", "per_family": 4},
            "held_out": {
                "seen": {"use": "drills", "per_family": 15},
                "longer": {"use": "drills", "per_family": 2, "split": "longer"},
            },
            "student": {"use": "./parts.py:Student"},
            "generate": {
                "stages": [
                    {"use": "pre_query", "count": 8},
                    {"use": "synthgen.task_sets.drills:Prove"},
                    {"use": "near_duplicate", "threshold": 1.0},
                ],
                "stop": {"attempts": 12},
            },
            "train": {"use": "./parts.py:train"},
            "init": "previous",
            "evaluate": {"max_tokens": 8},
            "stop": {"rounds": 2},
        }
        path = tmp_path / "tiny.yaml"
        path.write_text(yaml.safe_dump({**recipe, **changes}, sort_keys=False), encoding="utf-8")
        return path

    return make


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Tests share few cores, and one thread gives the same sums twice."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
