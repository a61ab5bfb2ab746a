"""What tests of several packages share."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from synthgen.config.training import NEEDED


@pytest.fixture
def extra(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the trainer's packages installed, or missing, to `find_spec`."""
    real = importlib.util.find_spec

    def there(installed: bool) -> None:
        def find(name: str, package: str | None = None) -> Any:
            return (object() if installed else None) if name in NEEDED else real(name, package)

        monkeypatch.setattr(importlib.util, "find_spec", find)

    return there
