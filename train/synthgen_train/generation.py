"""A trained model loaded to answer: greedily, whether it stopped by itself, and how many answers are right."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synthgen.errors import ConfigError
from synthgen.records import Record
from synthgen_train.examples import Reasoning, dialogue, prompt_ids
from synthgen_train.loading import base_of, context_of, has_gpu, resize, stop_ids, virtual_tokens
from synthgen_train.rendering import LeftOut, Literals

LENGTH_STEP = 16
"""Prompts are padded to a multiple of this many tokens."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer without its stop token; `stopped` is false where the limit cut it. `tokens` counts the answer's."""

    text: str
    stopped: bool
    tokens: int


def answer(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[Mapping[str, Any]]],
    *,
    max_tokens: int,
    batch_size: int = 16,
    tools: Sequence[Sequence[Mapping[str, Any]] | None] | None = None,
) -> list[Reply]:
    """Greedy answers to dialogues that end with the user's turn, in the order of the prompts.

    A prompt that leaves no room in the model's context gets an empty reply that has not stopped.

    Raises:
        LeftOut: the template refuses a prompt.
    """
    literals = Literals.of(tokenizer)
    ids = [prompt_ids(tokenizer, prompt, tools[i] if tools else None, literals) for i, prompt in enumerate(prompts)]
    stops = stop_ids(model)
    replies = []
    for row in continuations(model, tokenizer, ids, max_tokens=max_tokens, batch_size=batch_size):
        end = next((k for k, token in enumerate(row) if token in stops), None)
        kept = row if end is None else row[:end]
        replies.append(Reply(tokenizer.decode(kept, skip_special_tokens=True), end is not None, len(kept)))
    return replies


def continuations(
    model: Any, tokenizer: Any, ids: Sequence[Sequence[int]], *, max_tokens: int, batch_size: int = 16
) -> list[list[int]]:
    """The tokens that follow each row greedily, at most `max_tokens`; what comes behind a stop token means nothing.

    They do not hang on what else is in the batch: rows are padded to a length that is their own, and get as many
    tokens as the context leaves to them.
    """
    import torch

    pad = tokenizer.pad_token_id
    found: list[list[int]] = [[] for _ in ids]
    was_training = model.training
    model.eval()
    for batch, wide, most in _batches(model, ids, max_tokens, batch_size):
        # In 16 bits the sums of a row hang on the number of rows too, so there are always as many.
        rows = batch if model.dtype == torch.float32 else (batch * batch_size)[:batch_size]
        padded = [[pad] * (wide - len(ids[i])) + list(ids[i]) for i in rows]
        mask = [[0] * (wide - len(ids[i])) + [1] * len(ids[i]) for i in rows]
        with torch.no_grad():
            out = model.generate(
                input_ids=torch.tensor(padded, device=model.device),
                attention_mask=torch.tensor(mask, device=model.device),
                max_new_tokens=most,
                do_sample=False,
                num_beams=1,
                pad_token_id=pad,
                eos_token_id=sorted(stop_ids(model)),
            )
        for i, row in zip(batch, out[:, wide:].tolist(), strict=False):
            found[i] = row
    model.train(was_training)
    return found


def _batches(
    model: Any, ids: Sequence[Sequence[int]], max_tokens: int, batch_size: int
) -> Iterator[tuple[list[int], int, int]]:
    """Numbers of rows that go together, the length they are padded to, and how many tokens each is given.

    Rows that are no shorter than the context are left out.
    """
    context = (context_of(model) or 10**9) - virtual_tokens(model)
    # Prompt tuning puts its embeddings before the padding, so its rows must have none.
    step = 1 if virtual_tokens(model) else LENGTH_STEP
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, row in enumerate(ids):
        if 0 < len(row) < context:
            most = min(max_tokens, context - len(row))
            # Where the context ends the answer, the row is not padded beyond it.
            groups[(-(-len(row) // step) * step if most == max_tokens else len(row)), most].append(i)
    for (wide, most), group in sorted(groups.items()):
        for at in range(0, len(group), batch_size):
            yield group[at : at + batch_size], wide, most


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Shares of `prompts`: `exact` equal the reference but for space around it, `stopped` ended before the limit."""

    prompts: int
    exact: float
    stopped: float
    mean_tokens: float


def held_out(
    model: Any,
    tokenizer: Any,
    records: Sequence[Record],
    *,
    prompts: int,
    max_tokens: int,
    seed: int = 0,
    reasoning: Reasoning = "drop",
    batch_size: int = 16,
) -> tuple[HeldOut, list[tuple[Record, Reply]]]:
    """The figures on at most `prompts` of the records, drawn by the seed, with what was answered.

    Records that the template refuses are not asked.
    """
    literals = Literals.of(tokenizer)
    asked = [r for r in records if r.output and _can_be_asked(r, tokenizer, literals)]
    if len(asked) > prompts:
        asked = random.Random(seed).sample(asked, prompts)
    shown = [dialogue(r, reasoning) for r in asked]
    replies = answer(
        model,
        tokenizer,
        [turns[:-1] for turns in shown],
        max_tokens=max_tokens,
        batch_size=batch_size,
        tools=[r.tools for r in asked],
    )
    n = max(1, len(asked))
    right = sum(reply.text.strip() == turns[-1]["content"].strip() for reply, turns in zip(replies, shown, strict=True))
    figures = HeldOut(len(asked), right / n, sum(r.stopped for r in replies) / n, sum(r.tokens for r in replies) / n)
    return figures, list(zip(asked, replies, strict=True))


def _can_be_asked(record: Record, tokenizer: Any, literals: Literals) -> bool:
    try:
        prompt_ids(tokenizer, dialogue(record)[:-1], record.tools, literals)
    except LeftOut:
        return False
    return True


def load_trained(name: str | Path, *, check: bool = True) -> tuple[Any, Any]:
    """Model and tokenizer of a checkpoint, of an adapter's folder (with the base that it names), or of a hub id.

    Raises:
        ConfigError: there is no such model; or, with `check`, `generate` answers otherwise than the model does.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = Path(name)
    # On a CPU greedy answers in 16 bits would hang on what else is in a batch.
    dtype = "auto" if has_gpu() else torch.float32
    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
        base = base_of(folder)
        if base is None:
            model = AutoModelForCausalLM.from_pretrained(name, dtype=dtype)
        else:
            model = _with_adapter(AutoModelForCausalLM.from_pretrained(base, dtype=dtype), tokenizer, folder)
    except (OSError, ValueError, ImportError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(f"the model {name} cannot be loaded: {reason}") from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    device = "cuda" if has_gpu() else "cpu"
    model = model.to(device).eval()
    if check:
        answers_as_it_is(model, tokenizer)
    return model, tokenizer


def _with_adapter(model: Any, tokenizer: Any, folder: Path) -> Any:
    from transformers import GenerationConfig

    if (folder / "generation_config.json").is_file():
        # The base may end its answers at another token than the student.
        model.generation_config = GenerationConfig.from_pretrained(folder)
    if (folder / "bottleneck.json").is_file():
        from synthgen_train.bottleneck import load_bottlenecks

        return load_bottlenecks(model, folder)
    from peft import PeftModel

    resize(model, tokenizer)  # the rows of the new tokens are in the adapter
    return PeftModel.from_pretrained(model, folder)


def answers_as_it_is(model: Any, tokenizer: Any) -> None:
    """Does nothing where `generate` asks the model that a plain forward pass asks.

    With some pairs of versions `generate` leaves out what an adapter puts before the text.

    Raises:
        ConfigError: it asks another; the versions are named.
    """
    import torch

    ids = list(tokenizer("Name the colour of the red cup, and say why.", add_special_tokens=False)["input_ids"])[:12]
    row = torch.tensor([ids], device=model.device)
    mask = torch.ones_like(row)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        out = model.generate(
            input_ids=row,
            attention_mask=mask,
            max_new_tokens=2,
            min_new_tokens=2,
            do_sample=False,
            num_beams=1,
            output_logits=True,
            return_dict_in_generate=True,
            pad_token_id=tokenizer.pad_token_id,
        )
        apart = 0.0
        for step, logits in enumerate(out.logits):
            told = out.sequences[:, : len(ids) + step]
            own = model(input_ids=told, attention_mask=torch.ones_like(told), use_cache=False).logits[:, -1]
            size = own.float().std().clamp(min=1e-6)
            apart = max(apart, float((own.float() - logits.float()).abs().max() / size))
    model.train(was_training)
    if not apart < 0.5 if model.dtype != torch.float32 else not apart < 0.01:
        versions = " and ".join(f"{name} {version(name)}" for name in ("transformers", "peft"))
        raise ConfigError(
            f"with {versions}, `generate` does not ask the trained student: its logits are {apart:.1f} standard "
            "deviations from those of a plain forward pass",
            hint='these versions do not go together: pip install "transformers<5.24" "peft<0.22"',
        )
