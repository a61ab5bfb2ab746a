"""DPO and KTO through TRL, on pairs that are tokens already: the same masks and stop tokens as in fine-tuning."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trl import DPOTrainer, KTOTrainer

from synthgen.records import Answer, Record
from synthgen_train.config import TrainConfig
from synthgen_train.examples import IGNORED, Example, Examples, Reasoning, make_examples
from synthgen_train.loss import Order, Scores
from synthgen_train.plan import Settings
from synthgen_train.sft import arguments, configured


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one prompt as examples, the better one first. Either may be missing where only one is judged."""

    record: str
    source: str
    chosen: Example | None
    rejected: Example | None


def judged(record: Record) -> tuple[Answer | None, Answer | None]:
    """The best and the worst of the record's scored answers.

    With one answer it is the chosen one where its score is above 0, else the rejected one. None and None where no
    answer has a score, or all have the same.
    """
    scored = [a for a in record.answers if a.score is not None and not math.isnan(a.score)]
    if len(scored) == 1:
        return (scored[0], None) if (scored[0].score or 0) > 0 else (None, scored[0])
    if not scored:
        return None, None
    best = max(scored, key=lambda a: a.score or 0.0)
    worst = min(scored, key=lambda a: a.score or 0.0)
    if best.score == worst.score or best.text == worst.text:
        return None, None
    return best, worst


def make_pairs(
    records: Iterable[Record],
    tokenizer: Any,
    *,
    max_length: int,
    source: str = "",
    single: bool = False,
    reasoning: Reasoning = "drop",
) -> tuple[list[Pair], Examples]:
    """Pairs, and all their answers as examples for the preflight, with the records left out counted by cause.

    `single` also takes records with one judged answer, which KTO learns from and DPO cannot.
    """
    pairs: list[Pair] = []
    seen = Examples()
    for record in records:
        seen.records += 1
        best, worst = judged(record)
        if (best is None and worst is None) or (not single and (best is None or worst is None)):
            seen.leave_out(record, "no_preference")
            continue
        made: list[Example | None] = []
        for one in (best, worst):
            if one is None:
                made.append(None)
                continue
            # The reasoning belongs to the record's own answer, not to the alternatives.
            own = record.replace(output=one.text, reasoning=record.reasoning if one.text == record.output else None)
            found = make_examples([own], tokenizer, max_length=max_length, reasoning=reasoning, source=source)
            if not found.items:
                seen.leave_out(record, next(iter(found.left_out)))
                break
            made.append(found.items[0])
        else:
            pairs.append(Pair(record.id, source, made[0], made[1]))
            seen.items += [e for e in made if e is not None]
    return pairs, seen


def _split(example: Example) -> tuple[list[int], list[int]]:
    """Prompt and answer: the last run of trained tokens, and all that is before it."""
    end = max(i for i, label in enumerate(example.labels) if label != IGNORED) + 1
    start = end
    while start > 0 and example.labels[start - 1] != IGNORED:
        start -= 1
    return example.input_ids[:start], example.input_ids[start:end]


def dpo_rows(pairs: Iterable[Pair]) -> Any:
    """A dataset of prompt, chosen and rejected token ids."""
    import datasets

    def rows() -> Iterator[dict[str, list[int]]]:
        for pair in pairs:
            if pair.chosen is not None and pair.rejected is not None:
                prompt, chosen = _split(pair.chosen)
                yield {"prompt_ids": prompt, "chosen_ids": chosen, "rejected_ids": _split(pair.rejected)[1]}

    return datasets.Dataset.from_list(list(rows()))


def kto_rows(pairs: Iterable[Pair], batch_size: int) -> Any:
    """A dataset of prompt, answer, whether it is a good one, and the answer of another prompt in the same batch.

    The mismatched answers estimate the KL divergence (2402.01306, section 4.1).
    """
    import datasets

    rows = []
    for pair in pairs:
        for example, good in ((pair.chosen, True), (pair.rejected, False)):
            if example is not None:
                prompt, completion = _split(example)
                rows.append({"prompt_ids": prompt, "completion_ids": completion, "label": good})
    for at in range(0, len(rows), batch_size):
        batch = rows[at : at + batch_size]
        for i, row in enumerate(batch):
            row["KL_completion_ids"] = batch[i - 1]["completion_ids"]
    return datasets.Dataset.from_list(rows)


class _Ready:
    """Leaves a dataset as it is: it has the tokens already."""

    def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        return dataset


class Dpo(Scores, _Ready, DPOTrainer):  # type: ignore[misc]
    """TRL's DPOTrainer on token ids."""


class Kto(Scores, _Ready, KTOTrainer):  # type: ignore[misc]
    """TRL's KTOTrainer on token ids."""


def make_trainer(
    model: Any,
    tokenizer: Any,
    config: TrainConfig,
    settings: Settings,
    rows: Any,
    steps: int,
    folder: Path,
    start: Any = None,
) -> Any:
    """TRL's trainer for the objective. `start` is the reference model where no adapter can be switched off."""
    from trl import DPOConfig, KTOConfig

    shared = arguments(config, settings, steps, folder) | {"beta": config.beta}
    common = {"model": model, "ref_model": start, "train_dataset": rows, "processing_class": tokenizer}
    if config.objective == "dpo":
        dpo = _without_twin(Dpo(args=configured(DPOConfig, **shared, loss_type=[config.dpo_loss]), **common))
        lengths = [len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"])) for row in rows]
        dpo.order = Order(lengths, config.batch_size, config.seed, grouped=settings["group_by_length"])
        return dpo
    good = sum(rows["label"])
    bad = len(rows) - good
    # Equation 8 of 2402.01306: both sides weigh the same where they are unequally many.
    weights = {"desirable_weight": max(1.0, bad / max(1, good)), "undesirable_weight": max(1.0, good / max(1, bad))}
    # KTO's mismatched answers belong to the batches as they are, so the order is fixed; it is random already.
    args = configured(KTOConfig, **shared, **weights, train_sampling_strategy="sequential")
    return _without_twin(Kto(args=args, **common))


def _without_twin(trainer: Any) -> Any:
    """The trainer without the second adapter that TRL adds for reference: it starts as nothing, so the base serves."""
    if "ref" in getattr(trainer.model, "peft_config", {}):
        trainer.model.delete_adapter("ref")
    return trainer
