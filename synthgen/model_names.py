"""A model's name as data may carry it: never a path of the machine that served it."""

from __future__ import annotations

import re

_PATH = re.compile(r"^(file:|[/\\~]|\.{1,2}[/\\]|[A-Za-z]:[/\\])|[/\\].*\.(gguf|ggml|safetensors|bin|pt|pth)$", re.I)
"""Absolute and home paths, `./` and `../`, and files of weights: a Hub id or a provider's name is none of these."""

_HUB_CACHE = re.compile(r"models--([^/\\]+?)--([^/\\]+)[/\\]snapshots[/\\]")


def is_path(name: str) -> bool:
    """Whether the name is a path of somebody's machine."""
    return _PATH.search(name) is not None


def model_name(name: str) -> str:
    """The name without the folders above it where it is a path; a copy in the Hub's cache has the Hub's id."""
    if not is_path(name):
        return name
    if found := _HUB_CACHE.search(name):
        return f"{found[1]}/{found[2]}"
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1] or "model"


def written_by(answered: str | None, asked: str) -> str:
    """What wrote a reply: the name that the server gives it, or the one asked for where that is none or a path."""
    return model_name(asked if not answered or (is_path(answered) and asked) else answered)
