"""Bottleneck adapters (Houlsby et al., 1902.00751): a small two-layer network behind each layer's attention and MLP.

PEFT does not have them. The base model stays frozen; an adapter starts as the identity, since its second matrix is
zero. They cannot be merged into the weights: there is a non-linearity between the two matrices.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

WEIGHTS, CONFIG = "bottleneck.safetensors", "bottleneck.json"
PLACES = ("self_attn", "mlp")
"""Behind which parts of a decoder layer an adapter stands (section 2.1 of the paper: after both)."""


class Bottleneck(nn.Module):  # type: ignore[misc]
    """`x + up(gelu(down(x)))` for x of shape [..., hidden]."""

    def __init__(self, hidden: int, size: int) -> None:
        super().__init__()
        self.down = nn.Linear(hidden, size)
        self.up = nn.Linear(size, hidden)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The same shape as x."""
        result: torch.Tensor = x + self.up(nn.functional.gelu(self.down(x)))
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


def decoder_layers(model: nn.Module) -> list[nn.Module]:
    """The model's decoder layers.

    Raises:
        ValueError: it has none with both an attention and an MLP by their usual names.
    """
    layers = [m for m in model.modules() if all(hasattr(m, place) for place in PLACES)]
    if not layers:
        raise ValueError(
            f"{type(model).__name__} has no layers with {' and '.join(PLACES)}, where bottleneck adapters go; use lora"
        )
    return layers


def add_bottlenecks(model: nn.Module, size: int) -> nn.Module:
    """The same model with new adapters, all other parameters frozen."""
    for parameter in model.parameters():
        parameter.requires_grad = False
    for layer in decoder_layers(model):
        reference = next(layer.parameters())
        hidden = int(model.config.hidden_size)
        for place in PLACES:
            adapter = Bottleneck(hidden, size).to(device=reference.device, dtype=reference.dtype)
            setattr(layer, place, Adapted(getattr(layer, place), adapter))
    return model


def _weights(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value for name, value in model.state_dict().items() if ".adapter." in name}


def save_bottlenecks(model: nn.Module, folder: Path, size: int, base: str) -> None:
    """Writes the adapters and what they belong to."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in _weights(model).items()}, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps({"size": size, "base": base}, indent=2) + "\n")


def load_bottlenecks(model: nn.Module, folder: Path) -> nn.Module:
    """The base model with the adapters of the folder.

    Raises:
        ValueError: they belong to a model of another shape.
    """
    settings = json.loads((folder / CONFIG).read_text())
    add_bottlenecks(model, settings["size"])
    weights = load_file(folder / WEIGHTS)
    if set(weights) != set(_weights(model)):
        raise ValueError(f"the adapters in {folder} belong to a model of another shape")
    model.load_state_dict(weights, strict=False)
    return model
