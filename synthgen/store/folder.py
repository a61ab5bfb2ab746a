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
from synthgen.store import files
from synthgen.store.files import READY, Lock, refuse_links, settle, storing, yaml_text
from synthgen.store.report import RunReport, damaged, read_json, read_text

State = Literal["new", "started", "finished"]

FINISHED = ("done", "short")
"""The ends of a run after which the same command has nothing left to do."""

STUDENT = "student"
"""The trainer's folder, whose files are its own."""

RUNS = {"config.yaml", "journal.sqlite", "manifest.json"}
"""Any of these makes a folder that of a run."""

MOST_BRACKETS = 1000
"""More of these in a kept config, and it is read by the slower loader."""

AGAIN = "run the same command again: it makes the file anew from the journal"


class RunFolder:
    """The paths of a run folder. Reading needs no lock; `create_or_open` gives one that may be written."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.config_path = self.path / "config.yaml"
        self.journal_path = self.path / "journal.sqlite"
        self.seeds_path = self.path / "seeds.jsonl"
        self.exports_path = self.path / "exports"
        self.changed: dict[str, tuple[Any, Any]] = {}
        self.lost: tuple[str, ...] = ()
        self._lock = Lock(self.path / ".lock")

    @property
    def dataset_path(self) -> Path:
        """The accepted records."""
        return self._published("dataset")

    @property
    def rejected_path(self) -> Path:
        """The rejected records."""
        return self._published("rejected.parquet")

    @property
    def report_path(self) -> Path:
        """The numbers of the run."""
        return self._published("report.json")

    @property
    def page_path(self) -> Path:
        """The numbers as a page."""
        return self._published("report.html")

    @property
    def manifest_path(self) -> Path:
        """What the files were made from, and their hashes."""
        return self._published("manifest.json")

    def _published(self, name: str) -> Path:
        """Where the file is that counts: a publication that was cut off has some still in `.ready`."""
        ready = self.path / READY
        return ready / name if (ready / name).exists() and not ready.is_symlink() else self.path / name

    @classmethod
    def open(cls, path: Path | str) -> RunFolder:
        """The folder of a run that has started, for reading.

        Raises:
            StoreError: there is none, or a config alone, as in a project's folder.
        """
        folder = cls(path)
        if not folder.config_path.is_file():
            what = "is not a run folder: it has no config.yaml" if folder.path.exists() else "does not exist"
            raise StoreError(f"{folder.path} {what}", hint="name the folder of a run: outputs/<run>")
        begun = (folder.journal_path, folder.report_path, folder.manifest_path, folder.path / ".lock")
        if not any(file.exists() for file in begun):
            runs = [str(config.parent) for config in sorted(folder.path.glob("outputs/*/config.yaml"))]
            raise StoreError(
                f"{folder.path} holds a config and no run",
                hint=f"name the folder of a run: {(runs or ['outputs/<run>'])[0]}",
            )
        return folder

    @classmethod
    def create_or_open(
        cls, path: Path | str, config: Mapping[str, Any], *, may_change: Collection[str] | None = ()
    ) -> RunFolder:
        """`hold`, and `keep_config` in it.

        Raises:
            RunLocked: another process works on it.
            StoreError: it cannot be written, is something else than a run folder, or holds a run with another config.
        """
        folder = cls.hold(path)
        try:
            folder.keep_config(config, may_change=may_change)
        except BaseException:
            folder.close()
            raise
        return folder

    @classmethod
    def hold(cls, path: Path | str) -> RunFolder:
        """The folder, made where it is new, locked until `close`, with what a killed run left behind put in order.

        Raises:
            RunLocked: another process works on it.
            StoreError: it cannot be written, holds a link, or is something else than a run folder.
        """
        folder = cls(path)
        with storing(folder.path):
            folder.path.mkdir(parents=True, exist_ok=True)
            names = {p.name for p in folder.path.iterdir()}
        foreign = sorted(name for name in names if not name.startswith("."))
        if foreign and not names & RUNS:
            raise StoreError(
                f"{folder.path} is not empty and not a run folder (it holds {foreign[0]})",
                hint="choose another folder with --out",
            )
        folder._acquire()
        return folder

    def _acquire(self) -> None:
        refuse_links(self.path, but=(STUDENT,))
        self._lock.acquire()
        try:
            with storing(self.path):
                settle(self.path)
        except BaseException:
            self._lock.release()
            raise

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the lock of a folder that was opened for reading, with leftovers put in order.

        Raises:
            RunLocked: another process works on it.
            StoreError: it cannot be written, or holds a link.
        """
        self._acquire()
        try:
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
        """`new` before the first reply or report, `finished` when a run has ended by itself, else `started`.

        A report that is damaged, or of a dataset that is gone, tells of no end: the same command makes both anew.
        """
        if self.report_path.is_file() and self.dataset_path.is_dir():
            try:
                if self.run_report().status in FINISHED:
                    return "finished"
            except StoreError:
                return "started"
        return "started" if self.journal_path.exists() or self.report_path.exists() else "new"

    def config(self) -> dict[str, Any]:
        """The run's config as it was resolved."""
        import yaml

        hint = "remove it and run the same command again: it is written anew, and the journal keeps what is paid for"
        text = read_text(self.config_path, hint)
        try:
            config = yaml.load(text, _loader(text))
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise damaged(self.config_path, " ".join(str(error).split()), hint) from error
        if not isinstance(config, dict):
            raise damaged(self.config_path, "not a mapping", hint)
        return config

    def report(self) -> dict[str, Any]:
        """`report.json` as plain values."""
        return self._json(self.report_path)

    def run_report(self) -> RunReport:
        """`report.json` as it was written.

        Raises:
            StoreError: there is none yet, or it is damaged or of another version.
        """
        try:
            return RunReport.model_validate(self.report())
        except ValueError as error:
            raise damaged(self.report_path, f"or of another version: {str(error).splitlines()[0]}", AGAIN) from error

    def manifest(self) -> dict[str, Any]:
        """`manifest.json` as plain values."""
        return self._json(self.manifest_path)

    def _json(self, path: Path) -> dict[str, Any]:
        if not path.is_file():
            raise StoreError(
                f"{self.path} has no {path.name} yet", hint="the run has not ended: run the same command again"
            )
        return read_json(path, AGAIN)

    def save_seeds(self, seeds: Iterable[Record]) -> None:
        """Keeps the seed tasks' records in the folder, so that what was shown can be told after the files change."""
        lines = [json.dumps(seed.model_dump(exclude_defaults=True), ensure_ascii=False) + "\n" for seed in seeds]
        if lines:
            files.write(self.seeds_path, "".join(lines))

    def seeds(self) -> Iterator[Record]:
        """The seed tasks that `save_seeds` kept; none where there are none."""
        if not self.seeds_path.is_file():
            return
        with storing(self.seeds_path), self.seeds_path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield Record.model_validate_json(line)
                except ValueError as error:
                    raise damaged(self.seeds_path, f"line {number} is no seed task", AGAIN) from error

    def keep_config(self, config: Mapping[str, Any], *, may_change: Collection[str] | None = ()) -> None:
        """Writes the config, or compares it with the one that is there and writes it where it may differ.

        `may_change` are the dotted keys (each with all below it) in which a run that goes on may differ, None is all
        of them; `changed` says in which it does.

        Raises:
            StoreError: the folder holds a run with another config, or cannot be written.
        """
        import yaml

        text = yaml_text(dict(config))
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
        files.write(self.config_path, text)


def _loader(text: str) -> Any:
    """The loader of libyaml where it is there: quicker, but it dies of deep nesting, which no config of ours has."""
    import yaml

    nested = any(indent in text for indent in ("- " * 99, "? " * 99, " " * 999))
    deep = nested or text.count("[") + text.count("{") > MOST_BRACKETS
    return yaml.SafeLoader if deep else getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
