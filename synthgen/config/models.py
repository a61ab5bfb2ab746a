"""What a config may hold: the keys of the YAML, their types and defaults.

The settings of sources, teachers, stages and selectors are not checked here but against the parts that `use:` names,
those of `train:` against the trainer's own.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt


def _whole(value: object) -> object:
    """`2e6` is a float in YAML, and what people write for two million."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


MOST = 10**15
"""More than any run will ever see: a count beyond is a slip."""

Count = Annotated[StrictInt, Field(ge=1, le=MOST), BeforeValidator(_whole)]
Limit = Annotated[StrictInt, Field(ge=0, le=MOST), BeforeValidator(_whole)]

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class Section(BaseModel):
    """A mapping of the config; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(BaseModel):
    """A part of the pipeline: `use` names it, all other keys are its settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str = Field(
        min_length=1,
        description="a built-in's name, ./file.py:name beside the config, package.module:name, or an installed plug-in",
    )

    @property
    def settings(self) -> dict[str, Any]:
        """The keys that are the part's own."""
        return dict(self.model_extra or {})


class LabelledEntry(Entry):
    """A stage, filter or selector; `name` labels it in reports, the label is otherwise made from `use`."""

    name: str | None = Field(None, pattern=NAME, description="the label in reports; the last word of `use` if absent")


class Budget(Section):
    """Hard limits on what one run folder buys, over all its sessions and previews; null is no limit."""

    requests: Limit | None = Field(None, description="requests that leave, those without a reply included")
    tokens: Limit | None = Field(None, description="prompt and completion tokens bought; needs max_tokens")
    usd: float | None = Field(
        None,
        ge=0,
        strict=True,
        allow_inf_nan=False,
        description="US dollars spent; needs max_tokens and a teacher whose price is known",
    )


class Stop(Section):
    """When a run ends before its target."""

    barren_attempts: Count = Field(50, description="after so many attempts in a row that accepted nothing")
    attempts: Count | None = Field(None, description="after so many attempts")


class Config(Section):
    """One run: where tasks come from, who writes, what is kept, and when to stop."""

    name: str = Field(pattern=NAME, description="the run's name and folder; the file's name if absent")
    extends: str | None = Field(None, description="a config to build on: a shipped recipe's name, or a path")
    seed: StrictInt = Field(0, description="of all random numbers: the same seed and replies give the same dataset")
    target: Count | None = Field(None, description="accepted records to stop at; null: until the source is exhausted")
    source: Entry = Field(description="what attempts start from: `seeds`, `dataset`, or a plug-in")
    teacher: Entry | None = Field(None, description="who answers; a run over existing data may need none")
    teachers: dict[str, Entry] = Field(default_factory=dict, description="further teachers, by the name stages use")
    stages: list[LabelledEntry] = Field(default_factory=list, description="stages and filters in one list, in order")
    selectors: list[LabelledEntry] = Field(default_factory=list, description="at the end look at all accepted records")
    budget: Budget = Budget()
    stop: Stop = Stop()
    concurrency: Count | Literal["auto"] = Field(
        "auto",
        description="requests with the teachers at once; auto: as many as bring more replies a second. Does not change"
        " the data",
    )
    window: Count | None = Field(
        None,
        description="attempts between a task's joining the pool and its first use as a demonstration; null: by the"
        " target. Only where the source reads the pool",
    )
    export: list[str | LabelledEntry] = Field(
        default_factory=list, description="formats to write into exports/ at the end: names, or entries with settings"
    )
    output: str = Field("outputs", min_length=1, description="where run folders lie, seen from the current directory")
    license: str | None = Field(None, description="the dataset's licence, for its card")
    train: dict[str, Any] | None = Field(
        None, description="a student trained on the dataset when the run has ended; its keys are the trainer's"
    )
