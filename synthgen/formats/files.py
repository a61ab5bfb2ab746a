"""Which files of a folder are read, which are left aside and why, and how a record names its place in them."""

from __future__ import annotations

import glob
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from synthgen.errors import SeedError
from synthgen.formats.opening import NAMES, SUFFIXES, Kind, content_of, kind_by_name


def located(path: str, base: Path) -> Path:
    """The path that a config in the folder `base` means; `~` is the home folder."""
    return base / Path(path).expanduser()


def label_of(path: Path, base: Path) -> str:
    """A name for the file that is the same on every machine: relative to the config's folder, or `folder/file`."""
    try:
        return path.resolve().relative_to(base.resolve()).as_posix()
    except ValueError:
        return f"{path.resolve().parent.name}/{path.name}"


SPLITS = {
    "train": ("train", "training"),
    "test": ("test", "testing", "eval", "evaluation"),
    "validation": ("validation", "valid", "val", "dev"),
}
"""Words in the names of files and folders that tell a split, as the Hub reads them too."""

_SPLIT_OF = {word: split for split, words in SPLITS.items() for word in words}


def split_of(file: Path) -> str | None:
    """The split that the file's name tells, or else its folder's."""
    for part in (file.name.partition(".")[0], *reversed(file.parent.parts)):
        words = set(re.split(r"[\W_\d]+", part.lower()))
        for split, names in SPLITS.items():
            if words & set(names):
                return split
    return None


def named(split: str) -> str:
    """The split by its usual name: `dev` is `validation`."""
    return _SPLIT_OF.get(split.lower(), split)


_NO_DATA = frozenset(
    ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "dataset-metadata.json",
     "metadata.json", "manifest.json", "report.json", "config.json", "package.json")
)  # fmt: skip
"""Files that describe a dataset and hold none of its rows."""

_FOREIGN = (".txt", ".xlsx", ".xls", ".zip", ".tar", ".tgz", ".7z", ".sqlite", ".db", ".pkl", ".pickle", ".xml", ".orc",
            ".avro", ".feather", ".npz")  # fmt: skip
"""Ends of names of files that may hold rows, but of no kind that is read."""


@dataclass(frozen=True, slots=True)
class Found:
    """The files to read, in order, and those that are left aside with the reason."""

    files: tuple[Path, ...]
    aside: tuple[tuple[Path, str], ...] = ()


def find(path: Path, split: str | None = None) -> Found:
    """The file itself; or those of a folder and its subfolders, of one kind and one split; of a run, its dataset.

    Where names tell splits, those of `split` are taken, `train` if it is None. Nothing whose name begins with a point
    or an underscore is read, and no copy that an editor made.

    Raises:
        SeedError: there is nothing to read, or no such split.
    """
    try:
        if path.is_file():
            return _file(path, split)
        if not path.is_dir():
            if glob.has_magic(path.name):
                return _matching(path, split)
            raise SeedError("there is no such file or folder", file=path)
        return _folder(_dataset_of(path), path, split)
    except OSError as error:
        raise SeedError(f"cannot be read: {error.strerror or error}", file=path) from error


def find_lines(folder: Path) -> Found | None:
    """The files of JSON lines of a folder, whatever they are called; None where there are none.

    Where one is called a split of training rows, those that are called another split are left aside.
    """
    candidates, aside = _candidates(folder)
    files = [file for kind, file in candidates if kind == "jsonl"]
    if not files:
        return None
    aside += [(file, "another kind of file than jsonl") for kind, file in candidates if kind != "jsonl"]
    told = {file: split_of(file.relative_to(folder)) for file in files}
    others = [file for file in files if "train" in told.values() and told[file] not in ("train", None)]
    aside += [(file, f"split {told[file]}") for file in others]
    return Found(tuple(file for file in files if file not in others), tuple(sorted(aside)))


def _file(path: Path, split: str | None) -> Found:
    content = content_of(path)
    told = split_of(Path(path.name))
    if split is not None and content.kind != "json" and told not in (None, named(split)):
        raise SeedError(f"the file's name says that it is {told}, not {split}", file=path, key="split")
    return Found((path,))


def _matching(pattern: Path, split: str | None) -> Found:
    """The files of a folder whose names match a pattern, such as `*.jsonl`."""
    folder = pattern.parent
    files = sorted(Path(name) for name in glob.glob(str(pattern)) if Path(name).is_file())
    if not files:
        raise SeedError("no file has a name like this", file=pattern)
    kinds = {content_of(file).kind for file in files}
    if len(kinds) > 1:
        raise SeedError(f"the files are of several kinds: {', '.join(sorted(kinds))}", file=pattern)
    found, aside = _of_split(files, folder, pattern, split)
    return Found(tuple(found), tuple(aside))


def _dataset_of(path: Path) -> Path:
    """The dataset in the folder of a run; else the folder itself."""
    if (path / "dataset").is_dir() and ((path / "journal.sqlite").is_file() or (path / "dataset" / "data").is_dir()):
        return path / "dataset"
    return path


def _folder(folder: Path, asked: Path, split: str | None) -> Found:
    if (folder / "dataset_dict.json").is_file():
        return _saved_splits(folder, split)
    if (folder / "state.json").is_file():
        return Found(_saved(folder))
    candidates, aside = _candidates(folder)
    if not candidates:
        if (asked / "journal.sqlite").is_file():
            raise SeedError("the run has no dataset yet", file=asked, hint="a run writes dataset/ when it ends")
        listed = ", ".join(file.name for file, _ in aside[:5])
        there = f"; there are {listed}" if listed else ""
        raise SeedError(f"the folder holds nothing to read{there}", file=asked, hint=f"what is read: {NAMES}")
    kinds = list(dict.fromkeys(SUFFIXES.values()))
    first = min((kind for kind, _ in candidates), key=lambda kind: kinds.index(kind))
    files = [file for kind, file in candidates if kind == first]
    aside += [(file, f"another kind of file than {first}") for kind, file in candidates if kind != first]
    files, others = _of_split(files, folder, asked, split)
    return Found(tuple(files), tuple(sorted([*aside, *others])))


def _candidates(folder: Path) -> tuple[list[tuple[Kind, Path]], list[tuple[Path, str]]]:
    candidates: list[tuple[Kind, Path]] = []
    aside: list[tuple[Path, str]] = []
    for file in _walked(folder):
        parts = file.relative_to(folder).parts
        if any(part.startswith((".", "_")) for part in parts) or file.name in _NO_DATA:
            continue
        kind = kind_by_name(file)
        if not file.is_file():
            if file.is_symlink() and kind is not None:
                aside.append((file, "a link to nothing"))
            continue
        if kind is None:
            if file.suffix.lower() in _FOREIGN:
                aside.append((file, "not a kind of file that is read"))
        elif file.name.partition(".")[0].endswith(("-checkpoint", "~")):
            aside.append((file, "a copy that an editor made"))
        else:
            candidates.append((kind, file))
    return candidates, aside


def _walked(folder: Path) -> list[Path]:
    """All that is in the folder and its subfolders, sorted; linked folders too, but none twice."""
    found: list[Path] = []
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        seen.add(os.path.realpath(place))
        folders[:] = [name for name in sorted(folders) if os.path.realpath(os.path.join(place, name)) not in seen]
        found += [Path(place, name) for name in names]
    return sorted(found)


def _of_split(
    files: Sequence[Path], folder: Path, asked: Path, split: str | None
) -> tuple[list[Path], list[tuple[Path, str]]]:
    told = {file: split_of(file.relative_to(folder)) for file in files}
    wanted = named(split or "train")
    names = ", ".join(sorted({name for name in told.values() if name}))
    found = [file for file in files if told[file] == wanted]
    if not found and split in (None, "train"):
        found = [file for file in files if told[file] is None]
    if not found:
        has = f"it has {names}: set split" if names else "the names of its files tell none: leave split out"
        raise SeedError(f"the folder has no split {split or 'train'}", file=asked, key="split", hint=has)
    taken = set(found)
    return found, [
        (file, f"split {told[file]}" if told[file] else f"not of split {wanted}") for file in files if file not in taken
    ]


def _saved_splits(folder: Path, split: str | None) -> Found:
    """One split of what `DatasetDict.save_to_disk` wrote."""
    names = sorted(p.name for p in folder.iterdir() if (p / "state.json").is_file())
    wanted = split or "train"
    if wanted not in names:
        wanted = next((name for name in names if named(name) == named(wanted)), wanted)
    if wanted not in names:
        if split is None and len(names) == 1:
            wanted = names[0]
        else:
            raise SeedError(
                f"the saved dataset has no split {wanted}",
                file=folder,
                key="split",
                hint=f"it has {', '.join(names) or 'none'}: set split",
            )
    aside = tuple((folder / name, f"split {name}") for name in names if name != wanted)
    return Found(_saved(folder / wanted), aside)


def _saved(folder: Path) -> tuple[Path, ...]:
    """The files that `Dataset.save_to_disk` wrote, as its `state.json` lists them."""
    try:
        state = json.loads((folder / "state.json").read_bytes())
        files = tuple(folder / str(entry["filename"]) for entry in state["_data_files"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SeedError("state.json is not as save_to_disk writes it", file=folder) from error
    missing = [file for file in files if file.parent != folder or not file.is_file()]
    if missing or not files:
        what = f"{missing[0].name} is missing" if missing else "it lists no files"
        raise SeedError(f"the saved dataset is not whole: {what}", file=folder)
    return files
