"""The source of a round that starts from nothing but knows all that is there."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from synthgen.protocols import Draw, PoolView, Source
from synthgen.records import Record
from synthgen.store.record_files import read_records


class Known(Source, BaseModel):
    """Each attempt draws `human` of the known records as demonstrations; the near-duplicate filter knows them all."""

    model_config = ConfigDict(extra="forbid")

    path: str
    human: Annotated[int, Field(ge=0)] = 0
    reads_pool: ClassVar[bool] = False

    _records: tuple[Record, ...] = PrivateAttr(())

    def model_post_init(self, context: object) -> None:
        """Reads the records; a file that is not there yet holds none."""
        self._records = tuple(read_records(self.path)) if Path(self.path).is_file() else ()

    @property
    def seeds(self) -> Sequence[Record]:
        """The known records, in the order of the file."""
        return self._records

    def draw(self, attempt: int, view: PoolView, rng: random.Random) -> Draw:
        """Some of the records. Never exhausted."""
        count = min(self.human, len(self._records))
        return Draw(demonstrations=tuple(rng.sample(self._records, count)) if count else ())
