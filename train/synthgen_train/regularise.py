"""Terms of the loss that hold the student near the model it started from."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional
from trl import SFTTrainer

from synthgen_train.config import Keep
from synthgen_train.examples import IGNORED
from synthgen_train.saves import SafeSaves


class Trainer(SafeSaves, SFTTrainer):  # type: ignore[misc]
    """TRL's SFTTrainer with `kl` times KL(start || student) and `l2` times the squared distance to the start.

    The divergence is the mean over the trained positions, as the loss is. Its reference is the model with its adapter
    switched off, or a copy of the model where there is none to switch off; the distance needs a copy of the weights.
    The further forward passes make a step with `kl` two to three times as long.
    """

    def __init__(self, *args: Any, keep: Keep, start: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keep = keep
        own = self.accelerator.unwrap_model(self.model)
        self._switch = hasattr(own, "disable_adapter")
        self._reference = start
        if keep.kl and start is None and not self._switch:
            raise ValueError("a KL term needs the model as it was")
        if self._reference is not None:
            self._reference.to(self.args.device)
        self._start: Mapping[str, torch.Tensor] = {}
        if keep.l2:
            source = start if start is not None else own
            self._start = {n: p.detach().clone().to(self.args.device) for n, p in source.named_parameters()}

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The loss with its further terms while training, TRL's own while evaluating."""
        plain = {k: v for k, v in inputs.items() if k != "labels"}
        labels = inputs["labels"]
        result = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if not model.training or not (self.keep.kl or self.keep.l2):
            return result
        loss = result[0] if return_outputs else result
        metrics = self._metrics["train"]
        if self.keep.kl:
            kl, positions = self._divergence(model, plain, labels)
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

    def _divergence(
        self, model: Any, inputs: dict[str, Any], labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """KL(start || student) summed over the trained positions, and their number."""
        plain = {**inputs, "use_cache": False}
        student = model(**plain).logits
        with torch.no_grad():
            if self._reference is not None:
                start = self._reference(**plain).logits
            else:
                with self.accelerator.unwrap_model(model).disable_adapter():
                    start = model(**plain).logits
        # Prompt tuning puts its virtual tokens before the text, in the student alone.
        wide = labels.shape[1]
        chosen = labels[:, 1:] != IGNORED
        student, start = student[:, -wide:-1][chosen].float(), start[:, -wide:-1][chosen].float()
        kl = functional.kl_div(
            functional.log_softmax(student, -1), functional.log_softmax(start, -1), reduction="sum", log_target=True
        )
        return kl, chosen.sum()

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
