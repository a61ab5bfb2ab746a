"""Puts a setting and an opening before a task, and finds the task behind them."""

from __future__ import annotations

import random
import re
from functools import cache

from synthgen.families.settings import GREETINGS, OPENINGS, SETTING_PATTERNS, SETTINGS, setting_word

# Openings that make a question of an imperative.
_ASKING = ("could you", "can you", "would you")


def capital(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def opened(rng: random.Random, core: str, kind: str, *, asking: bool = True) -> str:
    """The task's sentences behind a setting, a polite opening, both or neither.

    `core` has its end mark; `asking` says that it may become a question.
    """
    chance = rng.random()
    if chance < 0.35:
        opening = rng.choice(OPENINGS[kind])
        core = f"{opening} {capital(core) if kind == 'tell' else core}"
        if opening in _ASKING and asking:
            core = core.rstrip(".") + "?"
        elif opening in _ASKING:
            core = core.replace(opening, "please", 1)
    core = capital(core)
    if rng.random() < 0.85:
        setting = capital(rng.choice(SETTINGS).write(rng, lambda name: setting_word(name, rng)))
        return f"{setting} {core}"
    return core


@cache
def _head() -> re.Pattern[str]:
    settings = "|".join(template.pattern(SETTING_PATTERNS, groups=False) for template in SETTINGS)
    greetings = "|".join(GREETINGS)
    greeting = rf"(?:{greetings})[,!.]?\s+"
    return re.compile(rf"\s*(?:(?:{greeting})?(?:{settings})\s+|{greeting})?")


@cache
def _openings() -> re.Pattern[str]:
    texts = sorted({text for group in OPENINGS.values() for text in group}, key=len, reverse=True)
    return re.compile("(?:" + "|".join(re.escape(t).replace(r"\ ", r"\s+") for t in texts) + r")\s+")


def starts(text: str) -> list[int]:
    """Where in the (plain) text the task itself may begin: behind setting and opening, behind the setting, at 0."""
    match = _head().match(text)
    setting = match.end() if match else 0
    opening = _openings().match(text, setting)
    return list(dict.fromkeys([*([opening.end()] if opening else []), setting, 0]))
