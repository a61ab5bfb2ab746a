"""Takes commits and makes the run's files of them: streamed to one side, put in place together at the end."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from synthgen.errors import StoreError
from synthgen.formats.exporting import Export
from synthgen.records import Record
from synthgen.safety.outward import logger
from synthgen.store.exports import export_to, exported
from synthgen.store.files import PARTIAL, publish, sha256, storing, write
from synthgen.store.folder import RunFolder
from synthgen.store.manifest import Ingredients, manifest, to_json, tree
from synthgen.store.record_files import SHARD_CHARACTERS, RecordWriter, records_in
from synthgen.store.report import RunReport

log = logger("synthgen.store.writer")


class Presentation(Protocol):
    """Draws what people look at: the store knows nothing of it but when it is due."""

    def add(self, records: Sequence[Record]) -> None:
        """Takes accepted records."""
        ...

    def card(self, report: RunReport, made_from: Ingredients, data_sha256: str) -> str:
        """The text of `dataset/README.md`."""
        ...

    def page(self, name: str, folder: RunFolder, report: RunReport) -> str:
        """The text of `report.html`; the files lie in `folder`."""
        ...


class DatasetWriter:
    """Where a run's commits go: `commit` in order of attempts, `select` where there are selectors, then `finish`.

    Until `finish` the run's earlier files stay as they are; `abandon` leaves them so. Memory holds one row group.
    """

    def __init__(
        self,
        folder: RunFolder,
        presentation: Callable[[], Presentation],
        *,
        shard_characters: int = SHARD_CHARACTERS,
    ) -> None:
        self._folder = folder
        self._partial = folder.path / PARTIAL
        self._shard_characters = shard_characters
        with storing(self._partial):
            if self._partial.exists():
                shutil.rmtree(self._partial)
            (self._partial / "dataset" / "data").mkdir(parents=True)
        self._accepted = self._writer("accepted")
        self._rejected = RecordWriter(self._partial, "rejected", rejected=True, shard_characters=2**63)
        self._new_presentation, self._presentation = presentation, presentation()

    def commit(self, accepted: Sequence[Record], rejected: Sequence[Record]) -> None:
        """Takes the records of one attempt.

        Raises:
            StoreError: the disk is full, or a record holds a value of the wrong type.
        """
        self._accepted.add(accepted)
        self._rejected.add(rejected)
        self._presentation.add(accepted)

    def accepted_records(self) -> Iterator[Record]:
        """All accepted records, in order. Ends the writing: after this comes `select` or `finish`."""
        for path in self._accepted.close():
            yield from records_in(path)

    def select(self, records: Iterable[Record]) -> None:
        """Puts these in the place of the accepted records, in this order; those with a drop join the rejected.

        Raises:
            StoreError: these are not as many as were accepted.
        """
        old = self._accepted.close()
        before, seen = self._accepted.rows, 0
        self._accepted = self._writer("selected")
        self._presentation = self._new_presentation()
        for record in records:
            seen += 1
            if record.drop is None:
                self.commit([record], [])
            else:
                self.commit([], [record])
        if seen != before:
            raise StoreError(
                f"a selector gave back {seen} of {before} records",
                hint="a selector returns every record; marks those it does not select: record.dropped(reason)",
            )
        for path in old:
            path.unlink()

    def finish(
        self, report: RunReport, made_from: Ingredients, *, exports: Sequence[Export] = (), base: Path | None = None
    ) -> None:
        """Writes dataset, rejects, exports, page, report and manifest, and puts them in place of the earlier ones.

        `base` is the config's folder. Exports that the folder holds beside these are of the earlier dataset, and go.

        Raises:
            StageError: an export failed at a record.
            StoreError: something could not be written (the earlier files are as they were), or the report's numbers
                are not those of the records.
        """
        shards = self._accepted.close()
        (rejected,) = self._rejected.close()
        if (report.accepted, report.rejected) != (self._accepted.rows, self._rejected.rows):
            raise StoreError(
                f"the report counts {report.accepted} accepted and {report.rejected} rejected records, but"
                f" {self._accepted.rows} and {self._rejected.rows} were committed"
            )
        dataset = self._partial / "dataset"
        with storing(self._partial):
            for number, shard in enumerate(shards):
                shard.rename(dataset / "data" / f"train-{number:05d}-of-{len(shards):05d}.parquet")
            rejected.rename(self._partial / "rejected.parquet")
        digest = sha256(*sorted((dataset / "data").iterdir()))
        write(dataset / "README.md", self._presentation.card(report, made_from, digest))
        export_to(dataset, self._partial / "exports", sorted(exports, key=lambda export: export.name))
        if stale := sorted(set(exported(self._folder)) - {export.name for export in exports}):
            (self._partial / "exports").mkdir(exist_ok=True)  # takes the place of the earlier ones
            log.warning(
                "made of an earlier dataset by exports that the config does not name, and so removed: exports/%s;"
                " `synthgen export` makes them again",
                ", exports/".join(stale),
            )
        made = RunFolder(self._partial)
        write(made.page_path, self._presentation.page(made_from.name, made, report))
        files = tree(self._partial)
        if self._folder.seeds_path.is_file():
            files[self._folder.seeds_path.name] = self._folder.seeds_path
        content = manifest(self._folder.config(), made_from, files, base or Path.cwd())
        write(self._partial / "manifest.json", to_json(content))
        write(self._partial / "report.json", report.to_json())
        with storing(self._folder.path):
            publish(self._folder.path)

    def abandon(self) -> None:
        """Removes what has been written so far; the run's earlier files stay."""
        self._accepted.discard()
        self._rejected.discard()
        shutil.rmtree(self._partial, ignore_errors=True)

    def _writer(self, stem: str) -> RecordWriter:
        return RecordWriter(self._partial, stem, rejected=False, shard_characters=self._shard_characters)
