"""The methods whose update is an update of the base's weights: all of them, low-rank, biases, scales."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from synthgen_train.methods.base import BaseMethod, Start, switch


class _Whole(BaseMethod):
    """Trains the base's own weights, and leaves a whole model."""

    changes_base: ClassVar[bool] = True

    def save(self, model: Any, folder: Path, base: str, state: dict[str, Any]) -> None:
        model.save_pretrained(folder, state_dict=state)

    def merged(self, model: Any) -> Any:
        return model


class Full(_Whole):
    """All parameters."""

    use: Literal["full"] = "full"

    rate: ClassVar[float] = 1e-5  # at most the 2e-5 of Alpaca's 7B recipe, half of it, to forget less
    preference_rate: ClassVar[float] = 1e-6
    trains_rows: ClassVar[bool] = True
    moves_all: ClassVar[bool] = True

    def wrap(self, model: Any, start: Start) -> Any:
        return model


class BitFit(_Whole):
    """The biases alone (2106.10199); Llama and Qwen3 have none. Saved as a whole model."""

    use: Literal["bitfit"] = "bitfit"

    rate: ClassVar[float] = 1e-3

    def wrap(self, model: Any, start: Start) -> Any:
        found = 0
        for name, parameter in model.named_parameters():
            parameter.requires_grad = name.endswith(".bias")
            found += parameter.requires_grad
        if not found:
            raise ValueError(f"{type(model).__name__} has no biases, so BitFit has nothing to train")
        return model


class Peft(BaseMethod):
    """A method of PEFT's: the base stays as it is, and the adapter's folder names it."""

    known_to_trl: ClassVar[bool] = True

    def config(self, model: Any) -> Any:
        """PEFT's configuration of the method."""
        raise NotImplementedError

    def wrap(self, model: Any, start: Start) -> Any:
        from peft import get_peft_model

        config = self.config(model)
        if start.new_tokens:
            config.trainable_token_indices = _token_layers(model, list(start.new_tokens))
        return get_peft_model(model, config)

    def without(self, model: Any) -> AbstractContextManager[Any] | None:
        return switch(model)

    def save(self, model: Any, folder: Path, base: str, state: dict[str, Any]) -> None:
        from synthgen_train.checkpoints import name_base

        # The rows of new tokens are the adapter's; a second copy, of a whole grown vocabulary, is not needed.
        model.save_pretrained(folder, state_dict=state, save_embedding_layers=False)
        name_base(folder, base)


class _Merging(Peft):
    merges: ClassVar[bool] = True

    def merged(self, model: Any) -> Any:
        return model.merge_and_unload()


class Lora(_Merging):
    """Low-rank updates (2106.09685) of all linear layers; `rslora` scales by 1/sqrt(r) (2312.03732), `dora` splits
    off the magnitude (2402.09353). Merges into the weights.
    """

    use: Literal["lora"] = "lora"
    r: int = Field(16, ge=1, description="rank of the updates")
    alpha: int = Field(32, ge=1, description="updates are scaled by alpha / r")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of their inputs that is left out at random")
    rslora: bool = Field(False, description="scale by alpha / sqrt(r)")
    dora: bool = Field(False, description="train magnitudes apart from directions")
    target_modules: str | list[str] = Field("all-linear", description="names of the layers that get updates")

    rate: ClassVar[float] = 2e-4
    trains_rows: ClassVar[bool] = True

    def config(self, model: Any) -> Any:
        import peft

        return peft.LoraConfig(
            r=self.r,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            use_rslora=self.rslora,
            use_dora=self.dora,
            target_modules=self.target_modules,
            task_type=peft.TaskType.CAUSAL_LM,
        )


class IA3(_Merging):
    """Trained scales of keys, values and MLP activations (2205.05638). Merges into the weights."""

    use: Literal["ia3"] = "ia3"
    target_modules: list[str] = Field(["k_proj", "v_proj", "down_proj"], description="names of the layers with scales")
    feedforward_modules: list[str] = Field(["down_proj"], description="those whose inputs are scaled")

    rate: ClassVar[float] = 3e-3

    def config(self, model: Any) -> Any:
        import peft

        # Where a model's layers have other names, PEFT knows which ones they are.
        names = {name.rpartition(".")[2] for name, _ in model.named_modules()}
        own = "target_modules" in self.model_fields_set or names.issuperset(self.target_modules)
        return peft.IA3Config(
            target_modules=self.target_modules if own else None,
            feedforward_modules=self.feedforward_modules if own else None,
            task_type=peft.TaskType.CAUSAL_LM,
        )


def _token_layers(model: Any, tokens: list[int]) -> dict[str, list[int]]:
    """The layers whose rows belong to tokens, by name, with the rows to train; one where both share one weight."""
    inputs, outputs = model.get_input_embeddings(), model.get_output_embeddings()
    tied = outputs is None or outputs.weight is inputs.weight
    layers = [inputs] if tied else [inputs, outputs]
    names = [name for name, module in model.named_modules() if any(module is layer for layer in layers)]
    return {name.rpartition(".")[2]: tokens for name in names}
