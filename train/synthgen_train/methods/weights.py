"""Methods that train the base's own weights, all or few of them, and leave a whole model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from synthgen_train.methods.base import BaseMethod, Start


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
