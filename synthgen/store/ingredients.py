"""What a dataset was made from: the part of a run that is the same whenever the data are."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from synthgen.store.report import Facts


class Ingredients(Facts):
    """Goes into the dataset card and the manifest, so nothing in it may vary between equal runs.

    `recipe` is the part of the config that shapes the data: no concurrency, no time-outs, no URLs, no absolute paths.
    `prompts` and `seeds` map names (relative paths) to SHA-256 hex digests. `license` is only ever what the user set.
    """

    name: str
    seed: int = 0
    recipe: dict[str, Any] = Field(default_factory=dict)
    prompts: dict[str, str] = Field(default_factory=dict)
    seeds: dict[str, str] = Field(default_factory=dict)
    license: str | None = None
