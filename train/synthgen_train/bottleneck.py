"""Bottleneck adapters (Houlsby et al., 1902.00751): a small two-layer network behind each layer's attention and MLP.

PEFT does not have them. The base model stays frozen; an adapter starts as the identity, since its second matrix is
zero. They cannot be merged into the weights: there is a non-linearity between the two matrices.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

WEIGHTS, CONFIG = "bottleneck.safetensors", "bottleneck.json"
PLACES = (("self_attn", "mlp"), ("attn", "mlp"), ("self_attention", "mlp"), ("attention", "mlp"))
"""Behind which parts of a decoder layer an adapter stands (section 2.1 of the paper: after both), by their names in
Llama and its like, GPT-2, Falcon and Bloom, GPT-NeoX.
"""


class Bottleneck(nn.Module):  # type: ignore[misc]
    """`x + up(gelu(down(x)))` for x of shape [..., hidden]; in float32, whatever the format of x is.

    Small steps would be lost if its weights were rounded to 16 bits after each.
    """

    def __init__(self, hidden: int, size: int) -> None:
        super().__init__()
        self.down = nn.Linear(hidden, size)
        self.up = nn.Linear(size, hidden)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)
        self.on = True

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The same shape as x."""
        if not self.on:
            return x
        change = self.up(nn.functional.gelu(self.down(x.to(self.down.weight.dtype))))
        result: torch.Tensor = x + change.to(x.dtype)
        return result


class Adapted(nn.Module):  # type: ignore[misc]
    """A part of a layer with an adapter behind it; what the part returns beside its output goes through."""

    def __init__(self, part: nn.Module, adapter: Bottleneck) -> None:
        super().__init__()
        self.part = part
        self.adapter = adapter

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the part returns, its output adapted."""
        output = self.part(*args, **kwargs)
        if isinstance(output, tuple):
            return self.adapter(output[0]), *output[1:]
        return self.adapter(output)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("part"), name)


def decoder_layers(model: nn.Module) -> tuple[list[nn.Module], tuple[str, str]]:
    """The model's decoder layers, and the names of their attention and their MLP.

    Raises:
        ValueError: it has none with both an attention and an MLP by one of their usual names.
    """
    for places in PLACES:
        layers = [m for m in model.modules() if all(isinstance(getattr(m, p, None), nn.Module) for p in places)]
        if layers:
            return layers, places
    raise ValueError(
        f"{type(model).__name__} has no layers with an attention and an MLP, where bottleneck adapters go; use lora"
    )


def add_bottlenecks(model: nn.Module, size: int) -> nn.Module:
    """The same model with new adapters, all other parameters frozen."""
    for parameter in model.parameters():
        parameter.requires_grad = False
    layers, places = decoder_layers(model)
    for layer in layers:
        reference = next(layer.parameters())
        hidden = int(model.config.get_text_config().hidden_size)
        for place in places:
            adapter = Bottleneck(hidden, size).to(device=reference.device)
            setattr(layer, place, Adapted(getattr(layer, place), adapter))
    return model


@contextmanager
def switched_off(model: nn.Module) -> Iterator[None]:
    """While it is open the model answers as if it had no adapters."""
    adapters = [module for module in model.modules() if isinstance(module, Bottleneck)]
    for adapter in adapters:
        adapter.on = False
    try:
        yield
    finally:
        for adapter in adapters:
            adapter.on = True


def _weights(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state.items() if ".adapter." in name}


def save_bottlenecks(state: Mapping[str, torch.Tensor], folder: Path, size: int, base: str) -> None:
    """Writes the adapters out of a model's weights, and what they belong to."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in _weights(state).items()}, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps({"size": size, "base": base}, indent=2) + "\n")


def load_bottlenecks(model: nn.Module, folder: Path) -> nn.Module:
    """The base model with the adapters of the folder.

    Raises:
        ValueError: they belong to a model of another shape.
    """
    settings = json.loads((folder / CONFIG).read_text())
    add_bottlenecks(model, settings["size"])
    weights = load_file(folder / WEIGHTS)
    if set(weights) != set(_weights(model.state_dict())):
        raise ValueError(f"the adapters in {folder} belong to a model of another shape")
    model.load_state_dict(weights, strict=False)
    return model
