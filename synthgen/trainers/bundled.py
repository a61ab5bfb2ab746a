"""The bundled trainer as a loop calls it, reached by name: the loop needs none of what it needs."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

from synthgen.errors import ConfigError, PluginError


class Bundled(BaseModel):
    """Trains with the `synthgen_train` package; the settings are its `train:` section without data, out and seed.

    A method with an adapter is merged, so that the student is served as one checkpoint.
    """

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="after")
    def _check(self) -> Self:
        stand_in = {"model": "student"} if "model" not in (self.model_extra or {}) else {}  # of rounds with an `init`
        try:
            _module("config").parse({**stand_in, **self._section(Path("train.jsonl"), Path("student"), 0)})
        except ConfigError as error:
            error.key = (error.key or "").removeprefix("train").lstrip(".") or None
            raise
        return self

    def __call__(
        self, data: Path, out: Path, *, init: Path | None, seed: int, say: Callable[[str], None] = print
    ) -> dict[str, Any]:
        """Trains on the records of `data`, from `init` where that is one, and returns where the checkpoint is.

        Raises:
            ConfigError: the settings are wrong, or there is nothing to train on.
            PluginError: the package's requirements are not installed.
        """
        config, trainer, methods = _module("config"), _module("train"), _module("methods")
        section = self._section(data, out, seed)
        if init is not None:
            section["model"] = str(init)
        parsed = config.parse(section)
        if not isinstance(parsed.method, methods.Full):
            parsed = config.parse({**section, "merge": True})
        report = trainer.train(parsed, say=say)
        return {
            "model": str(report.merged or report.model),
            "steps": report.steps,
            "loss": report.loss,
            "tokens": report.tokens,
        }

    def _section(self, data: Path, out: Path, seed: int) -> dict[str, Any]:
        return {"eval_share": 0, **(self.model_extra or {}), "data": str(data), "out": str(out), "seed": seed}


def _module(name: str) -> Any:
    try:
        return importlib.import_module(f"synthgen_train.{name}")
    except ImportError as error:
        raise PluginError(f"the trainer needs {error.name}", hint='pip install "synthgen[train]"') from error
