"""The accepted records in the formats of trainers: `exports/<format>/`, each with the config file its reader needs."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthgen.errors import StageError, StoreError
from synthgen.formats.exporting import Export, Line, Row
from synthgen.records import Record
from synthgen.store import files
from synthgen.store.files import OLD, PARTIAL, refuse_link, storing
from synthgen.store.folder import RunFolder
from synthgen.store.record_files import dataset_files, dataset_records, read_rows

MARK = "unfinished"

GO_ON = "fix it and run the same command again; nothing that was bought is lost"


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote: its files, how many lines by file name, and how many records it left out by reason."""

    format: str
    paths: tuple[Path, ...]
    written: dict[str, int]
    left_out: dict[str, int]


def export_run(folder: RunFolder, exports: Sequence[Export], *, out: Path | None = None) -> list[Exported]:
    """Writes `exports/<name>/` for each export, in place of an earlier one of that name.

    With `out`, `<out>/<name>/` are written instead, none of which may be there yet, and the run is only read.

    Raises:
        StageError: an export failed at a record.
        StoreError: the run has no dataset yet, another process works on it, or it cannot be written.
    """
    if out is not None:
        return _export_elsewhere(folder, exports, out)
    with folder.locked():
        partial = folder.path / PARTIAL
        done = export_to(_dataset_of(folder), partial, exports)
        with storing(folder.exports_path):
            folder.exports_path.mkdir(exist_ok=True)
            _put(partial, folder.exports_path, exports, folder.path / OLD)
            for leftover in (partial, folder.path / OLD):
                shutil.rmtree(leftover, ignore_errors=True)
    return _placed(done, folder.exports_path)


def _export_elsewhere(folder: RunFolder, exports: Sequence[Export], out: Path) -> list[Exported]:
    partial, names = out / PARTIAL, [export.name for export in exports]
    refuse_link(partial)
    for name in names:
        # what is there may be of a killed export, which leaves its other files behind
        if os.path.lexists(out / name) and not (partial / MARK).is_file():
            raise StoreError(f"{out / name} is there already", hint="move it, or name another --out")
        refuse_link(out / name)
    with storing(out):
        partial.mkdir(parents=True, exist_ok=True)
        files.write(partial / MARK, "an export that has not ended\n")
        for name in names:
            for leftover in (partial / name, out / name):
                if leftover.exists():
                    shutil.rmtree(leftover)
        done = export_to(_dataset_of(folder), partial, exports)
        _put(partial, out, exports)
        shutil.rmtree(partial)
    return _placed(done, out)


def _dataset_of(folder: RunFolder) -> Path:
    if not folder.dataset_path.is_dir():
        raise StoreError(f"{folder.path} has no dataset yet", hint="finish the run: run the same command again")
    return folder.dataset_path


def _put(partial: Path, place: Path, exports: Sequence[Export], old: Path | None = None) -> None:
    """Moves finished exports into their places; earlier ones go to `old`."""
    files.sync_tree(partial)
    for name in (export.name for export in exports):
        if old is not None and (place / name).exists():
            old.mkdir(exist_ok=True)
            (place / name).rename(old / name)
        (partial / name).rename(place / name)
    files.sync_folder(place)


def _placed(done: Sequence[Exported], place: Path) -> list[Exported]:
    return [Exported(e.format, tuple(place / e.format / p.name for p in e.paths), e.written, e.left_out) for e in done]


def export_to(dataset: Path, out: Path, exports: Sequence[Export]) -> list[Exported]:
    """Writes `<out>/<name>/` for each export from the Parquet files of a `dataset` folder."""
    return [_write(export, dataset, out / export.name) for export in exports]


def exported(folder: RunFolder) -> list[str]:
    """The names of the exports that the run folder holds."""
    place = folder.exports_path
    return sorted(p.name for p in place.iterdir() if p.is_dir()) if place.is_dir() else []


def _tools_first(dataset: Path) -> Iterator[Record]:
    """All records, those with optional keys first: readers of JSON take the columns from the first lines."""
    has_tools = bytearray(
        _has_tools(row) for path in dataset_files(dataset) for row in read_rows(path, ("tools_json", "history"))
    )
    for wanted in sorted(set(has_tools), reverse=True):
        for record, has in zip(dataset_records(dataset), has_tools, strict=True):
            if has == wanted:
                yield record


def _has_tools(row: Mapping[str, Any]) -> bool:
    return row["tools_json"] != "[]" or any(
        turn["role"] == "tool" or turn["tool_calls_json"] != "[]" or turn["name"] for turn in row["history"]
    )


def _write(export: Export, dataset: Path, out: Path) -> Exported:
    written: dict[str, int] = {}
    left_out: Counter[str] = Counter()
    with storing(out):
        out.mkdir(parents=True, exist_ok=True)
        for file, content in export.files.items():
            if isinstance(content, str):
                files.write(out / file, content)
            else:
                lines = _lines(export, content, dataset, left_out if not written else Counter())
                written[file] = _write_lines(out / file, lines)
    return Exported(export.name, tuple(out / file for file in export.files), written, dict(left_out))


def _lines(export: Export, line: Line, dataset: Path, left_out: Counter[str]) -> Iterator[bytes]:
    """The records that the export has a place for, each as JSON on one line.

    Raises:
        StageError: the export raised, or returned something that is no row.
    """
    named = f"export {export.name}" + (f" ({export.use})" if export.use not in ("", export.name) else "")
    for record in _tools_first(dataset):
        which = f"record {record.id} ({record.instruction[:80]!r})"
        try:
            row = line(record)
        except Exception as error:
            raise StageError(f"{named} raised {type(error).__name__}: {error} on {which}", hint=GO_ON) from error
        if row is None or isinstance(row, str):
            left_out[row or "left_out"] += 1
            continue
        try:
            if not isinstance(row, dict):
                raise TypeError(f"{row!r:.80} is not a dict")
            yield _line(row)
        except (TypeError, ValueError, RecursionError) as error:
            raise StageError(
                f"{named} returned no row of JSON for {which}: {error}",
                hint=f"return a dict of plain values; or a word that says why the record is left out. {GO_ON}",
            ) from error


def _write_lines(path: Path, made: Iterator[bytes]) -> int:
    """Writes a JSON array (`.json`) or JSON lines; returns how many."""
    array = path.suffix == ".json"
    count = 0
    with path.open("wb") as file:
        for line in made:
            file.write((b",\n" if count else b"[\n") if array else b"")
            file.write(line)
            file.write(b"" if array else b"\n")
            count += 1
        if array:
            file.write(b"\n]\n" if count else b"[]\n")
    return count


def _line(row: Row) -> bytes:
    """The row on one line, also for readers that take U+2028, U+2029 or U+0085 for the end of one."""
    text = json.dumps(row, ensure_ascii=False)
    for character in ("\u2028", "\u2029", "\x85"):
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode()
