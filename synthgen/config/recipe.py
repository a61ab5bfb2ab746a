"""A recipe: a config file read, its parts found and built, with everything that is wrong in it said at once."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from synthgen import assets
from synthgen.config.document import Document, Key, dotted
from synthgen.config.merge import label, override, read_config
from synthgen.config.models import (
    OWN_DATASET,
    TRAIN_SECTION,
    Config,
    Entry,
    LabelledEntry,
    checked_training,
    training_data,
)
from synthgen.config.problems import KEYS_HERE, UNKNOWN, combined, problems, refuse_secrets
from synthgen.engine.budget import Budget
from synthgen.engine.pipeline import Pipeline
from synthgen.errors import ConfigError
from synthgen.formats.exporting import Export
from synthgen.plugins import BUILTINS, Finder, Kind, build, setting_names, settings_model
from synthgen.plugins.kinds import moved
from synthgen.plugins.settings import validated
from synthgen.prompting.templates import Renderer
from synthgen.protocols import Selector, Source, Stage, Teacher, adapted, teacher_named
from synthgen.store.folder import flat
from synthgen.text import nearest

TAKEN = ("source", "commit")
"""Labels that reports use for other things than stages."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a pipeline; `resolved` are their entries with all settings, `files` the user's files they are in."""

    source: Source
    teachers: dict[str, Teacher]
    stages: list[tuple[str, Stage]]
    selectors: list[tuple[str, Selector]]
    exports: tuple[Export, ...]
    resolved: dict[str, Any]
    files: tuple[Path, ...]

    @classmethod
    def build(cls, config: Config, document: Document, base: Path) -> Parts:
        """The parts of a config.

        Raises:
            ConfigError: with everything that is wrong with any of them.
        """
        workshop = Workshop(document, base)
        source = workshop.make(("source",), config.source, "source")
        teacher = None if config.teacher is None else workshop.make(("teacher",), config.teacher, "teacher")
        others = {name: workshop.make(("teachers", name), e, "teacher") for name, e in config.teachers.items()}
        stages = [workshop.make(("stages", i), e, "stage", "filter") for i, e in enumerate(config.stages)]
        selectors = [workshop.make(("selectors", i), e, "selector") for i, e in enumerate(config.selectors)]
        exports = [workshop.export(("export", i), entry) for i, entry in enumerate(config.export)]
        labels = workshop.labels([*config.stages, *config.selectors], len(config.stages))
        if teacher is not None and "teacher" in others:
            workshop.fail(("teachers", "teacher"), "the name is taken", "it is what `teacher:` is called")
        teachers = others if teacher is None else {"teacher": teacher, **others}
        workshop.check_teachers(stages, teachers)
        workshop.check_prompts(stages)
        workshop.check_exports(exports)
        if workshop.errors:
            raise combined(workshop.errors)
        return cls(
            source=source.part,
            teachers={name: made.part for name, made in teachers.items()},
            stages=[(name, made.part) for name, made in zip(labels, stages, strict=False)],
            selectors=[(name, made.part) for name, made in zip(labels[len(stages) :], selectors, strict=True)],
            exports=tuple({made.part.name: made.part for made in exports}.values()),
            resolved={
                "source": source.resolved,
                "teacher": None if teacher is None else teacher.resolved,
                "teachers": {name: made.resolved for name, made in others.items()},
                "stages": [made.resolved for made in stages],
                "selectors": [made.resolved for made in selectors],
                "export": [
                    entry if isinstance(entry, str) else made.resolved
                    for entry, made in zip(config.export, exports, strict=True)
                ],
            },
            files=tuple(sorted(workshop.files)),
        )


@dataclass(frozen=True, slots=True)
class Made:
    """A part, and its entry with all settings; FAILED is none."""

    part: Any
    resolved: dict[str, Any]


FAILED = Made(None, {})


class Workshop:
    """Makes parts and gathers what is wrong with them."""

    def __init__(self, document: Document, base: Path) -> None:
        self.errors: list[ConfigError] = []
        self.files: set[Path] = set()
        self._document = document
        self._base = base
        self._finder = Finder(base)

    def make(self, key: Key, entry: Entry, *kinds: Kind, at: Key | None = None) -> Made:
        """The part that the entry at this key names; its `use` stands `at` a key below if None."""
        try:
            found = self._finder.find(entry.use, kinds)
        except ConfigError as error:
            self._note(error, at or (*key, "use"))
            return FAILED
        if found.file is not None:
            self.files.add(found.file)
        try:
            built = build(found, entry.settings, self._base, self._document.taken_back(*key))
        except ValidationError as error:
            wrong = problems(error, self._document, key, settings_model(found.part, found.kind))
            for problem in wrong:
                self._name_owner(problem, found.use, kinds)
            self.errors += wrong
        except ConfigError as error:
            self._note(error, (*key, error.key) if error.key else key)
        else:
            name = {"name": entry.name} if isinstance(entry, LabelledEntry) and entry.name else {}
            return Made(built.part, {"use": entry.use, **name, **built.settings})
        return FAILED

    def export(self, key: Key, entry: str | LabelledEntry) -> Made:
        """The export that stands at this key: a name, or an entry with settings. Its file shapes no record."""
        files = set(self.files)
        if isinstance(entry, str):
            made = self.make(key, Entry(use=entry), "export", at=key)
        else:
            made = self.make(key, entry, "export")
        self.files = files
        if made.part is not None and isinstance(entry, LabelledEntry) and entry.name:
            return Made(replace(made.part, name=entry.name), made.resolved)
        return made

    def check_exports(self, exports: Sequence[Made]) -> None:
        """Notes an error for each export whose folder would be that of another."""
        taken: dict[str, Made] = {}
        for number, export in enumerate(exports):
            if export.part is not None and taken.setdefault(export.part.name, export).resolved != export.resolved:
                self.fail(
                    ("export", number),
                    f"the name {export.part.name!r} is taken, by {taken[export.part.name].part.use}",
                    f"give it another: {{use: {export.part.use}, name: …}}",
                )

    def _name_owner(self, problem: ConfigError, use: str, kinds: Sequence[Kind]) -> None:
        """Says which built-in has a setting that this part has not, and nothing like it."""
        setting = (problem.key or "").rpartition(".")[2]
        if problem.message != UNKNOWN or not (problem.hint or "").startswith(KEYS_HERE):
            return
        owners = [
            name
            for kind in kinds
            for name in BUILTINS[kind]
            if name != use and setting in setting_names(settings_model(self._finder.find(name, (kind,)).part, kind))
        ]
        if owners:
            others = f" (or {', '.join(owners[1:])})" if owners[1:] else ""
            problem.hint = f"it is a setting of `use: {owners[0]}`{others}, and this part is {use}"

    def labels(self, entries: Sequence[LabelledEntry], stages: int) -> list[str]:
        """What stages and then selectors are called in reports, each once: a second `length` is `length_2`."""
        labels: list[str] = []
        for number, entry in enumerate(entries):
            taken = (*TAKEN, *labels)
            if entry.name in taken:
                key: Key = ("stages", number) if number < stages else ("selectors", number - stages)
                self.fail((*key, "name"), f"the name {entry.name!r} is taken", "give every stage a name of its own")
            labels.append(_free(label({"use": entry.use, "name": entry.name}), taken))
        return labels

    def check_teachers(self, stages: Sequence[Made], teachers: Mapping[str, Made]) -> None:
        """Notes an error for each stage that asks a teacher which the config does not name."""
        for number, stage in enumerate(stages):
            asked = stage.resolved.get("teacher")
            if isinstance(asked, str):
                try:
                    teacher_named(asked, teachers)
                except ConfigError as error:
                    self._note(error, ("stages", number, "teacher"))

    def check_prompts(self, stages: Sequence[Made]) -> None:
        """Notes an error for each stage whose prompt template, or one that it names, cannot be used."""
        renderer = Renderer(self._base)
        for number, stage in enumerate(stages):
            for key in () if stage.part is None else adapted(stage.part, Stage).prompt_settings:
                if name := stage.resolved.get(key):
                    try:
                        renderer.check(name)
                    except ConfigError as error:
                        self._note(error, ("stages", number, key))

    def fail(self, key: Key, message: str, hint: str) -> None:
        """Notes an error at this key."""
        self.errors.append(self._document.error(key, message, hint=hint))

    def _note(self, error: ConfigError, key: Key) -> None:
        """Notes an error, with the place of the key where it has no place of its own."""
        here = self._document.error(key, "")
        if error.file is None:
            error.file, error.line = here.file, here.line
        error.key = here.key
        self.errors.append(error)


def _free(name: str, taken: Sequence[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


FINGERPRINT = "fingerprint"
"""The key under which a run folder's config notes which version of `files` it holds."""

RecipeKind = Literal["run", "loop", "training"]

_COMMANDS: dict[RecipeKind, str] = {"run": "synthgen run", "loop": "synthgen loop", "training": "synthgen train"}
_ONLY: dict[RecipeKind, set[str]] = {
    "run": {"source", "teacher", "teachers", "stages", "selectors", "target", "budget", "export", "window"},
    "training": {"model", "data", "out", "method", "epochs", "max_steps", "learning_rate", "batch_size"},
    "loop": {"seeds", "held_out", "student", "generate", "mix", "init", "evaluate", "gate", "alarms"},
}
"""Keys at the top by which recipes are told apart; a training's may also be all under `train`."""

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
    exports: tuple[Export, ...] = ()


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
    if is_kept(path):
        document.data.update(as_written_now(document.data))
        for key in ("files", FINGERPRINT):
            document.data.pop(key, None)
    check_kind(document, "run", config, path)
    return make_recipe(document, base, default_name=default_name(path, base))


def as_written_now(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config that an earlier version kept in a run folder, as this version would have written it."""
    if FINGERPRINT in config:
        return dict(config)
    found: dict[str, Any] = _moved(config)
    source = found.get("source")
    if isinstance(source, dict) and source.get("use") == "dataset" and source.get("split") == "train":
        source["split"] = None  # what it was by default, and had no effect on files
    return found


def _moved(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: moved(v) if k == "use" and isinstance(v, str) else _moved(v) for k, v in value.items()}
    return [_moved(v) for v in value] if isinstance(value, list) else value


def locate(config: Path | str) -> tuple[Path, Path]:
    """The file of a config, and the folder that its paths start from. A folder stands for its `config.yaml`.

    Raises:
        ConfigError: there is neither such a file nor a shipped recipe of that name.
    """
    for path in (Path(config), Path(config) / "config.yaml"):
        if path.is_file():
            return path, Path.cwd() if is_kept(path) else path.resolve().parent
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


def check_kind(document: Document, wanted: RecipeKind, config: Path | str, file: Path) -> None:
    """Raises `ConfigError`, with the command that takes it, where a config describes something else than is wanted."""
    found = kind_of(document) or wanted
    if found != wanted:
        raise ConfigError(
            f"this config describes a {found}, not a {wanted}",
            file=file,
            hint=f"`{_COMMANDS[found]} {shlex.quote(str(config))}` runs it",
        )


def kind_of(document: Document) -> RecipeKind | None:
    """What a config describes, by its keys; None where they do not tell."""
    found = max(_ONLY, key=lambda kind: len(_ONLY[kind] & document.data.keys()))
    if _ONLY[found] & document.data.keys():
        return found
    return "training" if TRAIN_SECTION in document.data else None


def default_name(path: Path, base: Path) -> str:
    """What a config is called that has no `name`: as its file, or as its folder."""
    return base.name if path.stem == "config" else path.stem


def is_kept(path: Path) -> bool:
    """Whether a run folder keeps this file: its config, with hashes of the `files` that it names, or its training."""
    return path.name in ("config.yaml", "train.yaml") and (path.parent / "journal.sqlite").is_file()


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
        section, wrong = checked_training(config.train, document)
        if not wrong and all(source.get("path") != OWN_DATASET for source in training_data(section)):
            hint = f"`{OWN_DATASET}` names it: data: [{OWN_DATASET}, {{path: general.jsonl, earlier: true}}]"
            wrong = [document.error((TRAIN_SECTION, "data"), "the run's own dataset is not among the data", hint=hint)]
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
    return Recipe(config, pipeline, renderer, resolved, base, parts.files, written, parts.exports)
