"""What is trained: all of the model, or little of it by one of the parameter-efficient methods."""

from __future__ import annotations

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


def apply(model: Any, method: Method) -> Any:
    """The model ready for training by the method: what is not trained is frozen.

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

        return get_peft_model(model, config)
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
    else:
        model.save_pretrained(folder)


def merged(model: Any, method: Method) -> Any:
    """A plain model with the update in its weights, or None where the method cannot be merged."""
    if isinstance(method, Lora | IA3):
        return model.merge_and_unload()
    return model if isinstance(method, Full | BitFit) else None


def load(base: str | Path, folder: Path) -> Any:
    """The model that was saved in the folder: itself, or its base with the adapter."""
    from transformers import AutoModelForCausalLM

    if (folder / "config.json").is_file():
        return AutoModelForCausalLM.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(base)
    if (folder / "bottleneck.json").is_file():
        from synthgen_train.bottleneck import load_bottlenecks

        return load_bottlenecks(model, folder)
    from peft import PeftModel

    return PeftModel.from_pretrained(model, folder)
