"""What a dataset was made from: the part of a run that is the same whenever the data are."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from synthgen.errors import StoreError
from synthgen.requests.request import canonical
from synthgen.store.files import sha256
from synthgen.store.folder import AGAIN, RunFolder
from synthgen.store.report import Facts, damaged


class Ingredients(Facts):
    """Goes into the dataset card and the manifest, so nothing in it may vary between equal runs.

    `recipe` is the part of the config that shapes the data: no concurrency, no time-outs, no URLs, no absolute paths.
    `prompts` and `seeds` map names (relative paths) to SHA-256 hex digests. `license` is only ever what the user set.
    """

    name: str
    seed: int = 0
    recipe: dict[str, Any] = Field(default_factory=dict)
    prompts: dict[str, str] = Field(default_factory=dict)
    seeds: dict[str, str] = Field(default_factory=dict)
    license: str | None = None


FORMAT = 1
PACKAGES = ("synthgen", "pydantic", "pyarrow", "numpy", "rapidfuzz", "openai", "jinja2")
"""Packages whose version can change the data or the bytes of the files."""

EDITED = ("dataset/README.md", "report.html")
"""Files that people edit, or delete: they are left as they are."""


def manifest(
    config: Mapping[str, Any], made_from: Ingredients, files: Mapping[str, Path], base: Path
) -> dict[str, Any]:
    """The manifest's content; `files` maps names relative to the run folder to where their bytes lie now.

    `base` is the folder of the config: the state of its git repository is recorded, where it is in one.
    """
    return {
        "format": FORMAT,
        "name": made_from.name,
        "seed": made_from.seed,
        "versions": {"python": platform.python_version()} | {p: v for p in PACKAGES if (v := _version(p))},
        "git": git_state(base),
        "config_sha256": config_hash(config),
        "config": dict(config),
        "prompts": dict(sorted(made_from.prompts.items())),
        "seeds": dict(sorted(made_from.seeds.items())),
        "files": {name: sha256(path) for name, path in sorted(files.items())},
    }


def config_hash(config: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of the config's values, whatever their order and layout in the file."""
    import hashlib

    return hashlib.sha256(canonical(dict(config)).encode()).hexdigest()


def ended_with(folder: RunFolder) -> dict[str, Any] | None:
    """The config that the folder's files were made with; None where the run has not ended, or nobody knows with which.

    `config.yaml` may be another one: it is written before the work.
    """
    if folder.state != "finished":
        return None
    try:
        written = folder.manifest()
    except StoreError:
        return None
    # a manifest of the first version has the hash alone
    for config in (written.get("config"), folder.config() if folder.config_path.is_file() else None):
        if isinstance(config, dict) and config_hash(config) == written.get("config_sha256"):
            return config
    return None


def damaged_files(folder: RunFolder) -> tuple[str, ...]:
    """The run's files that are missing or not as they were written, but for those that people edit or can do without.

    Raises:
        StoreError: a file cannot be read, or there is no manifest.
    """
    files = folder.manifest().get("files")
    if not isinstance(files, dict):
        return (folder.manifest_path.name,)
    found = []
    for name, digest in files.items():
        path = folder.path / name
        if not path.is_file():
            found += [] if name == folder.page_path.name else [name]
        elif name not in EDITED and sha256(path) != digest:
            found.append(name)
    return tuple(found)


def git_state(folder: Path) -> dict[str, Any] | None:
    """The commit that the folder's repository is at and whether tracked files differ from it, or None."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "changed": bool(changed)}


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
    )
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


@dataclass(frozen=True, slots=True)
class Verification:
    """Names of files that are `right`, `changed` since they were written, or `missing`."""

    right: tuple[str, ...]
    changed: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every file is there with the bytes it was written with."""
        return not self.changed and not self.missing


def verify(path: Path | str) -> Verification:
    """Whether the run's files still have the hashes in its manifest.

    Raises:
        StoreError: there is no run, no manifest, or one of another format.
    """
    folder = RunFolder.open(path)
    written = folder.manifest()
    if written.get("format") != FORMAT:
        raise StoreError(
            f"{folder.manifest_path} has format {written.get('format')!r}; this version reads {FORMAT}",
            hint="use the synthgen version that wrote it",
        )
    state: dict[str, str] = {}
    files = written.get("files")
    if not isinstance(files, dict):
        raise damaged(folder.manifest_path, "it names no files", AGAIN)
    for name, digest in files.items():
        file = folder.path / name
        state[name] = "missing" if not file.is_file() else "right" if sha256(file) == digest else "changed"
    same = config_hash(folder.config()) == written.get("config_sha256")
    state[folder.config_path.name] = "right" if same else "changed"

    def named(kind: str) -> tuple[str, ...]:
        return tuple(name for name, found in sorted(state.items()) if found == kind)

    return Verification(named("right"), named("changed"), named("missing"))


def to_json(value: Mapping[str, Any]) -> str:
    """The text of `manifest.json`."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def tree(folder: Path) -> dict[str, Path]:
    """The files under a folder by their relative names."""
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
