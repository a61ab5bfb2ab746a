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
    there = [target for target in (*FILES.values(), SCHEMA) if (folder / target).exists()]
    if there:
        raise ConfigError(f"{folder} holds {there[0]} already", hint="choose another folder, or move the file away")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source, target in FILES.items():
            text = resources.files("synthgen.cli").joinpath("project", source).read_text(encoding="utf-8")
            (folder / target).write_text(text.replace(TEMPLATE_NAME, name), encoding="utf-8")
        (folder / SCHEMA).write_text(json.dumps(schema(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {error.filename}: {error.strerror}", hint="choose another folder") from error
    print(f"{folder} holds a project: config.yaml, filters.py, .env.example")
    change = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    print(f"next: {change}synthgen run")
