"""`synthgen init`."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path

from synthgen.config import schema
from synthgen.config.models import NAME
from synthgen.errors import ConfigError

FILES = {
    "config.yaml": "config.yaml",
    "filters.py": "filters.py",
    "env.example": ".env.example",
    "gitignore": ".gitignore",
}
"""The template's files and what they are called in a project."""

SCHEMA = "synthgen.schema.json"
TEMPLATE_NAME = "my_project"


def make_project(folder: Path) -> None:
    """Writes a project into the folder, which may hold other files, and says what to do next.

    Raises:
        ConfigError: the folder's name cannot be a run's name, or one of the files is there already.
    """
    name = folder.resolve().name
    if not re.fullmatch(NAME, name):
        raise ConfigError(
            f"{name!r} cannot be a project's name", hint="letters, digits, dots, hyphens and underscores, no spaces"
        )
    if folder.is_file():
        raise ConfigError(f"{folder} is a file, and a project is a folder", hint="choose another name")
    texts = _texts(name)
    there = [target for target in texts if (folder / target).exists()]
    # one that was cut off is ended: what it has written is as we would write it
    if len(there) == len(texts) or any(not _holds(folder / target, texts[target]) for target in there):
        raise ConfigError(f"{folder} holds {there[0]} already", hint="choose another folder, or move the file away")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for target, text in texts.items():
            (folder / target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {error.filename}: {error.strerror}", hint="choose another folder") from error
    print(f"{folder} holds a project: config.yaml, filters.py, .env.example")
    change = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    print(f"next: {change}synthgen run")


def _texts(name: str) -> dict[str, str]:
    """What the files of a project hold."""
    template = resources.files("synthgen.cli").joinpath("project")
    texts = {target: template.joinpath(source).read_text(encoding="utf-8") for source, target in FILES.items()}
    own = {target: text.replace(TEMPLATE_NAME, name) for target, text in texts.items()}
    return own | {SCHEMA: json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"}


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() in (text.encode(), b"")
