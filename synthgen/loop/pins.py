"""What may not change once a loop has begun: held-out tasks, seed data, verifiers, the trainer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthgen import assets
from synthgen.config import Recipe
from synthgen.config.shape import shaping_files
from synthgen.errors import ConfigError
from synthgen.loop.door import source_hash
from synthgen.loop.evaluation import prompts
from synthgen.loop.monitoring import monitors
from synthgen.loop.recipe import LoopRecipe
from synthgen.loop.records import write_records
from synthgen.loop.steps import digest
from synthgen.loop.tasks import Tasks
from synthgen.plugins import PROMPT_SETTINGS
from synthgen.plugins.find import Finder
from synthgen.records import Record
from synthgen.store import atomic
from synthgen.store.values import damaged, read_json

PINS = "pins.json"


def lay_out(recipe: LoopRecipe, folder: Path) -> dict[str, Path]:
    """Writes seed data and held-out tasks into the folder, where no loop has begun there, and returns their paths.

    Paths: `seeds`, and for each held-out set its records and, as `<name>/prompts`, its tasks without answers.
    """
    paths: dict[str, Path] = {"seeds": folder / "seeds.jsonl"}
    for name in recipe.config.held_out:
        paths[name] = folder / "held_out" / f"{name}.jsonl"
        paths[f"{name}/prompts"] = folder / "held_out" / f"{name}.prompts.jsonl"
    if not (folder / PINS).is_file():
        (folder / "held_out").mkdir(parents=True, exist_ok=True)
        for name in ("seeds", *recipe.config.held_out):
            records = recipe.seed_data()[0] if name == "seeds" else recipe.records(name)
            write_records(paths[name], records)
            if name != "seeds":
                rows = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in prompts(records))
                atomic.write(paths[f"{name}/prompts"], rows)
    return paths


def pin(recipe: LoopRecipe, folder: Path, generation: Recipe | None) -> None:
    """Keeps a hash of all that is pinned; of a loop that has begun, compares it.

    Raises:
        ConfigError: something is not what it was when the loop began.
    """
    pins: dict[str, Any] = {"recipe": digest(_fixed(recipe)), "trainer": source_hash(recipe.trainer())}
    for name in ("seeds", *recipe.config.held_out):
        pins[name] = _content(recipe.records(name))
    if generation is not None:
        pins["stages"] = {
            label: source_hash(getattr(stage, "filter", stage)) for label, stage in generation.pipeline.stages
        }
        if templates := _templates(generation):  # a judge is what its rubric says
            pins["prompts"] = templates
        pins["files"] = {name: source_digest(path) for name, path in sorted(_own_files(generation).items())}
        if isinstance(generation.pipeline.source, Tasks):
            pins["tasks"] = _content(generation.pipeline.source.known)
    if recipe.config.evaluate.check is not None:
        use = recipe.config.evaluate.check.use
        pins["check"] = source_hash(Finder(recipe.base).find(use, ("filter",)).part)
    if (look := monitors(recipe)) is not None:
        pins["monitors"] = source_hash(look)
    _compare(folder / PINS, pins)
    if not (folder / PINS).is_file():
        atomic.write(folder / PINS, json.dumps(pins, indent=1) + "\n")


def _pinned(before: dict[str, Any], name: str) -> Any:
    files = before.get("files")
    return files.get(name) if isinstance(files, dict) else None


def source_digest(path: Path) -> str:
    """16 hex digits over a file."""
    return atomic.sha256(path)[:16]


def _own_files(generation: Recipe) -> dict[str, Path]:
    """The files that decide beside the source's, which grow from round to round."""
    own = shaping_files(generation)
    return {
        name: path for name, path in own.items() if path not in set(getattr(generation.pipeline.source, "files", ()))
    }


def _content(records: Sequence[Record]) -> str:
    return digest([[r.instruction, r.input, r.output, r.task_type] for r in records])


def _templates(generation: Recipe) -> dict[str, str]:
    """The hashes of the prompt templates that the stages name."""
    stages = generation.resolved["stages"]
    names = {stage[key] for stage in stages for key in PROMPT_SETTINGS.get(stage["use"], ()) if stage.get(key)}
    files = {name: assets.find("prompts", name, generation.base) for name in sorted(names)}
    return {name: digest(file.read_text(encoding="utf-8")) for name, file in files.items()}


def _fixed(recipe: LoopRecipe) -> dict[str, Any]:
    """The recipe without what a loop that goes on may change: when it stops, and where it lies."""
    values = recipe.config.model_dump(mode="json", exclude={"stop", "output", "name"})
    values["student"].pop("device", None)
    return values


def _compare(path: Path, pins: dict[str, Any]) -> None:
    if not path.is_file():
        return
    before = read_json(path, f"restore it from a copy; removing {path.parent} and starting anew is the other way")
    if not before.keys() & pins.keys():
        raise damaged(
            path, "it pins nothing", f"restore it from a copy, or start afresh with --out (not {path.parent})"
        )
    # a loop of an earlier version has pinned less
    changed = [name for name in pins if name in before and before[name] != pins[name]]
    if changed:
        files = [name for name in pins.get("files", {}) if _pinned(before, name) != pins["files"][name]]
        named = f" ({', '.join(files)})" if "files" in changed and files else ""
        raise ConfigError(
            f"what is pinned has changed since the loop began: {', '.join(changed)}{named}",
            file=path,
            hint="scores before and after could not be compared; start afresh with --out FOLDER",
        )
