"""The methods that put something beside or before the frozen base: bottlenecks, prefixes, prompts. None merges."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from synthgen_train.methods.base import BaseMethod, Start
from synthgen_train.methods.weights import Peft


class Adapter(BaseMethod):
    """Bottleneck adapters (1902.00751) of this width behind attention and MLP. Cannot be merged."""

    use: Literal["adapter"] = "adapter"
    size: int = Field(32, ge=1, description="width of the adapter")

    rate: ClassVar[float] = 1e-3

    def wrap(self, model: Any, start: Start) -> Any:
        from synthgen_train.methods.bottleneck import add_bottlenecks

        return add_bottlenecks(model, self.size)

    def without(self, model: Any) -> AbstractContextManager[Any] | None:
        from synthgen_train.methods.bottleneck import switched_off

        return switched_off(model)

    def save(self, model: Any, folder: Path, base: str, state: dict[str, Any]) -> None:
        from synthgen_train.methods.bottleneck import save_bottlenecks

        save_bottlenecks(state, folder, self.size, base)


class _Virtual(Peft):
    """Something that stands before the text: tokens that are none."""

    virtual_tokens: int = Field(20, ge=1, description="positions before the text")

    packs: ClassVar[bool] = False

    def _text(self, model: Any, start: Start) -> Any:
        """The ids of so many tokens of real text, int [1, virtual_tokens]; repeated where there are fewer."""
        import torch

        ids = list(start.text) or [int(model.config.get_text_config().eos_token_id or 0)]
        ids = (ids * -(-self.virtual_tokens // len(ids)))[: self.virtual_tokens]
        return torch.tensor([ids], device=model.device)


class Prefix(_Virtual):
    """Trained keys and values before every layer's own (2101.00190). Cannot be merged.

    They start as the keys and values of real text; drawn at random they would lead the model far off first.
    """

    use: Literal["prefix"] = "prefix"

    rate: ClassVar[float] = 1e-3
    checkpoints_activations: ClassVar[bool] = False  # computed anew, a layer would put its keys before its keys again

    def config(self, model: Any) -> Any:
        import peft

        return peft.PrefixTuningConfig(num_virtual_tokens=self.virtual_tokens, task_type=peft.TaskType.CAUSAL_LM)

    def wrap(self, model: Any, start: Start) -> Any:
        import peft
        import torch
        from transformers import DynamicCache

        ids = self._text(model, start)
        with torch.no_grad():
            # A cache that a layer with a sliding window keeps whole, too.
            cache = model(input_ids=ids, past_key_values=DynamicCache(), use_cache=True).past_key_values
        wrapped = super().wrap(model, start)
        peft.initialize_kv_prefix_from_past_key_values(
            wrapped, past_key_values=cache, num_virtual_tokens=self.virtual_tokens
        )
        return wrapped


class Prompt(_Virtual):
    """Trained embeddings before the input (2104.08691). Cannot be merged. They start as those of real text."""

    use: Literal["prompt"] = "prompt"

    rate: ClassVar[float] = 1e-2

    def config(self, model: Any) -> Any:
        import peft

        return peft.PromptTuningConfig(num_virtual_tokens=self.virtual_tokens, task_type=peft.TaskType.CAUSAL_LM)

    def wrap(self, model: Any, start: Start) -> Any:
        import torch

        with torch.no_grad():
            embedded = model.get_input_embeddings()(self._text(model, start))[0]
        wrapped = super().wrap(model, start)
        weight = wrapped.prompt_encoder[wrapped.active_adapter].embedding.weight
        weight.data.copy_(embedded.to(weight))
        return wrapped
