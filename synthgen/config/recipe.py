"""A config as a pipeline that can be run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from synthgen import assets
from synthgen.config.document import Document, dotted
from synthgen.config.merge import override, read_config
from synthgen.config.models import Config
from synthgen.config.parts import Parts
from synthgen.config.plain_secrets import refuse_secrets
from synthgen.config.problems import combined, problems
from synthgen.config.training import checked_section
from synthgen.errors import ConfigError
from synthgen.pipeline import Pipeline
from synthgen.plugins import nearest
from synthgen.plugins.nulls import validated
from synthgen.prompts import Renderer
from synthgen.spending import Budget
from synthgen.store.folder import flat

FINGERPRINT = "fingerprint"
"""The key under which a run folder's config notes which version of `files` it holds."""

Kind = Literal["run", "loop", "training"]

_COMMANDS: dict[Kind, str] = {"run": "synthgen run", "loop": "synthgen loop", "training": "synthgen train"}
_ONLY: dict[Kind, set[str]] = {
    "run": {"source", "teacher", "teachers", "stages", "selectors", "target", "budget", "export", "window"},
    "loop": {"seeds", "held_out", "student", "generate", "mix", "init", "evaluate", "gate", "alarms"},
}
"""Keys by which a run's config and a loop's are told apart; a training's has `train` alone."""

PARTS = ("source", "teacher", "teachers", "stages", "selectors")
"""Keys that hold entries with `use`."""


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
    refuse_secrets(document)
    if _kept(path):
        for key in ("files", FINGERPRINT):
            document.data.pop(key, None)
    check_kind(document, "run", config, path)
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
    folder = Path(config).parent
    beside = [str(folder / path.name) for pattern in ("*.yaml", "*.yml") for path in sorted(folder.glob(pattern))]
    named = {Path(name).stem: name for name in [*beside, *shipped]}  # by what differs: all files end alike
    near = named.get(nearest(Path(config).stem, named) or "")
    raise ConfigError(
        f"there is no config {config}",
        hint=(f"did you mean {near!r}? " if near else "")
        + f"`synthgen init my_project` makes a project; shipped recipes, run by name: {', '.join(shipped)}",
    )


def check_kind(document: Document, wanted: Kind, config: Path | str, file: Path) -> None:
    """Raises `ConfigError`, with the command that takes it, where a config describes something else than is wanted."""
    found = max(_ONLY, key=lambda kind: len(_ONLY[kind] & document.data.keys()))
    if not _ONLY[found] & document.data.keys():
        found = "training" if "train" in document.data else wanted
    if found != wanted:
        raise ConfigError(
            f"this config describes a {found}, not a {wanted}",
            file=file,
            hint=f"`{_COMMANDS[found]} {shlex.quote(str(config))}` runs it",
        )


def _kept(path: Path) -> bool:
    """Whether a run folder keeps this config; it holds the hashes of the `files` that it names, too."""
    return path.name == "config.yaml" and (path.parent / "journal.sqlite").is_file()


def make_recipe(document: Document, base: Path, *, default_name: str) -> Recipe:
    """The recipe of a document.

    Raises:
        ConfigError: with everything that is wrong in it.
    """
    data = {**document.data, "name": document.data.get("name") or default_name}
    document = Document(data, document.places)
    # those of parts are the parts' own to decide
    taken_back = [key for key in document.taken_back() if key[0] not in PARTS]
    try:
        config, _ = validated(Config, data, taken_back)
    except ValidationError as error:
        raise combined(problems(error, document, (), Config)) from error
    if config.train is not None:
        section, wrong = checked_section(config.train, document)
        if wrong:
            raise combined(wrong)
        config = config.model_copy(update={"train": section})
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
