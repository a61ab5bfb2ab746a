"""What kind of part an object is, told by its methods, and what each kind needs."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import partial
from typing import Any

from synthgen.errors import PluginError
from synthgen.plugins.builtins import Kind

_METHODS: dict[str, Kind] = {"run": "stage", "complete": "teacher", "draw": "source", "select": "selector"}
_NEEDS: dict[Kind, tuple[str, ...]] = {
    "stage": ("ordered",),
    "teacher": ("model", "sampling"),
    "source": ("reads_pool", "seeds"),
    "filter": (),
    "selector": (),
}
_ASYNC: dict[Kind, str] = {"stage": "run", "teacher": "complete"}

_ARGUMENTS: dict[Kind, int] = {"stage": 2, "teacher": 1, "source": 3, "selector": 2}
"""What the method of each kind is called with, `self` aside."""

_LOOKS: dict[Kind, str] = {
    "stage": "a class with `ordered = False` and `async def run(self, records, ctx)`",
    "filter": "a function `def f(record, *, limit=2)` that returns None or a reason",
    "teacher": "a class with `model`, `sampling` and `async def complete(self, request)`",
    "source": "a class with `reads_pool`, `seeds` and `def draw(self, attempt, view, rng)`",
    "selector": "a class with `def select(self, records, rng)`",
}


def kind_of(part: Any) -> Kind | None:
    """The kind of part that a class or function makes, or None where it is none."""
    if inspect.isclass(part):
        for method, kind in _METHODS.items():
            if callable(getattr(part, method, None)):
                return kind
        return "filter" if any("__call__" in vars(cls) for cls in part.__mro__) else None
    return "filter" if callable(part) else None


def check_kind(use: str, part: Any, kinds: Sequence[Kind]) -> Kind:
    """The kind of the part, which is one of `kinds`.

    Raises:
        PluginError: it is of another kind, of none, or lacks something that its kind needs.
    """
    kind = kind_of(part)
    wanted = named(kinds)
    looks = "; ".join(f"a {k} is {_LOOKS[k]}" for k in kinds)
    if kind is None:
        what = f"the class {part.__name__}" if inspect.isclass(part) else f"a {type(part).__name__}"
        raise PluginError(f"{use!r} is {what}, which is no {wanted}", hint=looks)
    if kind not in kinds:
        raise PluginError(f"{use!r} is a {kind}, and here stands a {wanted}", hint=looks)
    if kind == "filter":
        _check_filter(use, part)
        return kind
    method = next(name for name, k in _METHODS.items() if k == kind)
    is_async = inspect.iscoroutinefunction(getattr(part, method))
    if kind in _ASYNC and not is_async:
        raise PluginError(f"{use!r} is a {kind} whose `{method}` is not async", hint=f"write `async def {method}`")
    if kind not in _ASYNC and is_async:
        raise PluginError(f"{use!r} is a {kind} whose `{method}` is async", hint=f"write a plain `def {method}`")
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
        raise PluginError(
            f"{use!r} is a {kind} whose `{method}{signature}` does not take what it is called with: {error}",
            hint=f"a {kind} is {_LOOKS[kind]}",
        ) from error


def check_instance(use: str, kind: Kind, instance: Any) -> None:
    """Raises `PluginError` where the instance lacks an attribute that its kind needs."""
    # not hasattr: a property may load a model
    missing = [name for name in _NEEDS[kind] if name not in dir(instance)]
    if missing:
        raise PluginError(f"{use!r} is a {kind} without `{'`, `'.join(missing)}`", hint=f"a {kind} is {_LOOKS[kind]}")


def named(kinds: Sequence[Kind]) -> str:
    """The kinds as people say them: `stage or filter`."""
    return " or ".join(kinds)


def call_of(part: Any) -> Any:
    """The function that is called when the part is: where its annotations are."""
    if isinstance(part, partial):
        return part.func
    return part if inspect.isroutine(part) else part.__call__


def _check_filter(use: str, part: Any) -> None:
    if inspect.iscoroutinefunction(call_of(part)):
        raise PluginError(
            f"{use!r} is an async filter", hint="a filter is a plain `def`; what has to wait for something is a stage"
        )
