"""Files of plain values read again, whatever has become of them meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from synthgen.errors import StoreError
from synthgen.protocols import SourceFacts
from synthgen.store.files import storing


def read_text(path: Path, hint: str) -> str:
    """The text of a UTF-8 file.

    Raises:
        StoreError: it cannot be read, or is no such text; `hint` is the next step.
    """
    with storing(path):
        data = path.read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise damaged(path, f"no text (byte {error.start})", hint) from error


def read_json(path: Path, hint: str) -> dict[str, Any]:
    """The mapping in a JSON file.

    Raises:
        StoreError: it cannot be read, or holds something else; `hint` is the next step.
    """
    text = read_text(path, hint)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(path, str(error), hint) from error
    if not isinstance(value, dict):
        raise damaged(path, "no JSON object", hint)
    return value


def damaged(path: Path, what: str, hint: str) -> StoreError:
    """The error for a file that holds something else than what was written into it."""
    return StoreError(f"{path} is damaged: {what}", hint=hint)


Status = Literal["done", "short", "budget", "interrupted", "failed"]


class Facts(BaseModel):
    """A frozen part of the report."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class StageFlow(Facts):
    """What passed one stage: records that came `in`, new ones net of the parents they replace, dropped by reason."""

    stage: str
    entered: int = Field(0, alias="in")
    new: int = 0
    dropped: dict[str, int] = Field(default_factory=dict)


class Requests(Facts):
    """Replies `bought` by this folder in all its sessions, `reused` from another run, `replayed` from the journal;
    `retried` counts further tries after replies that were no use, and `unusable` those replies, by reason.
    `unstructured` counts replies to requests with a JSON schema that came as other text, which no server writes that
    holds replies to a schema. `estimated` counts replies whose tokens the server did not count, or in a way that cannot
    be: an estimate stands for them. `unknown_finish` counts replies with a text that ended for a reason which nobody
    knows: those that look whole are kept.
    """

    bought: int = 0
    reused: int = 0
    replayed: int = 0
    retried: int = 0
    unusable: dict[str, int] = Field(default_factory=dict)
    unstructured: int = 0
    estimated: int = 0
    unknown_finish: int = 0


class Tokens(Facts):
    """Tokens as servers counted them; the `cached` ones, which a prefix cache had, are part of the prompts'."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    cached_share: float = 0.0

    @classmethod
    def of(cls, prompt: int, completion: int, cached: int) -> Tokens:
        """The three counts, with the cached share of the prompts."""
        return cls(prompt=prompt, completion=completion, cached=cached, cached_share=round(cached / (prompt or 1), 4))


class Took(Facts):
    """What the replies behind the records cost, further tries included, whoever has bought them and in which session.

    Equal runs took the same, so this is what the dataset card tells.
    """

    requests: int = 0
    tokens: Tokens = Tokens()
    cost_usd: float | None = None


class Lost(Facts):
    """Requests that left and brought no usable reply, in all sessions, and what they can have cost at most."""

    requests: int = 0
    tokens: int = 0
    cost_usd: float | None = None


class AskedAgain(Facts):
    """What replies took that were asked for again, after ones that were no use; `share` is that of all tokens."""

    requests: int = 0
    tokens: int = 0
    share: float = 0.0
    cost_usd: float | None = None


class TeacherFacts(Facts):
    """A teacher's model and its default sampling, as sent."""

    model: str
    sampling: dict[str, Any] = Field(default_factory=dict)


class RunReport(Facts):
    """The numbers of a run. `wall_s` is seconds; `started_at` and `finished_at` are ISO 8601 in UTC.

    `source` is there where existing data was read. `requests`, `tokens` and `cost_usd` are what this folder has bought;
    `lost` is what its budget counts beside them. A cost is None where a price is not known.

    Raises:
        ValueError: a record is unaccounted for: `generated` is not `accepted + rejected`.
    """

    generated: int
    accepted: int
    rejected: int
    status: Status
    stopped_because: str = ""
    target: int | None = None
    attempts: int = 0
    funnel: tuple[StageFlow, ...] = ()
    source: SourceFacts | None = None
    requests: Requests = Requests()
    tokens: Tokens = Tokens()
    cost_usd: float | None = None
    lost: Lost = Lost()
    asked_again: AskedAgain = AskedAgain()
    took: Took = Took()
    teachers: dict[str, TeacherFacts] = Field(default_factory=dict)
    wall_s: float = 0.0
    started_at: str | None = None
    finished_at: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> RunReport:
        if self.generated != self.accepted + self.rejected:
            raise ValueError(
                f"{self.generated} records generated, but {self.accepted} accepted and {self.rejected} rejected"
            )
        return self

    def to_json(self) -> str:
        """The text of `report.json`."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"
