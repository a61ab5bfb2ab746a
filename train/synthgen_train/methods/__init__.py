"""What is trained: all of the model, or little of it by one of the parameter-efficient methods.

Each method is a class that says itself what it wraps, trains, saves and merges (`base.py`): those that update the
base's weights are in `weights.py`, those that add something to it in `added.py`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from synthgen_train.methods.added import Adapter, Prefix, Prompt
from synthgen_train.methods.base import BaseMethod, Start
from synthgen_train.methods.weights import IA3, BitFit, Full, Lora

__all__ = ["IA3", "Adapter", "BaseMethod", "BitFit", "Full", "Lora", "Method", "Prefix", "Prompt", "Start"]

Method = Annotated[Full | Lora | Adapter | Prefix | Prompt | BitFit | IA3, Field(discriminator="use")]
