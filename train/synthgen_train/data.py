"""Training data: run folders and instruction files, read as records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from synthgen.errors import ConfigError
from synthgen.records import Answer, Message, Provenance, Record, from_alpaca, from_messages

SUFFIXES = (".parquet", ".jsonl", ".json")
COLUMNS = "instruction/input/output, messages, prompt/completion, prompt/chosen/rejected or prompt/completion/label"

Row = Mapping[str, Any]


def read(path: Path | str) -> list[Record]:
    """All records of a run folder, a folder of files, or one file.

    Raises:
        ConfigError: there is nothing to read, a row cannot be understood, or the file is damaged; with file and row.
    """
    path = Path(path)
    records = [record for file in _files(path) for record in _records(file)]
    if not records:
        raise ConfigError("the dataset is empty", file=path, key="train.data", hint="look at the run's rejects")
    return records


def _files(path: Path) -> list[Path]:
    if path.is_file():
        if path.suffix not in SUFFIXES:
            raise ConfigError("not a file of training data", file=path, hint=f"known are {', '.join(SUFFIXES)}")
        return [path]
    folder = path / "dataset" if (path / "dataset").is_dir() else path
    if not folder.is_dir():
        raise ConfigError("there is no such file or folder", file=path, key="train.data")
    for suffix in SUFFIXES:
        files = sorted(folder.rglob(f"*{suffix}"))
        if files:
            return files
    raise ConfigError("the folder holds no dataset", file=path, hint="a run writes dataset/ when it ends")


def _records(file: Path) -> Iterator[Record]:
    for number, row in enumerate(_rows(file), 1):
        try:
            yield record_of(row, f"{file}:{number}")
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise ConfigError(f"row cannot be used: {error}", file=file, line=number, key="train.data") from error


def _rows(file: Path) -> Iterator[Row]:
    if file.suffix == ".parquet":
        yield from _parquet(file)
        return
    try:
        text = file.read_text(encoding="utf-8-sig")
        if file.suffix == ".json":
            rows = json.loads(text)
            if not isinstance(rows, list):
                raise ConfigError("a JSON file of training data is a list of rows", file=file)
            yield from rows
            return
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read: {error}", file=file) from error
    # Not splitlines(): it also breaks at characters such as U+2028, which JSON leaves inside its texts.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise ConfigError(f"not JSON: {error}", file=file, line=number) from error


def _parquet(file: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            for batch in table.iter_batches():
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise ConfigError(f"cannot be read: {error}", file=file) from error


def record_of(row: Row, source: str = "") -> Record:
    """The record that a row holds, by the columns it has.

    Raises:
        ValueError: the columns are none of the known ones, or a value is of the wrong kind.
    """
    fields: dict[str, Any] = {"provenance": Provenance(source=source)} if source else {}
    if "scores_json" in row:
        scores = json.loads(row["scores_json"] or "{}")
        fields["scores"] = {name: float(score) for name, score in scores.items()}
    elif isinstance(row.get("scores"), dict):
        fields["scores"] = {k: v for k, v in row["scores"].items() if v is not None}
    for name in ("task_type", "language"):
        if isinstance(row.get(name), str):
            fields[name] = row[name]
    if "instruction" in row:
        return _own(row, fields)
    if "messages" in row:
        return from_messages(_turns(row["messages"]), tools=tuple(row.get("tools") or ()), **fields)
    if "prompt" in row and ({"chosen", "rejected"} <= row.keys() or "completion" in row):
        return _prompt(row, fields)
    raise ValueError(f"the columns are {', '.join(sorted(row))}; wanted are {COLUMNS}")


def _own(row: Row, fields: dict[str, Any]) -> Record:
    if not isinstance(row["instruction"], str):
        raise TypeError(f"instruction is {type(row['instruction']).__name__}, not a text")
    if "output" not in row:
        raise ValueError(f"there is no column output; wanted are {COLUMNS}")
    history = tuple(
        Message(
            role=turn["role"],
            content=turn["content"],
            name=turn.get("name"),
            tool_calls=tuple(json.loads(turn.get("tool_calls_json") or "[]")),
        )
        for turn in row.get("history") or ()
    )
    answers = tuple(
        Answer(text=a["text"], score=a.get("score"), model=a.get("model")) for a in row.get("answers") or ()
    )
    tools = tuple(json.loads(row.get("tools_json") or "[]") or row.get("tools") or ())
    if row.get("id"):
        fields["id"] = str(row["id"])
    return from_alpaca(row, history=history, answers=answers, tools=tools, reasoning=row.get("reasoning"), **fields)


def _prompt(row: Row, fields: dict[str, Any]) -> Record:
    def text(value: Any) -> str:
        return value if isinstance(value, str) else str(_turns(value)[-1]["content"])

    asked = row["prompt"]
    turns = [{"role": "user", "content": asked}] if isinstance(asked, str) else _turns(asked)
    if "completion" not in row:
        answers: tuple[Answer, ...] = (
            Answer(text=text(row["chosen"]), score=row.get("score_chosen", 1.0)),
            Answer(text=text(row["rejected"]), score=row.get("score_rejected", 0.0)),
        )
    elif "label" in row:
        answers = (Answer(text=text(row["completion"]), score=1.0 if row["label"] else 0.0),)
    else:
        answers = ()
    output = text(row["chosen"] if "completion" not in row else row["completion"])
    return from_messages(turns, **fields).replace(output=output, answers=answers)


def _turns(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(turn, dict) for turn in value):
        raise ValueError("messages are a list of {role, content}")
    return [{k: v for k, v in turn.items() if v is not None} for turn in value]
