"""A small project of a user: a config, a teacher of their own, rows and a prompt."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFIG = """\
name: mine
target: 10
teacher: {use: ./parts.py:Teacher}
teachers: {judge: {use: ./parts.py:Teacher, url: http://judge}}
source: {use: dataset, path: rows.jsonl}
stages:
  - {use: length, min_words: 1}
  - {use: respond, prompt: mine}
"""
PARTS = """\
from typing import ClassVar
from pydantic import BaseModel

class Teacher(BaseModel):
    free_settings: ClassVar = ("url",)
    model: str = "m"
    url: str = "http://here"
    sampling: None = None

    async def complete(self, request): ...
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "parts.py").write_text(PARTS)
    (tmp_path / "rows.jsonl").write_text('{"instruction": "say hello"}\n')
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "mine.j2").write_text("{{ instruction }}")
    return tmp_path
