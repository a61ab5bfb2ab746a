"""The built-in parts by the short name that `use:` takes: where each is, imported only when it is used."""

from __future__ import annotations

from typing import Literal

Kind = Literal["source", "teacher", "stage", "filter", "selector", "export", "trainer", "monitor", "task_set"]

BUILTINS: dict[Kind, dict[str, str]] = {
    "source": {
        "dataset": "synthgen.sources.dataset:Dataset",
        "known": "synthgen.sources.tasks:Known",
        "seeds": "synthgen.sources.seeds:Seeds",
        "tasks": "synthgen.sources.tasks:Tasks",
    },
    "teacher": {
        "openai": "synthgen.teachers.openai:OpenAI",
        "procedural": "synthgen.teachers.procedural:Procedural",
        "replay": "synthgen.teachers.replay:Replay",
        "transformers": "synthgen.teachers.transformers:Transformers",
        "vllm": "synthgen.teachers.vllm:Vllm",
    },
    "stage": {
        "candidates": "synthgen.stages.candidates:Candidates",
        "classify": "synthgen.stages.classify:Classify",
        "conflicting_outputs": "synthgen.filters.conflicting_outputs:ConflictingOutputs",
        "generate": "synthgen.stages.generate:Generate",
        "instances": "synthgen.stages.instances:Instances",
        "judge": "synthgen.stages.judge:Judge",
        "majority": "synthgen.stages.majority:Majority",
        "pre_query": "synthgen.stages.pre_query:PreQuery",
        "rank": "synthgen.stages.rank:Rank",
        "respond": "synthgen.stages.respond:Respond",
        "solve": "synthgen.stages.solve:Solve",
    },
    "filter": {
        "ascii_only": "synthgen.filters.ascii_only:ascii_only",
        "blocklist": "synthgen.filters.blocklist:blocklist",
        "control_characters": "synthgen.filters.control_characters:control_characters",
        "empty": "synthgen.filters.empty:empty",
        "held_out": "synthgen.filters.held_out:HeldOut",
        "input_equals_output": "synthgen.filters.input_equals_output:input_equals_output",
        "length": "synthgen.filters.length:length",
        "near_duplicate": "synthgen.filters.near_duplicate:NearDuplicate",
        "non_text": "synthgen.filters.non_text:non_text",
        "openings": "synthgen.filters.openings:openings",
        "pii": "synthgen.filters.pii:pii",
        "punctuation": "synthgen.filters.punctuation:punctuation",
        "refusal": "synthgen.filters.refusal:refusal",
        "repetition": "synthgen.filters.repetition:repetition",
        "script": "synthgen.filters.script:script",
        "secrets": "synthgen.filters.secrets:secrets",
        "template_token": "synthgen.filters.template_token:template_token",
        "truncated": "synthgen.filters.truncated:truncated",
        "unfinished": "synthgen.filters.unfinished:unfinished",
        "urls": "synthgen.filters.urls:urls",
        "verify": "synthgen.filters.verify:verify",
    },
    "selector": {
        "balance": "synthgen.selectors.balance:Balance",
        "diversity": "synthgen.selectors.diversity:Diversity",
        "longest_k": "synthgen.selectors.longest_k:LongestK",
        "random_k": "synthgen.selectors.random_k:RandomK",
        "top_k": "synthgen.selectors.top_k:TopK",
    },
    "export": {
        "alpaca": "synthgen.exports.alpaca:Alpaca",
        "messages": "synthgen.exports.messages:messages",
        "prompt_completion": "synthgen.exports.prompt_completion:prompt_completion",
        "sharegpt": "synthgen.exports.sharegpt:sharegpt",
        "llamafactory": "synthgen.exports.llamafactory:LlamaFactory",
        "axolotl": "synthgen.exports.axolotl:Axolotl",
        "dpo": "synthgen.exports.dpo:Dpo",
    },
    "trainer": {
        "small": "synthgen.trainers.small:Small",
        "synthgen_train": "synthgen.trainers.bundled:train",
    },
    "monitor": {
        "synthgen_train": "synthgen.monitors.bundled:monitor",
    },
    "task_set": {
        "drills": "synthgen.task_sets.drills:tasks",
        "families": "synthgen.task_sets.families:tasks",
        "seed_tasks": "synthgen.task_sets.seed_tasks:tasks",
    },
}

GROUPS: dict[Kind, str] = {kind: f"synthgen.{kind}s" for kind in BUILTINS}
"""Entry-point groups of installed packages: `synthgen.filters` and so on."""

_MOVED = {
    "synthgen.loop.contamination": "synthgen.filters.held_out",
    "synthgen.loop.drills": "synthgen.task_sets.drills",
    "synthgen.loop.family_tasks": "synthgen.task_sets.families",
    "synthgen.loop.seed_tasks": "synthgen.task_sets.seed_tasks",
    "synthgen.loop.small": "synthgen.trainers.small",
    "synthgen.loop.source": "synthgen.sources.tasks",
    "synthgen.loop.tasks": "synthgen.sources.tasks",
    "synthgen.sources.known": "synthgen.sources.tasks",
}
"""Modules of parts that configs may name in full, by the names that they had before."""

_MOVED_PARTS = {
    "synthgen.trainers.small:train": "synthgen.trainers.small:Small",
}
"""Parts that have another name in their module since."""


def moved(use: str) -> str:
    """What a `use:` of an older version names now."""
    module, colon, name = use.partition(":")
    now = f"{_MOVED.get(module, module)}{colon}{name}"
    return _MOVED_PARTS.get(now, now)
