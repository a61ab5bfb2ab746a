"""The folder of a trained student: written beside its place and renamed, so that it is there whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from synthgen.errors import ConfigError, StoreError
from synthgen_train.loading import Student
from synthgen_train.methods import Adapter, Method, merged, save
from synthgen_train.preflight import PreflightError

COMPLETE = "complete"
"""An empty file that is written last into a checkpoint to resume from; without it the checkpoint is not used."""


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """A new folder to write into, which takes the place of `folder` at the end.

    Raises:
        StoreError: the disk is full, or refuses; nothing half-written stays, and an earlier folder stays as it was.
    """
    from safetensors import SafetensorError

    partial, old = folder.with_name(f".{folder.name}.partial"), folder.with_name(f".{folder.name}.old")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        for path in sorted(partial.rglob("*")):
            _flush(path)
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
        partial.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
        _flush(folder.parent)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise StoreError(
            f"{folder} cannot be written: {error}",
            hint="free some space and run the same command again: it goes on from the last checkpoint",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_file(path: Path, text: str) -> None:
    """Writes a text file that is there whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(f"{path} cannot be written: {error.strerror}", hint="free some space") from error


def save_student(model: Any, student: Student, method: Method, folder: Path, card: str) -> None:
    """Writes model or adapter, tokenizer with its chat template, generation config and model card.

    Raises:
        PreflightError: what was written does not agree on the stop token.
        StoreError: see `whole`.
    """
    with whole(folder) as partial:
        save(model, method, partial, student.base)
        if not isinstance(method, Adapter):
            _base_of_adapter(partial, student.base)
        generation_config(model).save_pretrained(partial)
        student.tokenizer.save_pretrained(partial)
        (partial / "README.md").write_text(card, encoding="utf-8")
        agree(partial)


def save_merged(model: Any, student: Student, method: Method, folder: Path, card: str) -> None:
    """Writes a plain model with the adapter in its weights. The model that was given is changed by it.

    Raises:
        ConfigError: the method cannot be merged.
    """
    settings = generation_config(model)
    plain = merged(model, method)
    if plain is None:
        raise ConfigError(
            f"method {method.use} cannot be merged into the weights", key="train.merge", hint="merge: false"
        )
    with whole(folder) as partial:
        plain.save_pretrained(partial)
        settings.save_pretrained(partial)
        student.tokenizer.save_pretrained(partial)
        (partial / "README.md").write_text(card, encoding="utf-8")
        agree(partial)


def generation_config(model: Any) -> Any:
    """The generation config of a model, or of the base under an adapter."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return inner.generation_config


def _base_of_adapter(folder: Path, base: str) -> None:
    """Names the base in PEFT's own file, and takes PEFT's model card away."""
    path = folder / "adapter_config.json"
    if path.is_file():
        settings = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**settings, "base_model_name_or_path": base}, indent=2) + "\n", encoding="utf-8")


def agree(folder: Path) -> None:
    """Does nothing where the folder's tokenizer ends a turn at a token that ends generation.

    Raises:
        PreflightError: it does not.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    eos = json.loads((folder / "generation_config.json").read_text(encoding="utf-8")).get("eos_token_id")
    stops = eos if isinstance(eos, list) else [eos]
    if tokenizer.eos_token_id not in stops or not tokenizer.chat_template:
        raise PreflightError(f"the checkpoint ends a turn at {tokenizer.eos_token_id}, generation at {stops}")


def resumable(folder: Path) -> Path | None:
    """The newest complete checkpoint to go on from; incomplete ones are removed."""
    found = []
    for path in folder.glob("checkpoint-*"):
        if (path / COMPLETE).is_file():
            found.append(path)
        else:
            shutil.rmtree(path, ignore_errors=True)
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def model_card(name: str, facts: Mapping[str, Any]) -> str:
    """The README.md of a checkpoint: what it was made of and how, as a table."""
    rows = "".join(f"| {key} | {_cell(value)} |\n" for key, value in facts.items())
    return (
        f"---\ntags:\n- synthgen\n- generated-data\n---\n\n# {name}\n\n"
        "A student trained on generated instruction data. It may state falsehoods with confidence.\n\n"
        f"| | |\n|---|---|\n{rows}\n"
        "The chat template and the stop token are part of the tokenizer; answers end at the generation config's "
        "`eos_token_id`.\n"
    )


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
