"""The kinds of parts, what each needs, and the built-in ones by the short name that `use:` takes."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from synthgen.errors import PluginError

Kind = Literal["source", "teacher", "stage", "filter", "selector", "export", "trainer", "monitor", "task_set"]

BUILTINS: dict[Kind, dict[str, str]] = {
    "source": {
        "dataset": "synthgen.sources.dataset:Dataset",
        "known": "synthgen.sources.tasks:Known",
        "seeds": "synthgen.sources.seeds:Seeds",
        "tasks": "synthgen.sources.tasks:Tasks",
    },
    "teacher": {
        "llama_cpp": "synthgen.teachers.llama_cpp:LlamaCpp",
        "openai": "synthgen.teachers.openai:OpenAI",
        "procedural": "synthgen.teachers.procedural:Procedural",
        "replay": "synthgen.teachers.replay:Replay",
        "transformers": "synthgen.teachers.transformers:Transformers",
        "vllm": "synthgen.teachers.vllm:Vllm",
    },
    "stage": {
        "candidates": "synthgen.stages.respond:Candidates",
        "classify": "synthgen.stages.generate:Classify",
        "conflicting_outputs": "synthgen.filters.wrong_answers:ConflictingOutputs",
        "generate": "synthgen.stages.generate:Generate",
        "instances": "synthgen.stages.generate:Instances",
        "judge": "synthgen.stages.judge:Judge",
        "majority": "synthgen.stages.respond:Majority",
        "pre_query": "synthgen.stages.pre_query:PreQuery",
        "rank": "synthgen.stages.judge:Rank",
        "respond": "synthgen.stages.respond:Respond",
        "solve": "synthgen.stages.respond:Solve",
        "task_types": "synthgen.stages.generate:TaskTypes",
    },
    "filter": {
        "ascii_only": "synthgen.filters.characters:ascii_only",
        "blocklist": "synthgen.filters.wording:blocklist",
        "control_characters": "synthgen.filters.characters:control_characters",
        "echo": "synthgen.filters.poor_answers:echo",
        "empty": "synthgen.filters.incomplete:empty",
        "held_out": "synthgen.filters.duplicates:HeldOut",
        "input_equals_output": "synthgen.filters.wrong_answers:input_equals_output",
        "length": "synthgen.filters.wording:length",
        "loops": "synthgen.filters.incomplete:loops",
        "missing_input": "synthgen.filters.no_task:missing_input",
        "near_duplicate": "synthgen.filters.duplicates:NearDuplicate",
        "no_code": "synthgen.filters.poor_answers:no_code",
        "non_text": "synthgen.filters.no_task:non_text",
        "not_a_task": "synthgen.filters.no_task:not_a_task",
        "openings": "synthgen.filters.wording:openings",
        "other_script": "synthgen.filters.characters:other_script",
        "pii": "synthgen.filters.private:pii",
        "placeholders": "synthgen.filters.poor_answers:placeholders",
        "punctuation": "synthgen.filters.characters:punctuation",
        "refusal": "synthgen.filters.poor_answers:refusal",
        "repetition": "synthgen.filters.incomplete:repetition",
        "script": "synthgen.filters.characters:script",
        "secrets": "synthgen.filters.private:secrets",
        "template_token": "synthgen.filters.incomplete:template_token",
        "truncated": "synthgen.filters.incomplete:truncated",
        "unfinished": "synthgen.filters.incomplete:unfinished",
        "urls": "synthgen.filters.wording:urls",
        "verify": "synthgen.filters.wrong_answers:verify",
    },
    "selector": {
        "balance": "synthgen.selectors.subsets:Balance",
        "diversity": "synthgen.selectors.subsets:Diversity",
        "longest_k": "synthgen.selectors.subsets:LongestK",
        "random_k": "synthgen.selectors.subsets:RandomK",
        "top_k": "synthgen.selectors.subsets:TopK",
    },
    "export": {
        "alpaca": "synthgen.exports.rows:Alpaca",
        "messages": "synthgen.exports.rows:messages",
        "prompt_completion": "synthgen.exports.rows:prompt_completion",
        "sharegpt": "synthgen.exports.rows:sharegpt",
        "llamafactory": "synthgen.exports.rows:LlamaFactory",
        "axolotl": "synthgen.exports.rows:Axolotl",
        "dpo": "synthgen.exports.rows:Dpo",
    },
    "trainer": {
        "small": "synthgen.trainers.small:Small",
        "synthgen_train": "synthgen.trainers.bundled:train",
    },
    "monitor": {
        "synthgen_train": "synthgen.trainers.bundled:monitor",
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
    "synthgen.loop.contamination": "synthgen.filters.duplicates",
    "synthgen.loop.drills": "synthgen.task_sets.drills",
    "synthgen.loop.family_tasks": "synthgen.task_sets.families",
    "synthgen.loop.seed_tasks": "synthgen.task_sets.seed_tasks",
    "synthgen.loop.small": "synthgen.trainers.small",
    "synthgen.loop.source": "synthgen.sources.tasks",
    "synthgen.loop.tasks": "synthgen.sources.tasks",
    "synthgen.sources.known": "synthgen.sources.tasks",
    "synthgen.monitors.bundled": "synthgen.trainers.bundled",
    **{
        f"synthgen.{package}.{module}": f"synthgen.{package}.{now}"
        for package, now, modules in (
            ("exports", "rows", "alpaca axolotl dpo llamafactory messages prompt_completion sharegpt"),
            ("filters", "characters", "ascii_only control_characters punctuation script"),
            ("filters", "duplicates", "held_out near_duplicate"),
            ("filters", "incomplete", "empty repetition template_token truncated unfinished"),
            ("filters", "private", "pii secrets"),
            ("filters", "wording", "blocklist length openings urls"),
            ("filters", "wrong_answers", "conflicting_outputs input_equals_output verify"),
            ("filters", "no_task", "non_text"),
            ("filters", "poor_answers", "refusal"),
            ("selectors", "subsets", "balance diversity longest_k random_k top_k"),
            ("stages", "generate", "classify instances"),
            ("stages", "judge", "rank"),
            ("stages", "respond", "candidates majority solve"),
        )
        for module in modules.split()
    },
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


@dataclass(frozen=True, slots=True)
class Call:
    """What a function, or the `__call__` of a class, is called with; its other parameters are its settings.

    With `free` it may take any settings: `**settings`.
    """

    arguments: int
    names: tuple[str, ...] = ()
    free: bool = False


CALLS: dict[Kind, Call] = {
    "filter": Call(1),
    "export": Call(1),
    "trainer": Call(2, ("init", "seed", "say"), free=True),
    "monitor": Call(2, ("out",), free=True),
    "task_set": Call(0, ("seed",)),
}
"""The kinds that a plain function may be. Nothing tells them apart but the place that names them."""

_METHODS: dict[str, Kind] = {"run": "stage", "complete": "teacher", "draw": "source", "select": "selector"}
_NEEDS: dict[Kind, tuple[str, ...]] = {
    "stage": ("ordered",),
    "teacher": ("model", "sampling"),
    "source": ("reads_pool", "seeds"),
}
_ASYNC: dict[Kind, str] = {"stage": "run", "teacher": "complete"}

_ARGUMENTS: dict[Kind, int] = {"stage": 2, "teacher": 1, "source": 3, "selector": 2, "export": 0}
"""What the method of each kind is called with, `self` aside."""

_LOOKS: dict[Kind, str] = {
    "stage": "a class with `ordered = False` and `async def run(self, records, ctx)`",
    "filter": "a function `def f(record, *, limit=2)` that returns None or a reason",
    "teacher": "a class with `model`, `sampling` and `async def complete(self, request)`",
    "source": "a class with `reads_pool`, `seeds` and `def draw(self, attempt, view, rng)`",
    "selector": "a class with `def select(self, records, rng)`",
    "export": "a function `def f(record)` that returns a row, or a class with `def files(self)`",
    "trainer": "a function `def train(data, out, *, init, seed, say, epochs=1)` that returns the checkpoint's folder",
    "monitor": "a function `def monitor(student, good, *, out, limit=0.1)` that returns what failed",
    "task_set": "a function `def tasks(*, seed, count=100)` that returns records with answers",
}


def kind_of(part: Any, kinds: Sequence[Kind] = ()) -> Kind | None:
    """The kind of part that a class or function makes, or None where it is none.

    What is called may be of several kinds: it is of the first of `kinds` that it can be, else a filter.
    """
    called: Kind = next((kind for kind in kinds if kind in CALLS), "filter")
    if inspect.isclass(part):
        if "export" in kinds and callable(getattr(part, "files", None)):
            return "export"
        for method, kind in _METHODS.items():
            if callable(getattr(part, method, None)):
                return kind
        return called if any("__call__" in vars(cls) for cls in part.__mro__) else None
    return called if callable(part) else None


def check_kind(use: str, part: Any, kinds: Sequence[Kind]) -> Kind:
    """The kind of the part, which is one of `kinds`.

    Raises:
        PluginError: it is of another kind, of none, or lacks something that its kind needs.
    """
    kind = kind_of(part, kinds)
    wanted = named(kinds)
    looks = "; ".join(f"{a(k)} is {_LOOKS[k]}" for k in kinds)
    if kind is None:
        what = f"the class {part.__name__}" if inspect.isclass(part) else f"a {type(part).__name__}"
        raise PluginError(f"{use!r} is {what}, which is no {wanted}", hint=looks)
    if kind not in kinds:
        what = "a function" if inspect.isroutine(part) else a(kind)
        raise PluginError(f"{use!r} is {what}, but {a(*kinds)} belongs here", hint=looks)
    if kind in CALLS and not (kind == "export" and inspect.isclass(part) and hasattr(part, "files")):
        _check_call(use, kind, part)
        return kind
    method = "files" if kind == "export" else next(name for name, k in _METHODS.items() if k == kind)
    is_async = inspect.iscoroutinefunction(getattr(part, method))
    if kind in _ASYNC and not is_async:
        raise PluginError(f"{use!r} is a {kind} whose `{method}` is not async", hint=f"write `async def {method}`")
    if kind not in _ASYNC and is_async:
        raise PluginError(f"{use!r} is {a(kind)} whose `{method}` is async", hint=f"write a plain `def {method}`")
    _check_arguments(use, kind, part, method)
    return kind


def _check_arguments(use: str, kind: Kind, part: Any, method: str) -> None:
    bound = isinstance(inspect.getattr_static(part, method), (staticmethod, classmethod))
    try:
        signature = inspect.signature(getattr(part, method))
    except (TypeError, ValueError):
        return  # one of C, which says nothing of itself
    try:
        signature.bind(*[None] * (_ARGUMENTS[kind] + (not bound)))
    except TypeError as error:
        raise _other_call(use, kind, f"{method}{signature}", error) from error


def _other_call(use: str, kind: Kind, shown: str, error: TypeError) -> PluginError:
    return PluginError(
        f"{use!r} is {a(kind)} whose `{shown}` does not take what it is called with: {error}",
        hint=f"{a(kind)} is {_LOOKS[kind]}",
    )


def check_instance(use: str, kind: Kind, instance: Any) -> None:
    """Raises `PluginError` where the instance lacks an attribute that its kind needs."""
    # not hasattr: a property may load a model
    missing = [name for name in _NEEDS.get(kind, ()) if name not in dir(instance)]
    if missing:
        raise PluginError(f"{use!r} is a {kind} without `{'`, `'.join(missing)}`", hint=f"{a(kind)} is {_LOOKS[kind]}")


def named(kinds: Sequence[Kind]) -> str:
    """The kinds as people say them: `stage or filter`, `task set`."""
    return " or ".join(kind.replace("_", " ") for kind in kinds)


def a(*kinds: Kind) -> str:
    """The kinds with their article: `a stage or filter`, `an export`."""
    return f"{'an' if kinds[0] == 'export' else 'a'} {named(kinds)}"


def call_of(part: Any) -> Any:
    """The function that is called when the part is: where its annotations are."""
    if isinstance(part, partial):
        return part.func
    return part if inspect.isroutine(part) else part.__call__


def _check_call(use: str, kind: Kind, part: Any) -> None:
    if inspect.iscoroutinefunction(call_of(part)):
        waiting = "; what has to wait for something is a stage" if kind == "filter" else ""
        raise PluginError(f"{use!r} is an async {named((kind,))}", hint=f"write a plain `def`{waiting}")
    if kind == "filter" and not inspect.isclass(part):
        return  # its settings are read from the same signature, and say so
    call, is_class = CALLS[kind], inspect.isclass(part)
    try:
        signature = inspect.signature(part.__call__ if is_class else part)
    except (TypeError, ValueError):
        return
    values, names = [None] * (call.arguments + is_class), dict.fromkeys(call.names)
    try:
        # a function's further parameters are its settings; those of a class are its constructor's
        (signature.bind if is_class else signature.bind_partial)(*values, **names)
    except TypeError as error:
        name = "__call__" if is_class else getattr(part, "__name__", "")
        raise _other_call(use, kind, f"{name}{signature}", error) from error
