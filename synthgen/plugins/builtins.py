"""The built-in parts by the short name that `use:` takes: where each is, imported only when it is used."""

from __future__ import annotations

from typing import Literal

Kind = Literal["source", "teacher", "stage", "filter", "selector"]

BUILTINS: dict[Kind, dict[str, str]] = {
    "source": {
        "dataset": "synthgen.sources.dataset:Dataset",
    },
    "teacher": {
        "transformers": "synthgen.teachers.transformers:Transformers",
        "vllm": "synthgen.teachers.vllm:Vllm",
    },
    "stage": {
        "classify": "synthgen.stages.classify:Classify",
        "generate": "synthgen.stages.generate:Generate",
        "instances": "synthgen.stages.instances:Instances",
        "respond": "synthgen.stages.respond:Respond",
    },
    "filter": {
        "ascii_only": "synthgen.filters.ascii_only:ascii_only",
        "blocklist": "synthgen.filters.blocklist:blocklist",
        "control_characters": "synthgen.filters.control_characters:control_characters",
        "empty": "synthgen.filters.empty:empty",
        "input_equals_output": "synthgen.filters.input_equals_output:input_equals_output",
        "length": "synthgen.filters.length:length",
        "non_text": "synthgen.filters.non_text:non_text",
        "openings": "synthgen.filters.openings:openings",
        "punctuation": "synthgen.filters.punctuation:punctuation",
        "script": "synthgen.filters.script:script",
        "unfinished": "synthgen.filters.unfinished:unfinished",
    },
    "selector": {},
}

GROUPS: dict[Kind, str] = {kind: f"synthgen.{kind}s" for kind in BUILTINS}
"""Entry-point groups of installed packages: `synthgen.filters` and so on."""
