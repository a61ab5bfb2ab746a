"""Last sentences that say which form an answer is to have, and what they do to it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from synthgen.families.framing import capital
from synthgen.families.template import Template


@dataclass(frozen=True)
class Closing:
    """A last sentence about the answer's form; `wrap` applies it, given the value of its slot."""

    name: str
    phrasings: tuple[Template, ...]
    wrap: Callable[[str, str], str]
    arguments: tuple[str, ...] = ()
    letters: bool = False
    """Whether it needs an answer with letters."""


def _closing(
    name: str, wrap: Callable[[str, str], str], *texts: str, arguments: Iterable[str] = (), letters: bool = False
) -> Closing:
    return Closing(name, tuple(map(Template, texts)), wrap, tuple(arguments), letters)


BARE = _closing(
    "bare",
    lambda answer, _: answer,
    "[answer|reply|respond] with the result only",
    "[give|write|return|send] [only|just] the [answer|result]",
    "no explanation[, please| is needed|, just the answer]",
    "[reply|answer] with nothing but the [answer|result]",
    "[just the answer|only the result][, please| will do| is needed|]",
    "do not [explain anything|add anything|write anything else]",
    "[leave out|skip] the [explanation|working|steps]",
    "[one line|a short answer] is enough",
)


FORMS = (
    _closing(
        "square_brackets",
        lambda answer, _: f"[{answer}]",
        "put the [answer|result] in square brackets",
        "[write|give] your answer [in|between|inside] square brackets",
        "square brackets [should|must] surround the [answer|result]",
    ),
    _closing(
        "round_brackets",
        lambda answer, _: f"({answer})",
        "put the [answer|result] in [round brackets|parentheses]",
        "[write|give] your answer [in|between|inside] [round brackets|parentheses]",
        "enclose the result in parentheses",
    ),
    _closing(
        "quotes",
        lambda answer, _: f'"{answer}"',
        "put the [answer|result] in [double quotes|double quotation marks]",
        "[write|give] your answer [in|between] double quotes",
        "the answer [should|must] stand in double quotation marks",
    ),
    _closing(
        "bold",
        lambda answer, _: f"**{answer}**",
        "put two asterisks before and after the [answer|result]",
        "make the [answer|result] bold with [double|two] asterisks on each side",
        "surround the result with double asterisks",
    ),
    _closing(
        "label",
        lambda answer, label: f"{label}: {answer}",
        'start your [reply|answer] with "{label}:"',
        'begin the [line|reply] with "{label}:" and then give the [answer|result]',
        'write "{label}:" in front of the [answer|result]',
        arguments=("Answer", "Result", "Solution", "Output", "Final answer", "Reply", "Found"),
    ),
    _closing(
        "twice",
        lambda answer, _: f"{answer}; {answer}",
        "[write|give|state] the [answer|result] twice, separated by a semicolon",
        "repeat the answer once after a semicolon",
    ),
    _closing(
        "end_mark",
        lambda answer, mark: f"{answer}\n{mark}",
        'finish with "{label}" on a line of its own',
        'after the [answer|result], add a last line that says "{label}"',
        arguments=("END", "Done", "STOP", "Over", "Bye"),
    ),
    _closing(
        "capitals",
        lambda answer, _: answer.upper(),
        "use capital letters [only|throughout] [for the answer|in your reply]",
        "write the [answer|result] in capital letters",
        "your reply [should|must] be all in capitals",
        letters=True,
    ),
)


CLOSINGS = {closing.name: closing for closing in (BARE, *FORMS)}


def closing(rng: random.Random, *, letters: bool, share: float = 0.25) -> tuple[str, str, str] | None:
    """A closing sentence with its name and argument, or none; `share` of all tasks ask for a special form."""
    chance = rng.random()
    if chance < share:
        chosen = rng.choice(FORMS)
        if chosen.letters and not letters:
            chosen = BARE
    elif chance < share + 0.3:
        chosen = BARE
    else:
        return None
    argument = rng.choice(chosen.arguments) if chosen.arguments else ""
    text = rng.choice(chosen.phrasings).write(rng, lambda _: argument)
    return f"{capital(text)}.", chosen.name, argument


def wrapped(answer: str, closings: Iterable[tuple[str, str]]) -> str:
    """The answer in the form that the closings ask for."""
    for name, argument in closings:
        answer = CLOSINGS[name].wrap(answer, argument)
    return answer


@cache
def _closings() -> tuple[tuple[str, re.Pattern[str]], ...]:
    slots = {"label": r"[a-z ]{1,20}"}
    return tuple(
        (name, re.compile("(?:" + "|".join(t.pattern(slots, groups=False) for t in c.phrasings) + r")[.!]?(?=\s|$)\s*"))
        for name, c in CLOSINGS.items()
    )


def read_closings(text: str, original: str, at: int) -> tuple[list[tuple[str, str]], int]:
    """The closings that follow from `at` on, and where they end."""
    found: list[tuple[str, str]] = []
    while at < len(text):
        for name, pattern in _closings():
            match = pattern.match(text, at)
            if match:
                argument = ""
                if CLOSINGS[name].arguments:
                    quoted = re.search(r'["“]([^"”:]+):?["”]', original[at : match.end()])
                    argument = quoted.group(1) if quoted else ""
                found.append((name, argument))
                at = match.end()
                break
        else:
            break
    return found, at
