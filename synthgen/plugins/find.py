"""Finds what `use:` names: a built-in, something in a file or a module, an installed plug-in; and its code's files."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from synthgen.errors import PluginError, SynthgenError
from synthgen.plugins.kinds import BUILTINS, GROUPS, Kind, a, check_kind, moved, named
from synthgen.text import suggestion


@dataclass(frozen=True, slots=True)
class Found:
    """What a `use:` names: its kind, the class or function, a short label, and the user's file it is in."""

    use: str
    kind: Kind
    part: Any
    label: str
    file: Path | None = None


class Finder:
    """Finds parts. Paths start from `base`, the config's folder; a file is read once per finder, so edits are seen."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self._modules: dict[Path, ModuleType] = {}

    def find(self, use: str, kinds: Sequence[Kind]) -> Found:
        """The part of one of these kinds.

        Raises:
            PluginError: there is none of that name, its file or module does not import, or it is of another kind.
        """
        place, colon, name = moved(use).rpartition(":")
        if _is_path(place if colon else use):
            return self._in_file(use, place, name, kinds)
        if colon:
            module = _import(use, place)
            part = _attribute(use, module, name, place)
            return Found(use, check_kind(use, part, kinds), part, name.rpartition(".")[2])
        for kind in kinds:
            if use in BUILTINS[kind]:
                place, _, name = BUILTINS[kind][use].partition(":")
                return Found(use, kind, getattr(importlib.import_module(place), name), use)
        return self._installed(use, kinds)

    def _in_file(self, use: str, place: str, name: str, kinds: Sequence[Kind]) -> Found:
        if not place:
            raise PluginError(
                f"{use!r} names a file and nothing in it", hint=f"add the name of a function or class: {use}:name"
            )
        path = (self.base / place).resolve()
        if path not in self._modules:
            self._modules[path] = _load(use, path)
        part = _attribute(use, self._modules[path], name, place)
        return Found(use, check_kind(use, part, kinds), part, name.rpartition(".")[2], path)

    def _installed(self, use: str, kinds: Sequence[Kind]) -> Found:
        for kind in kinds:
            points = list(importlib.metadata.entry_points(group=GROUPS[kind], name=use))
            if len({point.value for point in points}) > 1:
                values = " and ".join(sorted(point.value for point in points))
                raise PluginError(f"two installed packages have a {kind} {use!r}", hint=f"name one of {values}")
            if points:
                place, _, name = points[0].value.partition(":")
                part = _attribute(use, _import(use, place), name.strip(), place)
                return Found(use, check_kind(use, part, (kind,)), part, use)
        raise PluginError(f"there is no {named(kinds)} {use!r}", hint=_hint(use, kinds))


def known(kinds: Sequence[Kind]) -> list[str]:
    """The short names that `use:` takes for these kinds: built-in and installed ones."""
    names = {name for kind in kinds for name in BUILTINS[kind]}
    for kind in kinds:
        names.update(point.name for point in importlib.metadata.entry_points(group=GROUPS[kind]))
    return sorted(names)


def _hint(use: str, kinds: Sequence[Kind]) -> str:
    for kind, table in BUILTINS.items():
        if use in table:
            return f"{use!r} is {a(kind)}, but {a(*kinds)} belongs here"
    if "." in use:
        return "a name in an installed module is written package.module:name, one beside the config ./file.py:name"
    return suggestion(use, known(kinds))


def _is_path(place: str) -> bool:
    return place.endswith(".py") or place.startswith(".") or "/" in place


def _load(use: str, path: Path) -> ModuleType:
    if not path.is_file():
        near = suggestion(path.name, [p.name for p in path.parent.glob("*.py")], what=f"in {path.parent} there are")
        raise PluginError(f"{use!r}: there is no file {path}", hint=near)
    _neighbours_of(path.parent)
    # a name of its own: the user's `filters.py` must not meet another module of that name
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:8]
    spec = importlib.util.spec_from_file_location(f"_synthgen_{digest}_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{use!r}: {path} is no Python file", hint="name a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses and pydantic look annotations up
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise PluginError(f"{use!r} is no valid Python: {error.msg}", file=error.filename, line=error.lineno) from error
    except SynthgenError:
        raise
    except Exception as error:
        raise _import_error(use, error) from error
    return module


_added: list[str] = []
"""The folders that were put on the path so that plug-ins find their neighbours, the latest last."""


def _neighbours_of(folder: Path) -> None:
    """Lets a file of this folder import its neighbours, and not their namesakes of another project in this process."""
    own = {path.stem for path in folder.glob("*.py")} | {path.name for path in folder.iterdir() if path.is_dir()}
    others = [Path(other) for other in _added if other != str(folder)]
    for name, module in list(sys.modules.items()):
        place = getattr(module, "__file__", None)
        if name.partition(".")[0] in own and place and any(other in Path(place).parents for other in others):
            del sys.modules[name]
    if str(folder) in sys.path and str(folder) not in _added:
        return  # it is there for another reason
    for other in _added:
        if other in sys.path:
            sys.path.remove(other)
    _added[:] = [*(other for other in _added if other != str(folder)), str(folder)]
    # at the end, so that they hide nothing installed; the latest project before the others
    sys.path += reversed(_added)


def _import(use: str, place: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name and (place == error.name or place.startswith(f"{error.name}.")):
            raise PluginError(
                f"{use!r}: there is no module {error.name!r}",
                hint=f"install the package, or write ./{place.replace('.', '/')}.py:… for a file beside the config",
            ) from error
        raise _import_error(use, error) from error
    except Exception as error:
        raise _import_error(use, error) from error


def _import_error(use: str, error: Exception) -> PluginError:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    hint = None
    if isinstance(error, ModuleNotFoundError):
        hint = f"install what provides {error.name!r} in the same environment as synthgen"
    return PluginError(
        f"{use!r} cannot be imported: {type(error).__name__}: {error}",
        file=frame.filename if not frame.filename.startswith("<") else None,
        line=frame.lineno if not frame.filename.startswith("<") else None,
        hint=hint or "fix the file; `--debug` shows the whole traceback",
    )


def _attribute(use: str, module: ModuleType, name: str, place: str) -> Any:
    value: Any = module
    for step in name.split("."):
        if not hasattr(value, step):
            own = [
                n
                for n, v in vars(module).items()
                if not n.startswith("_") and callable(v) and getattr(v, "__module__", None) == module.__name__
            ]
            raise PluginError(f"{place} defines no {name!r}", hint=suggestion(name, own, what="it defines"))
        value = getattr(value, step)
    return value


BUILT_IN = "built in"
"""What stands for the hash of a part of this package."""


def source_hash(part: Any) -> str:
    """16 hex digits over the module that a user's part is defined in; `BUILT_IN` for one of this package.

    What a built-in part does is named by its settings: its code may move from version to version.
    """
    module = inspect.getmodule(inspect.unwrap(getattr(part, "func", part)) if callable(part) else type(part))
    if getattr(module, "__name__", "").partition(".")[0] in ("synthgen", "synthgen_train"):
        return BUILT_IN
    file = getattr(module, "__file__", None)
    return "" if file is None else hashlib.sha256(Path(file).name.encode() + Path(file).read_bytes()).hexdigest()[:16]


def imported_files(file: Path, folder: Path) -> set[Path]:
    """The Python files below `folder` that the file imports, directly or through others; without the file itself.

    They are read and not run, so an import inside a function counts, too; one whose name is computed does not.
    """
    found: set[Path] = set()
    waiting = [file.resolve()]
    while waiting:
        for path in _files_imported_by(waiting.pop(), folder.resolve()):
            if path not in found:
                found.add(path)
                waiting.append(path)
    return found - {file.resolve()}


def _files_imported_by(file: Path, folder: Path) -> Iterator[Path]:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return  # whoever imports it says what is wrong with it
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield from _files_of(folder, name.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            start = folder if not node.level else file.parents[node.level - 1]
            steps = node.module.split(".") if node.module else []
            for name in node.names:
                yield from _files_of(start, [*steps, name.name])
            if any(name.name == "*" for name in node.names):
                yield from sorted(start.joinpath(*steps).glob("*.py"))


def _files_of(folder: Path, steps: list[str]) -> Iterator[Path]:
    """The files that importing this dotted name reads: of every package on the way, and of the module."""
    place = folder
    for step in steps:
        if (module := place / f"{step}.py").is_file():
            yield module.resolve()
        place = place / step
        if (package := place / "__init__.py").is_file():
            yield package.resolve()
