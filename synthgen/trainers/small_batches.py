"""What the trainer `small` is fed: rows of token ids, packed so that hardly any place is padding."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from synthgen.records import user_text
from synthgen.store.record_files import read_records

if TYPE_CHECKING:
    import torch

Row = tuple[list[int], int]
"""Token ids, and how many of them are the task's."""


class Batch(NamedTuple):
    """Packed rows, each tensor `[B, T]`, the mask `bool [B, 1, T, T]`: a token sees what precedes it in its own row."""

    ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    weights: torch.Tensor


def read_rows(data: Path, tokenizer: Any, end: str, context: int) -> tuple[list[Row], int]:
    """The records that have an answer, as ids, and how many rows are beyond the context."""
    records = [r for r in read_records(data) if r.output]
    asked = [f"\n{user_text(r)}\n" for r in records]
    texts = [f"{task}{r.output}{end}" for task, r in zip(asked, records, strict=True)]
    ids = tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
    # one token a character, so the task's characters are its tokens
    rows = [(row, len(task)) for row, task in zip(ids, asked, strict=True) if len(row) <= context]
    return rows, len(texts) - len(rows)


def batches(
    rows: Sequence[Row], size: int, count: int, context: int, answer_weight: float, seed: int
) -> Iterator[Batch]:
    """`count` batches of `size` rows drawn at random."""
    draw = random.Random(seed)
    for _ in range(count):
        yield packed([rows[draw.randrange(len(rows))] for _ in range(size)], context, answer_weight)


def packed(rows: Sequence[Row], width: int, answer_weight: float) -> Batch:
    """Rows side by side in lines of `width` tokens, the longest first; a line's end is padding of weight 0.

    A row's first token is predicted by nothing, so its weight is 0 too.
    """
    import torch

    lines: list[list[Row]] = []
    room: list[int] = []
    for row in sorted(rows, key=lambda r: len(r[0]), reverse=True):
        length = len(row[0])
        place = next((i for i, left in enumerate(room) if left >= length), len(lines))
        if place == len(lines):
            lines.append([])
            room.append(width)
        lines[place].append(row)
        room[place] -= length
    ids, positions, owners, weights = [], [], [], []
    for line, left in zip(lines, room, strict=True):
        ids.append([token for row, _ in line for token in row] + [0] * left)
        positions.append([place for row, _ in line for place in range(len(row))] + [0] * left)
        owners.append([number for number, (row, _) in enumerate(line) for _ in row] + [-1] * left)
        each = [[0.0] + [1.0] * (task - 1) + [answer_weight] * (len(row) - task) for row, task in line]
        weights.append([weight for row in each for weight in row] + [0.0] * left)
    owner = torch.tensor(owners)
    before = torch.tril(torch.ones(width, width, dtype=torch.bool))
    mask = (owner[:, None, :, None] == owner[:, None, None, :]) & before
    return Batch(torch.tensor(ids), torch.tensor(positions), mask, torch.tensor(weights))
