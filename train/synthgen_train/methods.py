"""What is trained: all of the model, or little of it by one of the parameter-efficient methods.

Each method is a class that says itself what it wraps, trains, saves and merges: those that update the base's weights
come first, then those that add something to it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True, slots=True)
class Start:
    """What a method may begin with: ids whose embeddings are new, and the ids of real text out of the data."""

    new_tokens: Sequence[int] = ()
    text: Sequence[int] = ()


class BaseMethod(BaseModel):
    """The class of all methods; its class variables are what the rest of the trainer asks."""

    model_config = ConfigDict(extra="forbid")

    use: str

    rate: ClassVar[float]
    """The default learning rate on a pretrained model."""

    preference_rate: ClassVar[float] = 1e-5
    """The default learning rate of DPO and KTO: TRL's for all weights is 1e-6, ten times as much for an adapter."""

    merges: ClassVar[bool] = False
    """Whether the update can be put into the weights, so that a plain model is left."""

    packs: ClassVar[bool] = True
    """Whether several examples may share a row: not where something stands before the text, past all positions."""

    checkpoints_activations: ClassVar[bool] = True
    """Whether activations may be computed anew in the backward pass."""

    keeps_outputs: ClassVar[bool] = False
    """Whether the backward pass needs the outputs of the linear layers, too."""

    known_to_trl: ClassVar[bool] = False
    """Whether TRL finds the model as it was under the method by itself, for the reference of DPO and KTO."""

    trains_rows: ClassVar[bool] = False
    """Whether embeddings of tokens that are new are trained with it."""

    changes_base: ClassVar[bool] = False
    """Whether the base's own weights are trained: they are held in float32 then, and saved as a whole model."""

    moves_all: ClassVar[bool] = False
    """Whether all weights are trained, so that a distance to where they started means something."""

    def wrap(self, model: Any, start: Start) -> Any:
        """The model ready for training by the method: what is not trained is frozen.

        Raises:
            ValueError: the model has nothing that the method trains.
        """
        raise NotImplementedError

    def resume(self, model: Any, folder: Path) -> Any:
        """The model with the adapter of the folder, ready to be trained on.

        Raises:
            ValueError: the adapter is another method's, or of another shape.
        """
        raise ValueError(f"method {self.use} has no adapter to go on from")

    def without(self, model: Any) -> AbstractContextManager[Any] | None:
        """A context in which the model answers as it did before the training; None where there is no such switch."""
        return None

    def save(self, model: Any, folder: Path, base: str, state: dict[str, Any]) -> None:
        """Writes what was trained. `state` holds the model's whole weights, `base` names what an adapter belongs to."""
        raise NotImplementedError

    def merged(self, model: Any) -> Any:
        """A plain model with the update in its weights, or None where the method cannot be merged."""
        return None


def switch(model: Any) -> AbstractContextManager[Any]:
    """PEFT's switch, which leaves the base as it is while it is open; nothing for a model that has none."""
    found: AbstractContextManager[Any] = model.disable_adapter() if hasattr(model, "disable_adapter") else nullcontext()
    return found


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

    peft_type: ClassVar[str]
    """PEFT's name of the method."""

    shape: ClassVar[dict[str, str]]
    """What an adapter that is gone on from must agree in: a setting, and its name in PEFT's file."""

    def config(self, model: Any) -> Any:
        """PEFT's configuration of the method."""
        raise NotImplementedError

    def wrap(self, model: Any, start: Start) -> Any:
        from peft import get_peft_model

        config = self.config(model)
        if start.new_tokens:
            config.trainable_token_indices = _token_layers(model, list(start.new_tokens))
        return get_peft_model(model, config)

    def resume(self, model: Any, folder: Path) -> Any:
        from peft import PeftModel

        self._same(folder)
        return PeftModel.from_pretrained(model, folder, is_trainable=True)

    def _same(self, folder: Path) -> None:
        """Does nothing where the adapter is this method's, and of its shape."""
        file = folder / "adapter_config.json"
        theirs = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        if str(theirs.get("peft_type")).upper() != self.peft_type:
            raise ValueError(f"the adapter in {folder} is {theirs.get('peft_type', 'a bottleneck')}, not {self.use}")
        for name, key in self.shape.items():
            wanted, found = getattr(self, name), theirs.get(key)
            if isinstance(wanted, list) and isinstance(found, list):
                wanted, found = sorted(wanted), sorted(found)
            if found != wanted and (name in self.model_fields_set or not name.endswith("_modules")):
                raise ValueError(f"the adapter in {folder} has {name} {found}, and method.{name} says {wanted}")

    def without(self, model: Any) -> AbstractContextManager[Any] | None:
        return switch(model)

    def save(self, model: Any, folder: Path, base: str, state: dict[str, Any]) -> None:
        # The rows of new tokens are the adapter's; a second copy, of a whole grown vocabulary, is not needed.
        model.save_pretrained(folder, state_dict=state, save_embedding_layers=False)
        _name_base(folder, base)


class _Merging(Peft):
    merges: ClassVar[bool] = True
    keeps_outputs: ClassVar[bool] = True

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

    peft_type: ClassVar[str] = "LORA"
    shape: ClassVar[dict[str, str]] = {
        "r": "r",
        "alpha": "lora_alpha",
        "dropout": "lora_dropout",
        "rslora": "use_rslora",
        "dora": "use_dora",
        "target_modules": "target_modules",
    }
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

    peft_type: ClassVar[str] = "IA3"
    shape: ClassVar[dict[str, str]] = {"target_modules": "target_modules", "feedforward_modules": "feedforward_modules"}
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


def _name_base(folder: Path, base: str) -> None:
    """Names the base in PEFT's own file."""
    path = folder / "adapter_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**settings, "base_model_name_or_path": base}, indent=2) + "\n", encoding="utf-8")


class Adapter(BaseMethod):
    """Bottleneck adapters (1902.00751) of this width behind attention and MLP. Cannot be merged."""

    use: Literal["adapter"] = "adapter"
    size: int = Field(32, ge=1, description="width of the adapter")

    rate: ClassVar[float] = 1e-3

    def wrap(self, model: Any, start: Start) -> Any:
        from synthgen_train.bottleneck import add_bottlenecks

        return add_bottlenecks(model, self.size)

    def resume(self, model: Any, folder: Path) -> Any:
        from synthgen_train.bottleneck import CONFIG, load_bottlenecks

        if not (folder / CONFIG).is_file():
            raise ValueError(f"the adapter in {folder} is another method's, not {self.use}")
        size = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["size"]
        if size != self.size:
            raise ValueError(f"the adapter in {folder} has size {size}, and method.size says {self.size}")
        return load_bottlenecks(model, folder)

    def without(self, model: Any) -> AbstractContextManager[Any] | None:
        from synthgen_train.bottleneck import switched_off

        return switched_off(model)

    def save(self, model: Any, folder: Path, base: str, state: dict[str, Any]) -> None:
        from synthgen_train.bottleneck import save_bottlenecks

        save_bottlenecks(state, folder, self.size, base)


class _Virtual(Peft):
    """Something that stands before the text: tokens that are none."""

    virtual_tokens: int = Field(20, ge=1, description="positions before the text")

    shape: ClassVar[dict[str, str]] = {"virtual_tokens": "num_virtual_tokens"}
    packs: ClassVar[bool] = False

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


Method = Annotated[Full | Lora | Adapter | Prefix | Prompt | BitFit | IA3, Field(discriminator="use")]
