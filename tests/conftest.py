"""What tests of several packages share."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from synthgen.safety import outward
from synthgen.trainers.bundled import NEEDED

# a test that fails because the machine is busy says nothing
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test makes known as a secret is none to another."""
    monkeypatch.setattr(outward, "_known", {})


@pytest.fixture
def extra(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the trainer's packages installed, or missing, to `find_spec`."""
    real = importlib.util.find_spec

    def there(installed: bool) -> None:
        def find(name: str, package: str | None = None) -> Any:
            return (object() if installed else None) if name in NEEDED else real(name, package)

        monkeypatch.setattr(importlib.util, "find_spec", find)

    return there
