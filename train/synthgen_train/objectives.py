"""What TRL is given for each objective: rows that are tokens already, their order, its arguments, and its trainer.

SFT comes first. DPO and KTO have the same masks and stop tokens as fine-tuning has.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import datasets
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, pack_dataset

from synthgen_train.config import TrainConfig
from synthgen_train.examples import IGNORED, Example, Pair
from synthgen_train.loss import Order, Scores, Trainer, frozen_copy
from synthgen_train.mixing import Prepared
from synthgen_train.plan import Settings, processes


def rows_for(config: TrainConfig, settings: Settings, prepared: Prepared) -> Any:
    """The rows that the objective trains on."""
    if config.objective == "sft":
        return rows_of(prepared.examples, settings)
    if config.objective == "dpo":
        return dpo_rows(prepared.pairs)
    return kto_rows(prepared.pairs, config.batch_size)


def rows_of(examples: Sequence[Example], settings: Settings) -> Any:
    """A dataset with `input_ids` and `labels`, one row an example; with packing several, and `seq_lengths`.

    Packing is best fit decreasing: no example is cut, since none is longer than a row.
    """
    datasets.disable_progress_bars()
    columns = {"input_ids": [e.input_ids for e in examples], "labels": [e.labels for e in examples]}
    dataset = datasets.Dataset.from_dict(columns)
    if settings["packing"]:
        dataset = pack_dataset(dataset.shuffle(seed=settings["seed"]), settings["max_length"], "bfd")
        # Packing sorts by length; without a shuffle the rows of one kind would come together.
        dataset = dataset.shuffle(seed=settings["seed"])
    return dataset


def reference_of(config: TrainConfig, model: Any, *, resumed: bool = False) -> Any:
    """A copy of the model before training, where the loss needs one and no switch gives it.

    Switched off, an adapter that is gone on from would leave the base, not the model that the training begins with.

    Raises:
        ValueError: such an adapter cannot be put into a plain model.
    """
    method = config.method
    preferences = config.objective != "sft" and (resumed or not method.known_to_trl)
    kl = config.keep.kl and (resumed or method.without(model) is None)
    if not (config.keep.l2 or preferences or kl):
        return None
    twin = frozen_copy(model)
    if not resumed or not method.known_to_trl:
        return twin
    plain = method.merged(twin)
    if plain is None:
        raise ValueError(f"dpo, kto and keep.kl cannot go on from an adapter of method {method.use}")
    return plain.requires_grad_(False)


def arguments(config: TrainConfig, settings: Settings, steps: int, folder: Path) -> dict[str, Any]:
    """The arguments that all of TRL's trainers share."""
    import torch

    log_every = config.log_every or max(1, steps // 100)
    save_every = config.eval_every or config.save_every or max(1, steps // 10)
    # A checkpoint is written only after its loss has been looked at, and evaluated with it.
    save_every = -(-save_every // log_every) * log_every
    evaluated: dict[str, Any] = {}
    if config.eval_every:
        evaluated = {"eval_strategy": "steps", "eval_steps": save_every}
    if config.early_stopping:
        evaluated |= {
            "load_best_model_at_end": True,
            "metric_for_best_model": "eval_loss",
            "greater_is_better": False,
            "restore_callback_states_from_checkpoint": True,  # how often the loss was no better
        }
    return {
        "output_dir": str(folder),
        "max_steps": steps,
        "per_device_train_batch_size": settings["batch_size"],
        "per_device_eval_batch_size": settings["batch_size"],
        "gradient_accumulation_steps": settings["gradient_accumulation"],
        "gradient_checkpointing": settings["gradient_checkpointing"],
        "learning_rate": settings["learning_rate"],
        "lr_scheduler_type": settings["scheduler"],
        "warmup_steps": settings["warmup"],
        "weight_decay": settings["weight_decay"],
        "seed": settings["seed"],
        "bf16": settings["dtype"] == "bfloat16",
        "max_length": settings["max_length"],
        "logging_steps": log_every,
        # A NaN has to be seen, not averaged away.
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_steps": save_every,
        "save_total_limit": 2,
        "data_seed": settings["seed"],
        "disable_tqdm": True,
        "report_to": config.report_to,
        "dataloader_pin_memory": torch.cuda.is_available(),
        # Without it transformers takes bfloat16 for a GPU's alone.
        "use_cpu": not (torch.cuda.is_available() or torch.backends.mps.is_available()),
        **evaluated,
    }


def sft_trainer(
    model: Any,
    tokenizer: Any,
    config: TrainConfig,
    settings: Settings,
    rows: Any,
    held_out: Any,
    steps: int,
    folder: Path,
    start: Any = None,
) -> Any:
    """TRL's trainer. `start` is a copy of the model before training, where a term of the loss needs one."""
    shared = arguments(config, settings, steps, folder)
    args = configured(
        SFTConfig,
        **shared,
        packing=settings["packing"],
        eval_packing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        train_sampling_strategy="sequential" if config.curriculum else "random",
    )
    trainer = Trainer(
        model=model,
        args=args,
        train_dataset=filled(rows, config.batch_size),
        eval_dataset=held_out,
        processing_class=tokenizer,
        keep=config.keep,
        method=config.method,
        start=start,
    )
    if not config.curriculum:
        grouped = settings["group_by_length"] and not config.packing
        lengths = [len(ids) for ids in rows["input_ids"]]
        empty = len(trainer.train_dataset) - len(rows)
        trainer.order = Order(lengths, config.batch_size, config.seed, grouped=grouped, empty=empty)
    return trainer


def filled(rows: Any, batch_size: int) -> Any:
    """The rows, and behind them empty ones until each of several processes has as many batches, all of them whole.

    Otherwise some rows would be taken once more in their place. In empty rows nothing is trained.
    """
    empty = -len(rows) % (batch_size * processes()) if processes() > 1 else 0
    if not empty:
        return rows
    row = {"input_ids": [0], "labels": [IGNORED]} | ({"seq_lengths": [1]} if "seq_lengths" in rows.features else {})
    return datasets.concatenate_datasets([rows, datasets.Dataset.from_list([row] * empty, features=rows.features)])


def configured(kind: Any, **values: Any) -> Any:
    """TRL's configuration, without the notice that a later transformers renames `gradient_checkpointing`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return kind(**values)


def _split(example: Example) -> tuple[list[int], list[int]]:
    """Prompt and answer: the last run of trained tokens, and all that is before it."""
    end = max(i for i, label in enumerate(example.labels) if label != IGNORED) + 1
    start = end
    while start > 0 and example.labels[start - 1] != IGNORED:
        start -= 1
    return example.input_ids[:start], example.input_ids[start:end]


def dpo_rows(pairs: Iterable[Pair]) -> Any:
    """A dataset of prompt, chosen and rejected token ids."""

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


def preference_trainer(
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
