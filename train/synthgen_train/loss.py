"""The loss: at trained positions alone, and with terms that hold the student near the model it started from."""

from __future__ import annotations

import copy
import functools
import random
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional
from torch.utils.data import Sampler
from transformers.modeling_outputs import CausalLMOutput
from trl import SFTTrainer
from trl.trainer.utils import FusedCausalLMOutput

from synthgen_train.checkpoints import SafeSaves
from synthgen_train.compact import Compact
from synthgen_train.config import Keep
from synthgen_train.examples import IGNORED
from synthgen_train.loading import inner_of
from synthgen_train.methods import BaseMethod

NUMBERS = 2**24
"""How many logits are turned into probabilities at once."""

NOT_MEASURED = ("entropy", "mean_token_accuracy", "logits/chosen", "logits/rejected", "logits/chosen_sum")
"""Metrics of TRL's that would need all logits once more."""


class _LogProbabilities(torch.autograd.Function):  # type: ignore[misc]
    """log p of a target in each row of logits; the gradient is made in the logits' own memory.

    logits [n, vocabulary], targets int [n] → float32 [n]. A vocabulary of numbers for each position is what fills the
    memory in a step of a small model, so they are there once instead of three times.
    """

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The log-probabilities."""
        parts = logits.split(_rows(logits))
        normaliser = torch.cat([torch.logsumexp(part.float(), -1) for part in parts])
        ctx.save_for_backward(logits, targets, normaliser)
        picked: torch.Tensor = logits.gather(-1, targets[:, None])[:, 0].float() - normaliser
        return picked

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        """`gradient x (1[target] - p)`, written over the logits."""
        logits, targets, normaliser = ctx.saved_tensors
        rows = _rows(logits)
        for part, total, scale in zip(*(t.split(rows) for t in (logits, normaliser, gradient)), strict=True):
            part.copy_((part.float() - total[:, None]).exp_().mul_(-scale[:, None]))
        logits.scatter_add_(-1, targets[:, None], gradient[:, None].to(logits))
        return logits, None


def _rows(logits: torch.Tensor) -> int:
    return max(1, NUMBERS // int(logits.shape[-1]))


def score_trained_positions(model: Any, *, compact: bool = False) -> None:
    """Has the model score trained positions alone, where TRL asks for log-probabilities (`fused_lm_head=True`).

    TRL does so on GPUs with Triton, and elsewhere puts every position through the LM head. Here the head is given the
    hidden states of trained positions within the model's own forward, so that whatever a model does with its logits,
    and whatever is wrapped around its head, stays as it is. Without `fused_lm_head` the forward is the model's own.
    With `model.keeps_logits` set they are left in `model.kept`, [trained positions, vocabulary]. With `compact` the
    batch is computed without its padding, if the model gives the same log-probabilities that way.
    """
    theirs = model.forward
    compacts = Compact.of(model) if compact else None

    @functools.wraps(type(model).forward)
    def forward(self: Any, *args: Any, fused_lm_head: bool = False, labels: Any = None, **kwargs: Any) -> Any:
        if not fused_lm_head:
            return theirs(*args, **kwargs) if labels is None else theirs(*args, labels=labels, **kwargs)
        mask, wide = labels[:, 1:] != IGNORED, labels.shape[1]
        given, places = {**kwargs, "use_cache": False}, None
        layout = None if compacts is None or args else compacts.layout(kwargs)
        if layout is not None:
            given, places = layout.as_arguments(labels.device), layout.index(labels)[:, :-1][mask]

        def select(module: Any, states: tuple[Any, ...]) -> tuple[Any, ...]:
            picked = states[0][:, -wide:-1][mask] if places is None else states[0][0].index_select(0, places)
            return (picked, *states[1:])

        handle = self.get_output_embeddings().register_forward_pre_hook(select)
        try:
            out: CausalLMOutput = type(self).forward(self, *args, **given)
        finally:
            handle.remove()
        if getattr(self, "keeps_logits", False):
            self.kept = out.logits
        found = _LogProbabilities.apply(out.logits, labels[:, 1:][mask])
        # `masked_scatter` keeps a batch without any trained position connected to the model.
        log_probs = found.new_zeros(mask.shape).masked_scatter(mask, found)
        nothing = torch.zeros_like(log_probs, requires_grad=False)
        return FusedCausalLMOutput(
            loss=-log_probs.sum() / mask.sum().clamp(min=1),
            log_probs=log_probs,
            entropy=nothing,
            mean_logits=nothing,
            is_top1=nothing.bool(),
            label_mask=mask,
            aux_loss=getattr(out, "aux_loss", None),
        )

    model.forward = types.MethodType(forward, model)


class Order(Sampler):  # type: ignore[misc]
    """Row numbers in random order, each once an epoch; where `grouped`, rows of like length together in each batch.

    Out of each `POOL` batches drawn at random the rows are sorted then and cut into batches, which come in random order
    again. A last batch that is short comes last, and behind it the `empty` rows, which have the numbers after all
    others. The order hangs on seed and epoch alone, so several processes, each taking a batch in turn, train on the
    same rows a step as one that takes them one after another.
    """

    POOL = 50

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int, *, grouped: bool, empty: int = 0) -> None:
        self.lengths, self.batch_size, self.seed, self.epoch = lengths, batch_size, seed, 0
        self.grouped, self.empty = grouped, empty

    def __len__(self) -> int:
        return len(self.lengths) + self.empty

    def set_epoch(self, epoch: int) -> None:
        """Gives the order of another epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        draw = random.Random(f"{self.seed} {self.epoch}")
        order = list(range(len(self.lengths)))
        draw.shuffle(order)
        size = self.batch_size
        whole = len(order) // size * size
        batches = []
        for at in range(0, whole, size * self.POOL):
            pool = order[at : min(whole, at + size * self.POOL)]
            if self.grouped:
                pool.sort(key=lambda i: self.lengths[i])
            batches += [pool[k : k + size] for k in range(0, len(pool), size)]
        draw.shuffle(batches)
        for batch in (*batches, order[whole:], range(len(order), len(self))):
            yield from batch


class Scores(SafeSaves):
    """Mixed into a TRL trainer: it scores trained positions alone, and takes the rows in an order of its own."""

    model: Any
    order: Order | None = None
    """The order of the rows, where it is not their own."""
    compact = True
    """Whether a batch is computed without its padding; on a CPU, since it was measured on none but those."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for model in (self.model, getattr(self, "ref_model", None)):
            if model is not None and self._own_scores(inner_of(model)):
                score_trained_positions(inner_of(model), compact=self.compact and self.args.device.type == "cpu")

    def _own_scores(self, inner: Any) -> bool:
        """Whether TRL would score all positions, or past what PEFT has put around the head."""
        plain = isinstance(inner.get_output_embeddings(), torch.nn.Linear)
        return not plain or self.args.device.type not in ("cuda", "xpu")

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        if self.order is not None:
            return self.order
        return super()._get_train_sampler(dataset)  # type: ignore[misc]

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """As TRL's, without what is not measured."""
        metrics = self._metrics  # type: ignore[attr-defined]
        for kind in ("train", "eval"):
            for name in NOT_MEASURED:
                metrics[kind].pop(name, None)
        super().log(logs, *args, **kwargs)  # type: ignore[misc]


class Trainer(Scores, SFTTrainer):  # type: ignore[misc]
    """TRL's SFTTrainer with `kl` times KL(start || student) and `l2` times the squared distance to the start.

    The divergence is the mean over the trained positions, as the loss is. Its reference is the model with its adapter
    switched off, or `start`, a copy of the model where there is none to switch off; the distance needs a copy of the
    weights. `kl` takes one further forward pass a step.
    """

    def __init__(self, *args: Any, keep: Keep, method: BaseMethod, start: Any = None, **kwargs: Any) -> None:
        self.keep = keep
        super().__init__(*args, **kwargs)
        own = self.accelerator.unwrap_model(self.model)
        self.method = method
        if keep.kl and start is None and method.without(own) is None:
            raise ValueError("a KL term needs the model as it was")
        self._reference = start
        if start is not None:
            start.to(self.args.device)
            score_trained_positions(start, compact=self.compact and self.args.device.type == "cpu")
        if keep.kl:
            for model in (inner_of(own), *([] if start is None else [start])):
                model.keeps_logits = True
        self._start: Mapping[str, torch.Tensor] = {}
        if keep.l2:
            # A copy is as it was for good; without one the weights are about to move.
            source = start if start is not None else frozen_copy(own)
            self._start = {n: p.detach().to(self.args.device) for n, p in source.named_parameters()}

    def _own_scores(self, inner: Any) -> bool:
        return bool(self.keep.kl) or super()._own_scores(inner)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The loss with its further terms while training, TRL's own while evaluating."""
        plain = dict(inputs)
        result = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if not model.training or not (self.keep.kl or self.keep.l2):
            return result
        loss = result[0] if return_outputs else result
        metrics = self._metrics["train"]
        if self.keep.kl:
            kl = self._divergence(model, plain)
            positions = (plain["labels"][:, 1:] != IGNORED).sum()
            metrics["keep/kl"].append((kl / positions.clamp(min=1)).item())
            items = positions if num_items_in_batch is None else num_items_in_batch
            scale = self.accelerator.num_processes if num_items_in_batch is not None else 1
            loss = loss + self.keep.kl * kl / torch.as_tensor(items).clamp(min=1) * scale
        if self.keep.l2:
            distance = self._distance()
            metrics["keep/l2"].append(distance.item())
            # The loss of several small batches is added up, and this term is in each of them.
            loss = loss + self.keep.l2 * distance / self.current_gradient_accumulation_steps
        return (loss, result[1]) if return_outputs else loss

    def _divergence(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        """KL(start || student), summed over the trained positions, of logits that the loss was made of."""
        own = self.accelerator.unwrap_model(model)
        student, inner_of(own).kept = inner_of(own).kept, None
        with torch.no_grad():
            if self._reference is not None:
                self._reference(**inputs, fused_lm_head=True)
                start = self._reference.kept
            else:
                with self.method.without(own), self.compute_loss_context_manager():  # type: ignore[union-attr]
                    own(**inputs, fused_lm_head=True)
                start, inner_of(own).kept = inner_of(own).kept, None
            start = functional.log_softmax(start.float(), -1)
        return functional.kl_div(functional.log_softmax(student.float(), -1), start, reduction="sum", log_target=True)

    def _distance(self) -> torch.Tensor:
        own = self.accelerator.unwrap_model(self.model)
        terms = [
            (p.float() - self._start[n].float()).pow(2).sum() for n, p in own.named_parameters() if p.requires_grad
        ]
        return torch.stack(terms).sum()


def frozen_copy(model: Any) -> Any:
    """A copy of the model for reference, in evaluation mode and without gradients."""
    twin = copy.deepcopy(model).eval()
    for parameter in twin.parameters():
        parameter.requires_grad = False
    return twin
