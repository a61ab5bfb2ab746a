"""`synthgen doctor`, and keys from `.env` files."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from synthgen.cli.terminal import print_json
from synthgen.config import Recipe, load
from synthgen.errors import ConfigError
from synthgen.safety.outward import learn_environment
from synthgen.teachers.openai.access import fault_in_key, how_to_fix


def read_env(config: str) -> None:
    """Puts what `.env` beside the config and in the current folder says into the environment, where it says nothing.

    What of it is a secret is known to `synthgen.safety.outward` from then on.
    """
    from dotenv import load_dotenv

    for folder in dict.fromkeys((Path(config).resolve().parent, Path.cwd())):
        if (folder / ".env").is_file():
            load_dotenv(folder / ".env")
    learn_environment(os.environ)


PACKAGES = ("openai", "pydantic", "pyarrow", "numpy", "rapidfuzz", "jinja2", "typer", "rich")
EXTRAS = {
    "hub": ("datasets",),
    "transformers": ("torch", "transformers"),
    "train": ("torch", "transformers", "datasets", "trl", "peft", "accelerate"),
    "vllm": ("vllm",),
    "llama": ("xllamacpp",),
    "ray": ("ray",),
}
"""What each extra brings, by the names of the distributions."""

LEAST_FREE_GIB = 1.0
KEY = "OPENAI_API_KEY"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `ok` is None where it is neither right nor wrong."""

    what: str
    found: str
    ok: bool | None = None


def examine(config: str, *, as_json: bool) -> int:
    """Prints what is there and what is not; 1 where something has to be fixed."""
    read_env(config)
    findings = list(_findings(config))
    if as_json:
        print_json({"findings": [asdict(finding) for finding in findings]})
    else:
        marks = {True: "ok", False: "!!", None: "  "}
        width = max(len(finding.what) for finding in findings)
        for finding in findings:
            print(f"{marks[finding.ok]} {finding.what:<{width}}  {finding.found}")
    return 1 if any(finding.ok is False for finding in findings) else 0


def _findings(config: str) -> Iterator[Finding]:
    yield Finding("python", f"{platform.python_version()} ({sys.executable})", True)
    yield Finding("synthgen", _version("synthgen") or "not installed", True)
    for package in PACKAGES:
        version = _version(package)
        yield Finding(package, version or "missing: install synthgen again", version is not None)
    for extra, packages in EXTRAS.items():
        missing = [package for package in packages if _version(package) is None]
        found = f"without {', '.join(missing)}: pip install 'synthgen[{extra}]'" if missing else "installed"
        yield Finding(f"extra {extra}", found)
    recipe = None
    if Path(config).exists():
        try:
            recipe = load(config)
            yield Finding("config", f"{config} loads", True)
        except ConfigError as error:
            yield Finding("config", str(error), False)
    else:
        yield Finding("config", f"no {config} here: synthgen init my_project")
    for key, needed in _keys(recipe).items():
        value = (os.environ.get(key) or "").strip()
        if fault := fault_in_key(value):
            yield Finding(f"key {key}", f"{fault}: {how_to_fix(value)}", False)
        else:
            yield Finding(
                f"key {key}", "set" if value else "not set", (bool(value) or None) if not needed else bool(value)
            )
    yield from _output(Path(recipe.config.output if recipe else "outputs"))


def _keys(recipe: Recipe | None) -> dict[str, bool]:
    """The environment variables that keys are read from, and whether the config needs them."""
    keys = {KEY: False}
    if recipe is not None:
        for teacher in recipe.pipeline.teachers.values():
            if name := teacher.api_key_env:
                keys[name] = not teacher.urls
    return keys


def _output(folder: Path) -> Iterator[Finding]:
    existing = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.is_dir())
    try:
        with tempfile.TemporaryFile(dir=existing):
            yield Finding("output", f"{folder} can be written", True)
    except OSError as error:
        yield Finding("output", f"{folder} cannot be written: {error.strerror}", False)
    free = shutil.disk_usage(existing).free / 2**30
    yield Finding("disk", f"{free:,.1f} GiB free", free >= LEAST_FREE_GIB)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
