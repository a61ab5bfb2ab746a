from __future__ import annotations

import asyncio
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from synthgen.api import run_recipe
from synthgen.config import load
from synthgen.requests.request import is_path, model_name, written_by

SECRET = "/home/anna/secret_project/models/tiny-q4.gguf"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (SECRET, "tiny-q4.gguf"),
        ("/data/llama/", "llama"),
        ("~/models/llama", "llama"),
        ("./student", "student"),
        ("..\\models\\llama.gguf", "llama.gguf"),
        ("C:\\Users\\Anna\\llama", "llama"),
        ("file:///srv/llama", "llama"),
        ("models/anna/llama.Q4_K_M.GGUF", "llama.Q4_K_M.GGUF"),
        ("/data/hub/models--org--name/snapshots/abc123", "org/name"),
        ("/", "model"),
    ],
)
def test_paths_lose_their_folders(name: str, shown: str) -> None:
    assert is_path(name)
    assert model_name(name) == shown
    assert written_by(name, "") == shown
    assert written_by(name, "my-model") == "my-model"
    assert written_by(None, name) == shown


@pytest.mark.parametrize(
    "name", ["gpt-5-2026-01-01", "org/name", "accounts/fireworks/models/llama", "openai/gpt:free", "llama3.1:8b", "m"]
)
def test_names_stay(name: str) -> None:
    assert not is_path(name)
    assert model_name(name) == name
    assert written_by(name, "auto") == name


TEACHER = f"""\
from synthgen import Choice, Completion, Usage

class Server:
    sampling = None
    model = {SECRET!r}

    async def complete(self, request):
        return Completion((Choice("The Baltic."),), Usage(1, 1), {SECRET!r})
"""


@pytest.mark.parametrize("stage", ["respond", "majority", "candidates"])
def test_no_path_of_a_machine_reaches_the_dataset(tmp_path: Path, stage: str) -> None:
    (tmp_path / "parts.py").write_text(TEACHER)
    (tmp_path / "rows.jsonl").write_text('{"instruction": "Name a sea."}\n')
    config = tmp_path / "config.yaml"
    config.write_text(
        f"source: {{use: dataset, path: rows.jsonl}}\nteacher: {{use: ./parts.py:Server}}\nstages: [{{use: {stage}}}]\n"
    )
    report = asyncio.run(run_recipe(load(config), out=tmp_path / "run"))
    assert report.accepted == 1
    for file in (tmp_path / "run").rglob("*"):
        if file.is_file() and not file.name.startswith("journal.sqlite"):
            assert b"secret_project" not in file.read_bytes(), file
    (row,) = pq.read_table(tmp_path / "run" / "dataset" / "data").to_pylist()
    assert "secret_project" not in str(row)
    assert row["teacher_model"] in ("tiny-q4.gguf", None)
