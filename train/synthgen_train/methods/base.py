"""What a method is: what it wraps, trains, saves and merges, and what the rest of the trainer asks of it.

The simplest are here too, which train the base's own weights, all or few of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict


@dataclass(frozen=True, slots=True)
class Start:
    """What a method may begin with: ids whose embeddings are new, and the ids of real text out of the data."""

    new_tokens: Sequence[int] = ()
    text: Sequence[int] = ()


class BaseMethod(BaseModel, ABC):
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

    @property
    def positions_before(self) -> int:
        """How many positions of the model's context the method puts before the text."""
        return 0

    @property
    def leaves_out(self) -> bool:
        """Whether parts of it are left out at random in training."""
        return False

    @abstractmethod
    def wrap(self, model: Any, start: Start) -> Any:
        """The model ready for training by the method: what is not trained is frozen.

        Raises:
            ValueError: the model has nothing that the method trains.
        """

    def resume(self, model: Any, folder: Path) -> Any:
        """The model with the adapter of the folder, ready to be trained on.

        Raises:
            ValueError: the adapter is another method's, or of another shape.
        """
        raise ValueError(f"method {self.use} has no adapter to go on from")

    def without(self, model: Any) -> AbstractContextManager[Any] | None:
        """A context in which the model answers as it did before the training; None where there is no such switch."""
        return None

    @abstractmethod
    def save(self, model: Any, folder: Path, base: str, state: dict[str, Any]) -> None:
        """Writes what was trained. `state` holds the model's whole weights, `base` names what an adapter belongs to."""

    def merged(self, model: Any) -> Any:
        """A plain model with the update in its weights, or None where the method cannot be merged."""
        return None


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
