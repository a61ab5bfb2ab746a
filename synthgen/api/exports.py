"""Exports by what names them: the accepted records of a run in the formats of trainers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from synthgen.errors import ConfigError
from synthgen.formats.exporting import Export
from synthgen.plugins import BUILTINS, Finder, build
from synthgen.store import Exported, RunFolder
from synthgen.store.exports import export_run, exported


def export(
    path: Path | str, formats: Sequence[str], *, out: Path | None = None, base: Path | None = None
) -> list[Exported]:
    """Writes `exports/<name>/` for each format, in place of an earlier export of that name.

    A format is a built-in's name, or one of yours: `./exports.py:mine`, seen from `base` (the current folder if None).
    With `out`, `<out>/<name>/` are written instead, none of which may be there yet, and the run is only read.

    Raises:
        ConfigError: a format has no such name.
        StageError: an export failed at a record.
        StoreError: the run has no dataset yet, another process works on it, or it cannot be written.
    """
    folder = RunFolder.open(path)
    return export_run(folder, exports_of(formats, base or Path.cwd()), out=out)


def exports_of(formats: Sequence[str], base: Path) -> list[Export]:
    """The exports of these names, each once.

    Raises:
        ConfigError: there is none of a name, or two have one name.
    """
    finder, made = Finder(base), dict[str, Export]()
    for use in dict.fromkeys(formats):
        found = finder.find(use, ("export",))
        try:
            built: Export = build(found, {}, base).part
        except ValidationError as error:
            needed = ", ".join(str(details["loc"][-1]) for details in error.errors())
            raise ConfigError(
                f"the export {use!r} needs settings: {needed}",
                key="export",
                hint="name it in the config: export: [{use: …, …}]",
            ) from error
        if built.name in made:
            raise ConfigError(f"{made[built.name].use!r} and {use!r} have one name", key="export", hint="rename one")
        made[built.name] = built
    return list(made.values())


def renewed(folder: RunFolder, exports: Sequence[Export]) -> list[Export]:
    """These, and the built-in ones that the folder holds of an earlier dataset."""
    names = {export.name for export in exports}
    earlier = [name for name in exported(folder) if name in BUILTINS["export"] and name not in names]
    return [*exports, *exports_of(earlier, folder.path)]
