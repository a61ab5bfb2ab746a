"""The parts that a config names: found, built, labelled, with everything that is wrong with them said at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from synthgen.config.document import Document, Key
from synthgen.config.merge import label
from synthgen.config.models import Config, Entry, LabelledEntry
from synthgen.config.problems import KEYS_HERE, UNKNOWN, combined, problems
from synthgen.errors import ConfigError
from synthgen.plugins import (
    BUILTINS,
    PROMPT_SETTINGS,
    Finder,
    Kind,
    build,
    setting_names,
    settings_model,
    suggestion,
)
from synthgen.prompts import Renderer
from synthgen.protocols import Selector, Source, Stage, Teacher

TAKEN = ("source", "commit")
"""Labels that reports use for other things than stages."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a pipeline; `resolved` are their entries with all settings, `files` the user's files they are in."""

    source: Source
    teachers: dict[str, Teacher]
    stages: list[tuple[str, Stage]]
    selectors: list[tuple[str, Selector]]
    resolved: dict[str, Any]
    files: tuple[Path, ...]

    @classmethod
    def build(cls, config: Config, document: Document, base: Path) -> Parts:
        """The parts of a config.

        Raises:
            ConfigError: with everything that is wrong with any of them.
        """
        workshop = _Workshop(document, base)
        source = workshop.make(("source",), config.source, "source")
        teacher = None if config.teacher is None else workshop.make(("teacher",), config.teacher, "teacher")
        others = {name: workshop.make(("teachers", name), e, "teacher") for name, e in config.teachers.items()}
        stages = [workshop.make(("stages", i), e, "stage", "filter") for i, e in enumerate(config.stages)]
        selectors = [workshop.make(("selectors", i), e, "selector") for i, e in enumerate(config.selectors)]
        labels = workshop.labels([*config.stages, *config.selectors], len(config.stages))
        if teacher is not None and "teacher" in others:
            workshop.fail(("teachers", "teacher"), "the name is taken", "it is what `teacher:` is called")
        teachers = others if teacher is None else {"teacher": teacher, **others}
        workshop.check_teachers(stages, sorted(teachers))
        workshop.check_prompts(stages)
        if workshop.errors:
            raise combined(workshop.errors)
        return cls(
            source=source.part,
            teachers={name: made.part for name, made in teachers.items()},
            stages=[(name, made.part) for name, made in zip(labels, stages, strict=False)],
            selectors=[(name, made.part) for name, made in zip(labels[len(stages) :], selectors, strict=True)],
            resolved={
                "source": source.resolved,
                "teacher": None if teacher is None else teacher.resolved,
                "teachers": {name: made.resolved for name, made in others.items()},
                "stages": [made.resolved for made in stages],
                "selectors": [made.resolved for made in selectors],
            },
            files=tuple(sorted(workshop.files)),
        )


@dataclass(frozen=True, slots=True)
class _Made:
    part: Any
    resolved: dict[str, Any]


_FAILED = _Made(None, {})


class _Workshop:
    """Makes parts and gathers what is wrong with them."""

    def __init__(self, document: Document, base: Path) -> None:
        self.errors: list[ConfigError] = []
        self.files: set[Path] = set()
        self._document = document
        self._base = base
        self._finder = Finder(base)

    def make(self, key: Key, entry: Entry, *kinds: Kind) -> _Made:
        """The part that the entry at this key names."""
        try:
            found = self._finder.find(entry.use, kinds)
        except ConfigError as error:
            self._note(error, (*key, "use"))
            return _FAILED
        if found.file is not None:
            self.files.add(found.file)
        try:
            built = build(found, entry.settings, self._base, self._document.taken_back(*key))
        except ValidationError as error:
            wrong = problems(error, self._document, key, settings_model(found.part))
            for problem in wrong:
                self._name_owner(problem, found.use, kinds)
            self.errors += wrong
        except ConfigError as error:
            self._note(error, (*key, error.key) if error.key else key)
        else:
            name = {"name": entry.name} if isinstance(entry, LabelledEntry) and entry.name else {}
            return _Made(built.part, {"use": entry.use, **name, **built.settings})
        return _FAILED

    def _name_owner(self, problem: ConfigError, use: str, kinds: Sequence[Kind]) -> None:
        """Says which built-in has a setting that this part has not, and nothing like it."""
        setting = (problem.key or "").rpartition(".")[2]
        if problem.message != UNKNOWN or not (problem.hint or "").startswith(KEYS_HERE):
            return
        owners = [
            name
            for kind in kinds
            for name in BUILTINS[kind]
            if name != use and setting in setting_names(settings_model(self._finder.find(name, (kind,)).part))
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

    def check_teachers(self, stages: Sequence[_Made], teachers: Sequence[str]) -> None:
        """Notes an error for each stage that asks a teacher which the config does not name."""
        for number, stage in enumerate(stages):
            asked = stage.resolved.get("teacher")
            if isinstance(asked, str) and asked not in teachers:
                hint = suggestion(asked, teachers) if teachers else "add teacher: {use: procedural}"
                self.fail(("stages", number, "teacher"), f"the config names no teacher {asked!r}", hint)

    def check_prompts(self, stages: Sequence[_Made]) -> None:
        """Notes an error for each built-in stage whose prompt template, or one that it names, cannot be used."""
        renderer = Renderer(self._base)
        for number, stage in enumerate(stages):
            for key in PROMPT_SETTINGS.get(stage.resolved.get("use", ""), ()):
                if name := stage.resolved[key]:
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
