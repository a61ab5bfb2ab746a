"""The trainer `small`: students of some 100,000 parameters from scratch, for drills, proofs and tests.

It takes the loss on prompt and answer, so that the student can write tasks of its own, which a trainer that learns
answers alone does not teach. One thread, no Trainer around it: the same data and seed give the same weights.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from synthgen.checkpoints.checkpoint import untrained
from synthgen.errors import ConfigError
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


PAD, END = "<|pad|>", "<|end|>"
CHARACTERS = [chr(code) for code in range(32, 127)] + ["\n"]
TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ '\\n' + message['content'] }}"
    "{% elif message['role'] == 'assistant' %}{{ '\\n' + message['content'] + eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '\\n' }}{% endif %}"
)
"""A task and its answer, each on its own line; no markers, since every token costs time."""


class Small(BaseModel):
    """A Llama-shaped decoder over characters and its training. The defaults make 152,000 parameters.

    `steps` of `batch_size` rows, drawn at random; AdamW with a warm-up of a twentieth and a cosine to a tenth. The
    defaults were chosen on drills: with a weight decay of 0.01 a student learns its rows by heart (docs/loop.md).
    """

    model_config = ConfigDict(extra="forbid")

    hidden: int = Field(64, ge=8)
    layers: int = Field(3, ge=1)
    heads: int = Field(4, ge=1)
    context: int = Field(64, ge=16, description="task and answer together, in characters")
    steps: int = Field(500, ge=1)
    batch_size: int = Field(32, ge=1)
    learning_rate: float = Field(4e-3, gt=0)
    weight_decay: float = Field(0.3, ge=0)
    answer_weight: float = Field(3.0, gt=0, description="of a token of the answer; one of the task weighs 1")
    threads: int = Field(1, ge=1)

    def __call__(
        self, data: Path, out: Path, *, init: Path | None, seed: int, say: Callable[[str], None] = print
    ) -> dict[str, Any]:
        """Trains on the JSONL of records and writes the checkpoint to `out`; `init` is the student to go on from.

        Rows longer than the context are left out and counted.

        Raises:
            ConfigError: there is nothing to train on, or torch or Transformers is not installed.
        """
        try:
            import torch
            from transformers import AutoModelForCausalLM
            from transformers.utils import logging
        except ImportError as error:
            raise ConfigError(f"the trainer needs {error.name}", hint='pip install "synthgen[transformers]"') from error

        torch.set_num_threads(self.threads)
        torch.manual_seed(seed)
        logging.disable_progress_bar()
        tokenizer = _tokenizer(self.context)
        model = self._untrained(tokenizer) if init is None else AutoModelForCausalLM.from_pretrained(init)
        rows, left_out = read_rows(data, tokenizer, END, self.context)
        if not rows:
            raise ConfigError("there is nothing to train on", file=data, hint=f"{left_out} rows are beyond the context")
        loss = _fit(model, rows, self, seed, say)
        model.save_pretrained(out)
        tokenizer.save_pretrained(out)
        return {
            "model": str(out),
            "steps": self.steps,
            "rows": len(rows),
            "too_long": left_out,
            "loss": round(loss, 4),
            "parameters": sum(p.numel() for p in model.parameters()),
        }

    def _untrained(self, tokenizer: Any) -> Any:
        # 0.02 is for wide models; 400 steps get twice as far with this
        spread = self.hidden**-0.5
        return untrained(
            tokenizer, hidden=self.hidden, layers=self.layers, heads=self.heads, context=self.context, spread=spread
        )


def _tokenizer(context: int) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: i for i, token in enumerate([PAD, END, *CHARACTERS])}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token=" "))
    core.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    core.decoder = decoders.Fuse()
    made = PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=PAD,
        eos_token=END,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )
    made.chat_template = TEMPLATE
    return made


def _fit(model: Any, rows: Sequence[Row], chosen: Small, seed: int, say: Callable[[str], None]) -> float:
    """The mean loss of the last tenth of the steps."""
    import torch

    optimizer = torch.optim.AdamW(
        model.parameters(), chosen.learning_rate, betas=(0.9, 0.95), weight_decay=chosen.weight_decay, fused=True
    )
    warmup = max(1, chosen.steps // 20)
    model.train()
    losses = []
    drawn = batches(rows, chosen.batch_size, chosen.steps, chosen.context, chosen.answer_weight, seed)
    for step, batch in enumerate(drawn):
        done = max(0.0, (step - warmup) / max(1, chosen.steps - warmup))
        scale = (step + 1) / warmup if step < warmup else 0.1 + 0.45 * (1 + math.cos(math.pi * done))
        optimizer.param_groups[0]["lr"] = chosen.learning_rate * scale
        logits = model(
            input_ids=batch.ids, position_ids=batch.positions, attention_mask=batch.mask, use_cache=False
        ).logits[:, :-1]
        each = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.ids[:, 1:].flatten(), reduction="none")
        weights = batch.weights[:, 1:].flatten()
        loss = (each * weights).sum() / weights.sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
        if (step + 1) % max(1, chosen.steps // 4) == 0:
            say(f"step {step + 1} of {chosen.steps}, loss {losses[-1]:.3f}")
    model.eval()
    tail = losses[-max(1, chosen.steps // 10) :]
    return sum(tail) / len(tail)
