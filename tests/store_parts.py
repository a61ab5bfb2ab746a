"""Records, and whole run folders, for the tests of the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthgen.api.run import exports_of, renewed
from synthgen.records import Answer, Message, Provenance, Record
from synthgen.report import Presentation
from synthgen.store import DatasetWriter, Ingredients, RunFolder, RunReport, StageFlow, TeacherFacts

CONFIG = {"name": "demo", "seed": 0, "target": 10, "stages": [{"use": "length", "min_words": 4}]}
MADE_FROM = Ingredients(name="demo", recipe={"stages": ["length"]}, prompts={"p.j2": "aa"}, seeds={"s.jsonl": "bb"})

CALL = {"id": "a1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


def accepted(number: int, **fields: Any) -> Record:
    values: dict[str, Any] = {
        "instruction": f"Write the number {number} in words.",
        "input": "" if number % 3 else "in English",
        "output": f"It is number {number}.",
        "task_type": "writing" if number % 2 else "reasoning",
        "language": "en",
        "provenance": Provenance(attempt=number, index=0, model="hash-1", requests=(f"key{number}",)),
    }
    return Record(**values | fields)


def rejected(number: int) -> Record:
    record = Record(instruction=f"short {number}", provenance=Provenance(attempt=number, index=1))
    return record.dropped("too_short", score=2, limit=4, stage="length", detail="2 words; 4 are needed")


def with_tools(number: int) -> Record:
    history = (
        Message(role="user", content="How is the weather?"),
        Message(role="assistant", content="", tool_calls=(CALL,)),
        Message(role="tool", content="4 degrees", tool_call_id="a1"),
        Message(role="assistant", content="It is cold."),
    )
    return accepted(number, history=history, tools=(TOOL,), system="Be short.")


def with_answers(number: int, *scores: float | None) -> Record:
    answers = tuple(Answer(text=f"answer {i}", score=score, model="m") for i, score in enumerate(scores))
    return accepted(number, answers=answers)


def report(kept: Sequence[Record], dropped: Sequence[Record], **fields: Any) -> RunReport:
    reasons = Counter(record.drop.reason for record in dropped if record.drop)
    values: dict[str, Any] = {
        "generated": len(kept) + len(dropped),
        "accepted": len(kept),
        "rejected": len(dropped),
        "status": "done",
        "funnel": (
            StageFlow(stage="generate", entered=0, new=len(kept) + len(dropped)),
            StageFlow(stage="length", entered=len(kept) + len(dropped), dropped=dict(reasons)),
        ),
        "teachers": {"teacher": TeacherFacts(model="hash-1", sampling={"temperature": 0.7})},
    }
    return RunReport(**values | fields)


def write_run(
    path: Path, kept: Sequence[Record] = (), dropped: Sequence[Record] = (), *, together: bool = False, **fields: Any
) -> Path:
    """A finished run folder with these records, committed one by one or all `together`."""
    exports = fields.pop("exports", ())
    shard_characters = fields.pop("shard_characters", 10**9)
    with RunFolder.create_or_open(path, CONFIG) as folder:
        writer = DatasetWriter(folder, Presentation, shard_characters=shard_characters)
        if together:
            writer.commit(kept, dropped)
        else:
            for record in kept:
                writer.commit([record], [])
            for record in dropped:
                writer.commit([], [record])
        formats = renewed(folder, exports_of(exports, path))
        writer.finish(report(kept, dropped, **fields), MADE_FROM, exports=formats)
    return path


def bytes_of(path: Path) -> dict[str, bytes]:
    """The files of a finished run that must be the same whenever the data are."""
    files = [*path.joinpath("dataset").rglob("*"), path / "rejected.parquet", *path.joinpath("exports").rglob("*")]
    return {str(f.relative_to(path)): f.read_bytes() for f in sorted(files) if f.is_file()}
