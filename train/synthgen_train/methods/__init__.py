"""What is trained: all of the model, or little of it by one of the parameter-efficient methods, a class each.

`base.py` says what a method is; the others hold them by what they train.
"""

from typing import Annotated

from pydantic import Field

from synthgen_train.methods.base import BaseMethod, BitFit, Full, Start
from synthgen_train.methods.layers import IA3, Adapter, Lora, Prefix, Prompt

__all__ = ["BaseMethod", "Full", "Method", "Start"]

Method = Annotated[Full | Lora | Adapter | Prefix | Prompt | BitFit | IA3, Field(discriminator="use")]
"""Any of them, told by its `use`."""
