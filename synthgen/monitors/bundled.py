"""The monitors of the bundled trainer, reached by name: the loop needs none of what they need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthgen.trainers.bundled import bundled


def monitor(student: Path, good: Path, *, out: Path, **settings: Any) -> dict[str, str]:
    """What fails by the monitors of the `synthgen_train` package; all measures and replies go to `out`.

    Raises:
        PluginError: the package's requirements are not installed.
    """
    report = bundled("monitors").monitor(student, good, out=out, **settings)
    return {c.name: _why(c) for c in report.comparisons if not c.passed}


def _why(found: Any) -> str:
    if found.difference is None:
        return f"{found.model:.3f}, {found.why}"
    return f"{found.model:.3f}, {found.difference:+.3f} [{found.low:+.3f}, {found.high:+.3f}], {found.why}"
