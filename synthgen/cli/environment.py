"""Keys from `.env` files."""

from __future__ import annotations

import os
from pathlib import Path

from synthgen.outward import learn_environment


def read_env(config: str) -> None:
    """Puts what `.env` beside the config and in the current folder says into the environment, where it says nothing.

    What of it is a secret is known to `synthgen.outward` from then on.
    """
    from dotenv import load_dotenv

    for folder in dict.fromkeys((Path(config).resolve().parent, Path.cwd())):
        if (folder / ".env").is_file():
            load_dotenv(folder / ".env")
    learn_environment(os.environ)
