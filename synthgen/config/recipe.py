"""A config as a pipeline that can be run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from synthgen import assets
from synthgen.config.document import Document, dotted
from synthgen.config.merge import override, read_config
from synthgen.config.models import Config
from synthgen.config.parts import Parts
from synthgen.config.problems import combined, problems
from synthgen.config.training import section_problems
from synthgen.errors import ConfigError
from synthgen.pipeline import Pipeline
from synthgen.prompts import Renderer
from synthgen.spending import Budget
from synthgen.store.folder import flat

FINGERPRINT = "fingerprint"
"""The key under which a run folder's config notes which version of `files` it holds."""

LOOP = {"held_out", "train"}
"""Keys by which the config of a loop is told from that of a run."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A config that has been checked and built.

    `resolved` is the config with all defaults, also those of its parts; `written` are the dotted keys that the user
    wrote; `base` is the folder that paths start from; `files` are the user's files that parts were read from.
    """

    config: Config
    pipeline: Pipeline
    renderer: Renderer
    resolved: dict[str, Any]
    base: Path
    files: tuple[Path, ...] = ()
    written: frozenset[str] = frozenset()


def load(config: Path | str = "config.yaml", overrides: Sequence[str] = ()) -> Recipe:
    """The recipe of a config file, or of a shipped recipe by its name; `overrides` are as `--set` takes them.

    Paths in a config start from its folder, those in a shipped recipe or in the config that a run folder keeps from the
    current one.

    Raises:
        ConfigError: with everything that is wrong in the config.
    """
    path, base = locate(config)
    document = override(read_config(path), overrides)
    if _kept(path):
        for key in ("files", FINGERPRINT):
            document.data.pop(key, None)
    if document.data.keys() >= LOOP and "source" not in document.data:
        raise ConfigError("this config describes a loop", file=path, hint=f"`synthgen loop {config}` runs it")
    return make_recipe(document, base, default_name=base.name if path.stem == "config" else path.stem)


def locate(config: Path | str) -> tuple[Path, Path]:
    """The file of a config, and the folder that its paths start from. A folder stands for its `config.yaml`.

    Raises:
        ConfigError: there is neither such a file nor a shipped recipe of that name.
    """
    for path in (Path(config), Path(config) / "config.yaml"):
        if path.is_file():
            return path, Path.cwd() if _kept(path) else path.resolve().parent
    shipped = assets.names("recipes")
    if str(config) in shipped:
        return assets.find("recipes", str(config)), Path.cwd()
    raise ConfigError(
        f"there is no config {config}",
        hint=f"`synthgen init my_project` makes a project; shipped recipes, run by name: {', '.join(shipped)}",
    )


def _kept(path: Path) -> bool:
    """Whether a run folder keeps this config; it holds the hashes of the `files` that it names, too."""
    return path.name == "config.yaml" and (path.parent / "journal.sqlite").is_file()


def make_recipe(document: Document, base: Path, *, default_name: str) -> Recipe:
    """The recipe of a document.

    Raises:
        ConfigError: with everything that is wrong in it.
    """
    # a null says no more than an absent key: `stages:` with nothing under it
    data = {key: value for key, value in document.data.items() if value is not None}
    document = Document({"name": default_name, **data}, document.places)
    try:
        config = Config.model_validate(document.data)
    except ValidationError as error:
        raise combined(problems(error, document, (), Config)) from error
    if config.train is not None and (wrong := section_problems(config.train, document)):
        raise combined(wrong)
    parts = Parts.build(config, document, base)
    renderer = Renderer(base)
    pipeline = Pipeline(
        name=config.name,
        source=parts.source,
        stages=parts.stages,
        teachers=parts.teachers,
        selectors=parts.selectors,
        target=config.target,
        seed=config.seed,
        window=config.window,
        concurrency=None if config.concurrency == "auto" else config.concurrency,
        budget=Budget(**config.budget.model_dump()),
        max_attempts=config.stop.attempts,
        barren_attempts=config.stop.barren_attempts,
        base=base,
        render=renderer.render,
    )
    resolved = {**config.model_dump(mode="json", exclude={"extends"}), **parts.resolved}
    # a place is noted for each key of a file, but `--set` may give a key whole mappings and lists
    written = frozenset([*map(dotted, document.places), *(key for key, _ in flat(document.data))])
    return Recipe(config, pipeline, renderer, resolved, base, parts.files, written)
