"""The command line as a user types it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

Finished = subprocess.CompletedProcess[str]
Synthgen = Callable[..., Finished]


def environment(**more: str) -> dict[str, str]:
    """The environment of a user who has set nothing."""
    kept = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY") and k not in ("NO_COLOR", "FORCE_COLOR")}
    return {**kept, "COLUMNS": "100", **more}
