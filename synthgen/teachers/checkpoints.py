"""What identifies a checkpoint on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path


def checkpoint_hash(folders: Sequence[Path]) -> str:
    """12 hex digits over weights, config, tokenizer and template files of the folders; empty where there are none."""
    digest, found = hashlib.sha256(), False
    for folder in folders:
        for path in sorted(folder.glob("*")) if folder.is_dir() else ():
            if path.suffix in {".safetensors", ".json", ".jinja", ".bin", ".model"} and path.is_file():
                found = True
                digest.update(path.name.encode())
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12] if found else ""
