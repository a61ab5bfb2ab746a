"""The accepted records in the formats of trainers: `exports/<format>/`, each with the config file its reader needs."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthgen.errors import ConfigError, StoreError
from synthgen.formats import exporting as rows
from synthgen.records import Record
from synthgen.store import files
from synthgen.store.files import OLD, PARTIAL, refuse_link, storing
from synthgen.store.folder import RunFolder
from synthgen.store.parquet import dataset_files, read_records, read_rows
from synthgen.text import suggestion

MARK = "unfinished"


@dataclass(frozen=True, slots=True)
class Format:
    """The files of one format, each with what makes a line of a record, and further files with their text."""

    lines: Mapping[str, Callable[[Record], rows.Row | str]]
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote: its files, how many lines by file name, and how many records it left out by reason."""

    format: str
    paths: tuple[Path, ...]
    written: dict[str, int]
    left_out: dict[str, int]


_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "observation",
    "function_tag": "function_call",
    "system_tag": "system",
}


def _llamafactory_info(file: str, columns: Mapping[str, str], **more: Any) -> str:
    # not `formatting: openai`: that reader adds a system prompt of its own to every row without tools
    entry = {"file_name": file, "formatting": "sharegpt", **more, "columns": dict(columns), "tags": _TAGS}
    return json.dumps({"synthgen": entry}, indent=2) + "\n"


FORMATS: dict[str, Format] = {
    "alpaca": Format({"train.json": rows.alpaca}),
    "messages": Format({"train.jsonl": rows.messages}),
    "prompt_completion": Format({"train.jsonl": rows.prompt_completion}),
    "sharegpt": Format({"train.jsonl": rows.sharegpt}),
    "llamafactory": Format(
        {"train.jsonl": rows.llamafactory},
        {"dataset_info.json": _llamafactory_info("train.jsonl", {"messages": "messages", "tools": "tools"})},
    ),
    "axolotl": Format(
        {"train.jsonl": rows.axolotl},
        {
            "datasets.yml": "# for an axolotl config; `path` is seen from where axolotl is started\n"
            "datasets:\n"
            "  - path: train.jsonl\n"
            "    ds_type: json\n"
            "    type: chat_template\n"
            "    field_messages: messages\n"
            "    roles_to_train: [assistant]\n"
            "    train_on_eos: turn\n"
        },
    ),
    "dpo": Format(
        {"train.jsonl": rows.preference, "llamafactory.jsonl": rows.llamafactory_preference},
        {
            "dataset_info.json": _llamafactory_info(
                "llamafactory.jsonl",
                {"messages": "messages", "chosen": "chosen", "rejected": "rejected", "tools": "tools"},
                ranking=True,
            )
        },
    ),
}


def export(path: Path | str, formats: Sequence[str], *, out: Path | None = None) -> list[Exported]:
    """Writes `exports/<format>/` for each format, in place of an earlier export of that format.

    With `out`, `<out>/<format>/` are written instead, none of which may be there yet, and the run is only read.

    Raises:
        ConfigError: a format has no such name.
        StoreError: the run has no dataset yet, another process works on it, or it cannot be written.
    """
    folder = RunFolder.open(path)
    formats = list(dict.fromkeys(formats))
    check_formats(formats)
    if out is not None:
        return _export_elsewhere(folder, formats, out)
    with folder.locked():
        partial = folder.path / PARTIAL
        done = export_to(_dataset_of(folder), partial, formats)
        with storing(folder.exports_path):
            folder.exports_path.mkdir(exist_ok=True)
            _put(partial, folder.exports_path, formats, folder.path / OLD)
            for leftover in (partial, folder.path / OLD):
                shutil.rmtree(leftover, ignore_errors=True)
    return _placed(done, folder.exports_path)


def _export_elsewhere(folder: RunFolder, formats: Sequence[str], out: Path) -> list[Exported]:
    partial = out / PARTIAL
    refuse_link(partial)
    for name in formats:
        # what is there may be of a killed export, which leaves its other files behind
        if os.path.lexists(out / name) and not (partial / MARK).is_file():
            raise StoreError(f"{out / name} is there already", hint="move it, or name another --out")
        refuse_link(out / name)
    with storing(out):
        partial.mkdir(parents=True, exist_ok=True)
        files.write(partial / MARK, "an export that has not ended\n")
        for name in formats:
            for leftover in (partial / name, out / name):
                if leftover.exists():
                    shutil.rmtree(leftover)
        done = export_to(_dataset_of(folder), partial, formats)
        _put(partial, out, formats)
        shutil.rmtree(partial)
    return _placed(done, out)


def _dataset_of(folder: RunFolder) -> Path:
    if not folder.dataset_path.is_dir():
        raise StoreError(f"{folder.path} has no dataset yet", hint="finish the run: run the same command again")
    return folder.dataset_path


def _put(partial: Path, place: Path, formats: Sequence[str], old: Path | None = None) -> None:
    """Moves finished exports into their places; earlier ones go to `old`."""
    files.sync_tree(partial)
    for name in formats:
        if old is not None and (place / name).exists():
            old.mkdir(exist_ok=True)
            (place / name).rename(old / name)
        (partial / name).rename(place / name)
    files.sync_folder(place)


def _placed(done: Sequence[Exported], place: Path) -> list[Exported]:
    return [Exported(e.format, tuple(place / e.format / p.name for p in e.paths), e.written, e.left_out) for e in done]


def export_to(dataset: Path, out: Path, formats: Sequence[str]) -> list[Exported]:
    """Writes `<out>/<format>/` for each format from the Parquet files of a `dataset` folder."""
    check_formats(formats)
    return [_write(name, FORMATS[name], dataset, out / name) for name in formats]


def check_formats(formats: Sequence[str]) -> None:
    """Raises `ConfigError` for a name that is no format."""
    for name in formats:
        if name not in FORMATS:
            hint = suggestion(name, FORMATS, what="one of")
            raise ConfigError(f"there is no export format {name!r}", key="export", hint=hint)


def exported(folder: RunFolder) -> list[str]:
    """The formats that the run folder holds exports of."""
    return [name for name in FORMATS if (folder.exports_path / name).is_dir()]


def dataset_records(dataset: Path) -> Iterator[Record]:
    """All records of a `dataset` folder, in order."""
    for path in dataset_files(dataset):
        yield from read_records(path)


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


def _write(name: str, form: Format, dataset: Path, out: Path) -> Exported:
    written: dict[str, int] = {}
    left_out: Counter[str] = Counter()
    with storing(out):
        out.mkdir(parents=True, exist_ok=True)
        for file, line in form.lines.items():
            made = (line(record) for record in _tools_first(dataset))
            lines = _kept(made, left_out if not written else Counter())
            written[file] = _write_lines(out / file, lines)
    for file, text in form.texts.items():
        files.write(out / file, text)
    paths = tuple(out / file for file in (*form.lines, *form.texts))
    return Exported(name, paths, written, dict(left_out))


def _kept(made: Iterator[rows.Row | str], left_out: Counter[str]) -> Iterator[rows.Row]:
    for row in made:
        if isinstance(row, str):
            left_out[row] += 1
        else:
            yield row


def _write_lines(path: Path, made: Iterator[rows.Row]) -> int:
    """Writes a JSON array (`.json`) or JSON lines; returns how many."""
    array = path.suffix == ".json"
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in made:
            file.write((",\n" if count else "[\n") if array else "")
            file.write(_line(row))
            file.write("" if array else "\n")
            count += 1
        if array:
            file.write("\n]\n" if count else "[]\n")
    return count


def _line(row: rows.Row) -> str:
    """The row on one line, also for readers that take U+2028, U+2029 or U+0085 for the end of one."""
    text = json.dumps(row, ensure_ascii=False)
    for character in ("\u2028", "\u2029", "\x85"):
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
