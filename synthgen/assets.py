"""Where prompts, seeds and recipes lie: beside the config, in the installed wheel, or in the checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from synthgen.errors import ConfigError, PromptError, SeedError
from synthgen.text import nearest

Kind = Literal["prompts", "seeds", "recipes"]

SUFFIXES: dict[Kind, str] = {"prompts": ".j2", "seeds": ".jsonl", "recipes": ".yaml"}

_ERRORS: dict[Kind, type[ConfigError]] = {"prompts": PromptError, "seeds": SeedError, "recipes": ConfigError}


@cache
def folder(kind: Kind) -> Path:
    """The folder of the shipped files of this kind: the wheel's where it has one, else the checkout's.

    The checkout's is not looked at from a wheel: `site-packages/prompts` may be another package.
    """
    package = Path(__file__).parent
    inside = package / "_assets" / kind
    return inside if inside.is_dir() else package.parent / kind


def names(kind: Kind) -> list[str]:
    """The names of the shipped files of this kind, sorted, as a config writes them: `alpaca/tasks`."""
    root, suffix = folder(kind), SUFFIXES[kind]
    return sorted(path.relative_to(root).as_posix().removesuffix(suffix) for path in root.rglob(f"*{suffix}"))


def find(kind: Kind, name: str, beside: Path | None = None) -> Path:
    """The file that a config means by `name`: one of the user's beside the config, or a shipped one.

    `beside` is the config's folder. There `name`, `name` with the kind's suffix, and the same in a folder named after
    the kind are tried, in this order; so `prompts/alpaca/tasks.j2` beside a config replaces the shipped one.

    A prompt is sent to a server, and may come with a config from elsewhere: it lies in the config's folder or among the
    shipped ones, links resolved. Seeds and recipes may lie anywhere.

    Raises:
        ConfigError: there is no such file (`PromptError` for a prompt, `SeedError` for seeds), or it lies outside.
    """
    suffix = SUFFIXES[kind]
    spellings = [name] if name.endswith(suffix) else [name, name + suffix]
    roots = [] if beside is None else [beside, beside / kind]
    for root in (*roots, folder(kind)):
        for spelling in spellings:
            path = root / spelling
            if path.is_file():
                if kind == "prompts":
                    _check_inside(name, path, beside)
                return path
    raise _ERRORS[kind](f"there is no {kind.removesuffix('s')} file {name!r}", hint=_hint(kind, name, beside))


def _check_inside(name: str, path: Path, beside: Path | None) -> None:
    real = path.resolve()
    homes = [home.resolve() for home in (beside, folder("prompts")) if home is not None]
    if not any(real.is_relative_to(home) for home in homes):
        raise PromptError(
            f"the template {name!r} lies outside the config's folder",
            hint=f"what a template says is sent to a server, so it is read from {homes[0]} alone: copy it there",
        )


def _hint(kind: Kind, name: str, beside: Path | None) -> str:
    shipped = names(kind)
    known = list(shipped)
    if beside is not None:
        suffix = SUFFIXES[kind]
        known += [path.name for path in sorted(beside.glob(f"*{suffix}"))]
        known += [path.relative_to(beside / kind).as_posix() for path in sorted((beside / kind).rglob(f"*{suffix}"))]
    near = nearest(name, known)
    where = f"looked in {beside} and among the shipped ones" if beside is not None else "looked among the shipped ones"
    if near:
        return f"did you mean {near!r}? ({where})"
    return f"{where}: {', '.join(shipped) or 'there are none'}"
