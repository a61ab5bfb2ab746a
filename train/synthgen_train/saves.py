"""Checkpoints during training that a kill or a full disk cannot leave half-written and in use."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from synthgen.errors import StoreError
from synthgen_train.checkpoint import COMPLETE


class SafeSaves:
    """Mixed into a TRL trainer: a checkpoint counts once its last file is there."""

    args: Any
    state: Any

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: the student's folder has a card of its own."""

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        from safetensors import SafetensorError

        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        try:
            super()._save_checkpoint(model, trial)  # type: ignore[misc]
            if self.args.should_save:
                (folder / COMPLETE).touch()
        except (OSError, SafetensorError, RuntimeError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise StoreError(
                f"the checkpoint of step {self.state.global_step} cannot be written: {error}",
                hint="free some space and run the same command again: it goes on from the checkpoint before",
            ) from error
