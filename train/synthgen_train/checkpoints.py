"""The folder of a trained student: written beside its place and renamed, so that it is there whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from synthgen.errors import ConfigError, StoreError
from synthgen_train.loading import Student, inner_of
from synthgen_train.methods import BaseMethod
from synthgen_train.preflight import PreflightError

COMPLETE = "complete"
"""Written last into a checkpoint to go on from: size and CRC of each of its files. Without it the checkpoint is not
used; an empty one is of an earlier version, which wrote no sums.
"""

ESSENTIAL = ("trainer_state.json", "optimizer.pt", "scheduler.pt")
"""What each checkpoint holds beside the weights and a state of the random numbers for each process."""


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
    # A name of its own: several processes may write the same file at once.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(f"{path} cannot be written: {error.strerror}", hint="free some space") from error


def save_student(
    model: Any, student: Student, method: BaseMethod, folder: Path, card: str, state: dict[str, Any]
) -> None:
    """Writes model or adapter, tokenizer with its chat template, generation config and model card.

    `state` holds the model's whole weights, gathered from all processes.

    Raises:
        PreflightError: what was written does not agree on the stop token.
        StoreError: see `whole`.
    """
    with whole(folder) as partial:
        method.save(model, partial, student.base, _shortened(state, student) if method.changes_base else state)
        _finish(partial, student, inner_of(model).generation_config, card)


def save_merged(model: Any, student: Student, method: BaseMethod, folder: Path, card: str) -> None:
    """Writes a plain model with the adapter in its weights. The model that was given is changed by it.

    Raises:
        ConfigError: the method cannot be merged.
    """
    settings = inner_of(model).generation_config
    plain = method.merged(model)
    if plain is None:
        raise ConfigError(
            f"method {method.use} cannot be merged into the weights", key="train.merge", hint="merge: false"
        )
    with whole(folder) as partial:
        plain.save_pretrained(partial, state_dict=_shortened(plain.state_dict(), student))
        _finish(partial, student, settings, card)


def _finish(folder: Path, student: Student, settings: Any, card: str) -> None:
    path = folder / "config.json"
    if path.is_file() and student.saved_dtype is not None:
        values = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**values, "dtype": student.saved_dtype}, indent=2) + "\n", encoding="utf-8")
    settings.save_pretrained(folder)
    student.tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text(card, encoding="utf-8")
    agree(folder)


def _shortened(state: dict[str, Any], student: Student) -> dict[str, Any]:
    """The weights in the base's own 16-bit format, where it has one and training computed in it."""
    import torch

    if student.saved_dtype is None:
        return state
    wanted = getattr(torch, student.saved_dtype)
    short: dict[Any, Any] = {}  # by place, so that tied weights stay one
    for value in state.values():
        if value.is_floating_point():
            short.setdefault((value.data_ptr(), value.shape), value.to(wanted))
    return {name: short.get((value.data_ptr(), value.shape), value) for name, value in state.items()}


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


class SafeSaves:
    """Mixed into a TRL trainer: a checkpoint counts once its last file is there, which holds the sums of the others.

    Where the one that is gone on from has the last step already, or early stopping has ended the training with it, no
    step is taken.
    """

    args: Any
    state: Any
    control: Any
    accelerator: Any

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: the student's folder has a card of its own."""

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        # Theirs looks at the number of steps after a step alone.
        if self.state.global_step < self.state.max_steps and not self.control.should_training_stop:
            super()._run_epoch(*args, **kwargs)  # type: ignore[misc]

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        from safetensors import SafetensorError

        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        try:
            super()._save_checkpoint(model, trial)  # type: ignore[misc]
            self.accelerator.wait_for_everyone()  # each process writes its own random numbers
            if self.args.should_save:
                seal(folder)
        except (OSError, SafetensorError, RuntimeError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise StoreError(
                f"the checkpoint of step {self.state.global_step} cannot be written: {error}",
                hint="free some space and run the same command again: it goes on from the checkpoint before",
            ) from error


def seal(folder: Path) -> None:
    """Brings all files of a checkpoint to the disk, and then says so in it."""
    sums = {}
    for path in _files(folder):
        _flush(path)
        sums[path.relative_to(folder).as_posix()] = [path.stat().st_size, sum_of(path)]
    write_file(folder / COMPLETE, json.dumps(sums, indent=1) + "\n")
    _flush(folder)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != COMPLETE)


def damage(folder: Path) -> str:
    """What is wrong with a checkpoint; empty where it is whole."""
    mark = folder / COMPLETE
    if not mark.is_file():
        return "it was not written to its end"
    text = mark.read_text(encoding="utf-8", errors="replace")
    try:
        sums = json.loads(text) if text else None
    except ValueError:
        return f"{COMPLETE} cannot be read"
    if sums is None:
        lacking = [name for name in ESSENTIAL if not (folder / name).is_file()]
        lacking += [] if list(folder.glob("rng_state*.pth")) else ["rng_state.pth"]
        return f"it lacks {', '.join(lacking)}" if lacking else ""
    for name, (size, crc) in sums.items():
        path = folder / name
        if not path.is_file():
            return f"it lacks {name}"
        if path.stat().st_size != size:
            return f"{name} has {path.stat().st_size:,} bytes of {size:,}"
        if sum_of(path) != crc:
            return f"{name} is damaged"
    return ""


def weights_sum(model: Any) -> str:
    """A sum over a base model's weights, so that another one in its place is noticed; empty without files to read."""
    folder = Path(model) if isinstance(model, str) else None
    if folder is None or not folder.is_dir():
        return ""
    found = 0
    for path in sorted(path for path in folder.iterdir() if path.suffix in (".safetensors", ".bin")):
        found = sum_of(path, zlib.crc32(path.name.encode(), found))
    return f"{found:08x}"


def sum_of(path: Path, start: int = 0) -> int:
    """The CRC-32 of a file, going on from another."""
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            start = zlib.crc32(block, start)
    return start


def resumable(folder: Path, say: Callable[[str], None]) -> Path | None:
    """The newest whole checkpoint to go on from; damaged and incomplete ones are named and removed."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)
    for path in found:
        why = damage(path)
        if not why:
            return path
        say(f"{path.name} cannot be used: {why}")
        shutil.rmtree(path, ignore_errors=True)
    return None


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
