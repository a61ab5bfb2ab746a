"""What is trained: all of the model, or little of it by one of the parameter-efficient methods."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from synthgen.errors import ConfigError


class _Method(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Full(_Method):
    """All parameters."""

    use: Literal["full"] = "full"


class Lora(_Method):
    """Low-rank updates (2106.09685) of all linear layers; `rslora` scales by 1/sqrt(r) (2312.03732), `dora` splits
    off the magnitude (2402.09353). Merges into the weights.
    """

    use: Literal["lora"] = "lora"
    r: int = Field(16, ge=1)
    alpha: int = Field(32, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)
    rslora: bool = False
    dora: bool = False
    target_modules: str | list[str] = "all-linear"


class Adapter(_Method):
    """Bottleneck adapters (1902.00751) of this width behind attention and MLP. Cannot be merged."""

    use: Literal["adapter"] = "adapter"
    size: int = Field(32, ge=1)


class Prefix(_Method):
    """Trained keys and values before every layer's own (2101.00190). Cannot be merged."""

    use: Literal["prefix"] = "prefix"
    virtual_tokens: int = Field(20, ge=1)


class Prompt(_Method):
    """Trained embeddings before the input (2104.08691). Cannot be merged."""

    use: Literal["prompt"] = "prompt"
    virtual_tokens: int = Field(20, ge=1)


class BitFit(_Method):
    """The biases alone (2106.10199); Llama and Qwen3 have none. Saved as a whole model."""

    use: Literal["bitfit"] = "bitfit"


class IA3(_Method):
    """Trained scales of keys, values and MLP activations (2205.05638). Merges into the weights."""

    use: Literal["ia3"] = "ia3"
    target_modules: list[str] = ["k_proj", "v_proj", "down_proj"]
    feedforward_modules: list[str] = ["down_proj"]


Method = Annotated[Full | Lora | Adapter | Prefix | Prompt | BitFit | IA3, Field(discriminator="use")]


def apply(model: Any, method: Method, new_tokens: Sequence[int] = ()) -> Any:
    """The model ready for training by the method: what is not trained is frozen.

    LoRA also trains the embeddings of `new_tokens`, which are random so far; the other adapters do not.

    Raises:
        ConfigError: the model has nothing that the method trains.
    """
    from synthgen_train.bottleneck import add_bottlenecks

    try:
        if isinstance(method, BitFit):
            return _only_biases(model)
        if isinstance(method, Adapter):
            return add_bottlenecks(model, method.size)
        config = peft_config(method)
        if config is None:
            return model
        from peft import get_peft_model

        if not new_tokens:
            return get_peft_model(model, config)
        config.modules_to_save, config.ensure_weight_tying = _token_layers(model)
        wrapped = get_peft_model(model, config)
        _train_rows(wrapped, new_tokens)
        return wrapped
    except ValueError as error:
        raise ConfigError(f"{error}", key="train.method", hint="method: {use: lora} fits every model") from error


def peft_config(method: Method) -> Any:
    """PEFT's configuration of the method, or None where PEFT has no part in it."""
    if isinstance(method, Full | BitFit | Adapter):
        return None
    import peft

    task = "CAUSAL_LM"
    if isinstance(method, Lora):
        return peft.LoraConfig(
            r=method.r,
            lora_alpha=method.alpha,
            lora_dropout=method.dropout,
            use_rslora=method.rslora,
            use_dora=method.dora,
            target_modules=method.target_modules,
            task_type=task,
        )
    if isinstance(method, Prefix):
        return peft.PrefixTuningConfig(num_virtual_tokens=method.virtual_tokens, task_type=task)
    if isinstance(method, Prompt):
        return peft.PromptTuningConfig(num_virtual_tokens=method.virtual_tokens, task_type=task)
    return peft.IA3Config(
        target_modules=method.target_modules, feedforward_modules=method.feedforward_modules, task_type=task
    )


def _token_layers(model: Any) -> tuple[list[str], bool]:
    """The names of the layers whose rows belong to tokens, and whether they share one weight.

    They are PEFT's `modules_to_save`, and not its `trainable_token_indices`: TRL's loss reads the head's weight itself,
    past a wrapper around it, so rows kept beside the weight would not be trained.
    """
    inputs, outputs = model.get_input_embeddings(), model.get_output_embeddings()
    tied = outputs is None or outputs.weight is inputs.weight
    layers = [inputs] if tied else [inputs, outputs]
    names = [name for name, module in model.named_modules() if any(module is layer for layer in layers)]
    return [name.rpartition(".")[2] for name in names], tied


def _train_rows(model: Any, tokens: Sequence[int]) -> None:
    """Leaves the rows of all other tokens without a gradient."""
    import torch

    inner = model.get_base_model()
    for layer in {inner.get_input_embeddings(), inner.get_output_embeddings()} - {None}:
        kept = torch.zeros(layer.weight.shape[0], 1)
        kept[list(tokens)] = 1
        layer.weight.register_hook(lambda gradient, kept=kept: gradient * kept.to(gradient))


def resize(model: Any, tokenizer: Any, *, like_others: bool) -> None:
    """Gives the model an embedding for every token of the tokenizer; the new ones are random.

    `like_others` draws them about the mean of those that there are, as training wants it.
    """
    if len(tokenizer) > model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=like_others)


def _only_biases(model: Any) -> Any:
    found = 0
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.endswith(".bias")
        found += parameter.requires_grad
    if not found:
        raise ValueError(f"{type(model).__name__} has no biases, so BitFit has nothing to train")
    return model


def save(model: Any, method: Method, folder: Path, base: str) -> None:
    """Writes what was trained: a whole model, or an adapter that names its base."""
    if isinstance(method, Adapter):
        from synthgen_train.bottleneck import save_bottlenecks

        save_bottlenecks(model, folder, method.size, base)
    elif peft_config(method) is not None:
        # What is trained of the embeddings is saved as such; a second copy, for a grown vocabulary, is not needed.
        model.save_pretrained(folder, save_embedding_layers=False)
    else:
        model.save_pretrained(folder)


def merged(model: Any, method: Method) -> Any:
    """A plain model with the update in its weights, or None where the method cannot be merged."""
    if isinstance(method, Lora | IA3):
        return model.merge_and_unload()
    return model if isinstance(method, Full | BitFit) else None


def load(base: str | Path, folder: Path) -> Any:
    """The model that was saved in the folder: itself, or its base with the adapter."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    if (folder / "config.json").is_file():
        return AutoModelForCausalLM.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(base)
    if (folder / "generation_config.json").is_file():
        # The base may end its answers at another token than the student.
        model.generation_config = GenerationConfig.from_pretrained(folder)
    if (folder / "bottleneck.json").is_file():
        from synthgen_train.bottleneck import load_bottlenecks

        return load_bottlenecks(model, folder)
    from peft import PeftModel

    if (folder / "tokenizer_config.json").is_file():
        resize(model, AutoTokenizer.from_pretrained(folder), like_others=False)
    return PeftModel.from_pretrained(model, folder)
