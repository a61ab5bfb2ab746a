"""The run folder: where its parts lie, its config, its lock, and how far the run has come."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from synthgen.errors import StoreError
from synthgen.records import Record
from synthgen.store import atomic
from synthgen.store.faults import storing
from synthgen.store.lock import Lock
from synthgen.store.publish import settle

State = Literal["new", "started", "finished"]

FINISHED = ("done", "short")
"""The ends of a run after which the same command has nothing left to do."""


class RunFolder:
    """The paths of a run folder. Reading needs no lock; `create_or_open` gives one that may be written."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.config_path = self.path / "config.yaml"
        self.journal_path = self.path / "journal.sqlite"
        self.seeds_path = self.path / "seeds.jsonl"
        self.dataset_path = self.path / "dataset"
        self.rejected_path = self.path / "rejected.parquet"
        self.report_path = self.path / "report.json"
        self.page_path = self.path / "report.html"
        self.manifest_path = self.path / "manifest.json"
        self.exports_path = self.path / "exports"
        self.changed: dict[str, tuple[Any, Any]] = {}
        self._lock = Lock(self.path / ".lock")

    @classmethod
    def open(cls, path: Path | str) -> RunFolder:
        """The folder of a run that has started, for reading.

        Raises:
            StoreError: there is none.
        """
        folder = cls(path)
        if not folder.config_path.is_file():
            what = "is not a run folder: it has no config.yaml" if folder.path.exists() else "does not exist"
            raise StoreError(f"{folder.path} {what}", hint="name the folder of a run: outputs/<run>")
        return folder

    @classmethod
    def create_or_open(
        cls, path: Path | str, config: Mapping[str, Any], *, may_change: Collection[str] | None = ()
    ) -> RunFolder:
        """The folder, made where it is new, locked until `close`, with what a killed run left behind put in order.

        The config is written, or compared with the one that is there: `may_change` are the dotted keys (each with all
        below it) in which a run that goes on may differ, None is all of them; `changed` says in which it does.

        Raises:
            RunLocked: another process works on it.
            StoreError: it cannot be written, is something else than a run folder, or holds a run with another config.
        """
        folder = cls(path)
        with storing(folder.path):
            folder.path.mkdir(parents=True, exist_ok=True)
            foreign = sorted(p.name for p in folder.path.iterdir() if not p.name.startswith("."))
        if foreign and not folder.config_path.exists():
            raise StoreError(
                f"{folder.path} is not empty and not a run folder (it holds {foreign[0]})",
                hint="choose another folder with --out",
            )
        folder._lock.acquire()
        try:
            with storing(folder.path):
                settle(folder.path)
            folder._keep_config(config, may_change)
        except BaseException:
            folder.close()
            raise
        return folder

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the lock of a folder that was opened for reading, with leftovers put in order.

        Raises:
            RunLocked: another process works on it.
        """
        self._lock.acquire()
        try:
            with storing(self.path):
                settle(self.path)
            yield
        finally:
            self._lock.release()

    def close(self) -> None:
        """Gives the lock back."""
        self._lock.release()

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def state(self) -> State:
        """`new` before the first reply or report, `finished` when a run has ended by itself, else `started`."""
        if self.report_path.is_file() and self.report().get("status") in FINISHED:
            return "finished"
        return "started" if self.journal_path.exists() or self.report_path.exists() else "new"

    def config(self) -> dict[str, Any]:
        """The run's config as it was resolved."""
        import yaml

        with storing(self.config_path):
            text = self.config_path.read_text(encoding="utf-8")
        try:
            config = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # libyaml's, where it is there
        except yaml.YAMLError as error:
            raise StoreError(
                f"{self.config_path} is damaged: {error}", hint="restore it, or use a new --out"
            ) from error
        if not isinstance(config, dict):
            raise StoreError(f"{self.config_path} is damaged: not a mapping", hint="restore it, or use a new --out")
        return config

    def report(self) -> dict[str, Any]:
        """`report.json` as plain values."""
        return self._json(self.report_path)

    def manifest(self) -> dict[str, Any]:
        """`manifest.json` as plain values."""
        return self._json(self.manifest_path)

    def _json(self, path: Path) -> dict[str, Any]:
        if not path.is_file():
            raise StoreError(
                f"{self.path} has no {path.name} yet", hint="the run has not ended: run the same command again"
            )
        with storing(path):
            text = path.read_text(encoding="utf-8")
        try:
            value = json.loads(text)
        except ValueError as error:
            raise StoreError(
                f"{path} is damaged: {error}", hint="run the same command again: it writes the file anew"
            ) from error
        return dict(value)

    def save_seeds(self, seeds: Iterable[Record]) -> None:
        """Keeps the seed tasks' records in the folder, so that what was shown can be told after the files change."""
        lines = [json.dumps(seed.model_dump(exclude_defaults=True), ensure_ascii=False) + "\n" for seed in seeds]
        if lines:
            atomic.write(self.seeds_path, "".join(lines))

    def seeds(self) -> Iterator[Record]:
        """The seed tasks that `save_seeds` kept; none where there are none."""
        if not self.seeds_path.is_file():
            return
        with storing(self.seeds_path), self.seeds_path.open(encoding="utf-8") as file:
            for line in file:
                yield Record.model_validate_json(line)

    def _keep_config(self, config: Mapping[str, Any], may_change: Collection[str] | None) -> None:
        import yaml

        text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=120)
        if self.config_path.is_file():
            old, new = dict(flat(self.config())), dict(flat(yaml.safe_load(text)))
            self.changed = {
                key: (old.get(key), new.get(key))
                for key in {**old, **new}
                if key not in old or key not in new or old[key] != new[key]
            }
            fixed = [key for key in self.changed if may_change is not None and not _covered(key, may_change)]
            if fixed:
                shown = "; ".join(f"{k}: {self.changed[k][0]!r} there, {self.changed[k][1]!r} here" for k in fixed[:3])
                more = f" and {len(fixed) - 3} more" if len(fixed) > 3 else ""
                raise StoreError(
                    f"{self.path} holds a run with another config ({shown}{more})",
                    hint=f"choose another folder with --out; --reuse {self.path} there pays only for what is new",
                )
            if not self.changed:
                return
        atomic.write(self.config_path, text)


def flat(value: object, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings and lists with their dotted keys; an empty one is a leaf."""
    items: Iterable[tuple[object, object]]
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        items = ()
    empty = True
    for key, below in items:
        empty = False
        yield from flat(below, f"{prefix}.{key}" if prefix else str(key))
    if empty:
        yield prefix, value


def _covered(key: str, keys: Collection[str]) -> bool:
    return any(key == k or key.startswith(f"{k}.") for k in keys)
