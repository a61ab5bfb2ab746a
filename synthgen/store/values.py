"""Files of plain values read again, whatever has become of them meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from synthgen.errors import StoreError
from synthgen.store.faults import storing


def read_text(path: Path, hint: str) -> str:
    """The text of a UTF-8 file.

    Raises:
        StoreError: it cannot be read, or is no such text; `hint` is the next step.
    """
    with storing(path):
        data = path.read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise damaged(path, f"no text (byte {error.start})", hint) from error


def read_json(path: Path, hint: str) -> dict[str, Any]:
    """The mapping in a JSON file.

    Raises:
        StoreError: it cannot be read, or holds something else; `hint` is the next step.
    """
    text = read_text(path, hint)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(path, str(error), hint) from error
    if not isinstance(value, dict):
        raise damaged(path, "no JSON object", hint)
    return value


def damaged(path: Path, what: str, hint: str) -> StoreError:
    """The error for a file that holds something else than what was written into it."""
    return StoreError(f"{path} is damaged: {what}", hint=hint)
