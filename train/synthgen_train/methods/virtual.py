"""Methods that put something trained before the text: tokens that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from synthgen_train.methods.base import Start
from synthgen_train.methods.layers import Peft


class _Virtual(Peft):
    """What stands before the text starts as real text."""

    virtual_tokens: int = Field(20, ge=1, description="positions before the text")

    shape: ClassVar[dict[str, str]] = {"virtual_tokens": "num_virtual_tokens"}
    packs: ClassVar[bool] = False

    @property
    def positions_before(self) -> int:
        return self.virtual_tokens

    def resume(self, model: Any, folder: Path) -> Any:
        import peft

        # PEFT loads what stands before the text for use alone, so it is made anew and then filled.
        self._same(folder)
        wrapped = Peft.wrap(self, model, Start())
        peft.set_peft_model_state_dict(wrapped, peft.load_peft_weights(str(folder), device=str(model.device)))
        return wrapped

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

    peft_type: ClassVar[str] = "PREFIX_TUNING"
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

    peft_type: ClassVar[str] = "PROMPT_TUNING"
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
