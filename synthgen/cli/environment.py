"""Keys from `.env` files."""

from __future__ import annotations

from pathlib import Path


def read_env(config: str) -> None:
    """Puts what `.env` beside the config and in the current folder says into the environment, where it says nothing."""
    from dotenv import load_dotenv

    for folder in dict.fromkeys((Path(config).resolve().parent, Path.cwd())):
        if (folder / ".env").is_file():
            load_dotenv(folder / ".env")
