from __future__ import annotations

import pytest

from synthgen.teachers.openai import failures


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A teacher that tries again after hundredths of a second."""
    monkeypatch.setattr(failures, "BACKOFF_S", 0.02)
    monkeypatch.setattr(failures, "BACKOFF_MAX_S", 0.05)
