"""Which records a page shows, and what of them, packed as text that the page can carry."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from synthgen.store.folder import RunFolder
from synthgen.store.record_files import dataset_files, opened, read_rows

_GZIP = 16 + zlib.MAX_WBITS


def pack(rows: Iterable[dict[str, Any]]) -> str:
    """A JSON array of the rows, compressed one by one as they come; equal rows give equal text.

    Base64 has no character that ends a script element.
    """
    packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
    encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    parts, separator = [], "["
    for row in rows:
        text = separator + encoder.encode(row)
        parts.append(packer.compress(text.encode()))
        separator = ","
    parts.append(packer.compress(b"[]" if separator == "[" else b"]"))
    parts.append(packer.flush())
    return base64.b64encode(b"".join(parts)).decode("ascii")


MOST_ROWS = 10_000
LEAST_ROWS = 200
MOST_CHARACTERS = 30_000_000
"""Some 12 MB of page: what a browser opens within a second or two, and a mail may still carry."""

TEXT_CHARACTERS = 20_000
SHORT_CHARACTERS = 500
"""The longest text shown whole, and the longest once a page holds `MOST_CHARACTERS`."""

MOST_IDS = 50

Row = dict[str, Any]
Key = tuple[str, str]
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Sample:
    """How many records of each kind a page shows; rejected ones by stage and reason."""

    accepted: int
    rejected: Mapping[Key, int]
    of_accepted: int
    of_rejected: Mapping[Key, int]

    @property
    def whole(self) -> bool:
        """Whether every record is shown."""
        return self.accepted == self.of_accepted and self.rejected == self.of_rejected


def choose(folder: RunFolder, accepted: int, rejected: Mapping[Key, int]) -> Sample:
    """Half of the places for accepted records, half for rejected ones, shared out among the reasons.

    Whoever needs less than its share leaves the rest to the others, so rare reasons are shown in full.
    """
    halves = _shares(
        {"accepted": accepted, "rejected": sum(rejected.values())}, _room(folder, accepted + sum(rejected.values()))
    )
    return Sample(halves["accepted"], _shares(rejected, halves["rejected"]), accepted, dict(rejected))


def rows(folder: RunFolder, sample: Sample) -> Iterator[Row]:
    """The chosen records, evenly spread over the run, as plain values under the columns' names; empty ones left out.

    Long texts are cut: `cut` says by how many characters.
    """
    used = 0
    for row in _chosen(folder, sample):
        short = _shortened(row, TEXT_CHARACTERS if used < MOST_CHARACTERS else SHORT_CHARACTERS)
        used += sum(len(value) for value in short.values() if isinstance(value, str))
        yield short


def _chosen(folder: RunFolder, sample: Sample) -> Iterator[Row]:
    number = 0
    for path in dataset_files(folder.dataset_path):
        for row in read_rows(path):
            if _taken(number, sample.accepted, sample.of_accepted):
                yield row
            number += 1
    seen: Counter[Key] = Counter()
    for row in read_rows(folder.rejected_path):
        key = (row["stage"] or "none", row["reason"])
        if _taken(seen[key], sample.rejected[key], sample.of_rejected[key]):
            yield row
        seen[key] += 1


def _taken(number: int, wanted: int, of: int) -> bool:
    """Whether the item with this number is among `wanted` items spread evenly over `of`."""
    return (number + 1) * wanted // of > number * wanted // of


def _shares(counts: Mapping[K, int], places: int) -> dict[K, int]:
    """The places shared out evenly, but to none more than it has."""
    shares: dict[K, int] = {}
    for key in sorted(counts, key=lambda key: (counts[key], str(key))):
        shares[key] = min(counts[key], places // (len(counts) - len(shares)))
        places -= shares[key]
    return shares


def _room(folder: RunFolder, records: int) -> int:
    """How many records fit: between `LEAST_ROWS`, whose texts are cut if need be, and `MOST_ROWS`."""
    size = 0
    for path in [*dataset_files(folder.dataset_path), folder.rejected_path]:
        with opened(path) as file:
            size += sum(file.metadata.row_group(group).total_byte_size for group in range(file.num_row_groups))
    return min(MOST_ROWS, max(LEAST_ROWS, MOST_CHARACTERS * records // max(1, size)))


def _shortened(row: Row, most: int) -> Row:
    row["tools_json"] = _unless(row["tools_json"], "[]")
    if row["history"]:
        row["history"] = _history(row)
    if row["answers"]:
        row["answers"] = _answers(row)
    row["scores"] = _scores(row.pop("scores_json"))
    kept: Row = {}
    cut: dict[str, int] = {}
    for name, value in row.items():
        if isinstance(value, str):
            if len(value) > most:
                cut[name] = len(value) - most
                kept[name] = value[:most]
            elif value or name == "output":
                kept[name] = value
        elif isinstance(value, (list, dict)):
            if value:
                kept[name] = value[:MOST_IDS] if isinstance(value, list) else value
        elif isinstance(value, float) and not math.isfinite(value):
            kept[name] = str(value)  # JSON has no number for it
        elif value is not None:
            kept[name] = value
    if cut:
        kept["cut"] = cut
    return kept


def _unless(value: str, empty: str) -> str:
    return "" if value == empty else value


def _scores(text: str) -> Any:
    """The scores, or the text as it is where it is none of ours."""
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return text


def _history(row: Row) -> str:
    turns = []
    for turn in row["history"]:
        calls = _unless(turn["tool_calls_json"], "[]")
        turns.append(f"{turn['role']}: {turn['content']}" + (f"\n{calls}" if calls else ""))
    return "\n\n".join(turns)


def _answers(row: Row) -> str:
    answers = []
    for answer in row["answers"]:
        score = "no score" if answer["score"] is None else f"{answer['score']:g}"
        answers.append(f"{score} ({answer['model'] or 'unknown model'}): {answer['text']}")
    return "\n\n".join(answers)
