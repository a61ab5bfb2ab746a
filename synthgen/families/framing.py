"""What may stand before a task and change nothing about it: a sentence of setting, an opening, a greeting."""

from __future__ import annotations

import random
import re
from functools import cache

from synthgen.families import vocabulary as v
from synthgen.families.template import Template

_PHRASE = r"[a-z0-9'-]+(?: [a-z0-9'-]+){0,3}?"


SETTING_WORDS: dict[str, tuple[str, ...]] = {
    "name": v.NAMES,
    "friend": v.NAMES,
    "city": v.CITIES,
    "town": v.CITIES,
    "job": v.JOBS,
    "topic": v.TOPICS,
    "theme": v.TOPICS,
    "place": v.PLACES,
    "thing": v.THINGS,
    "goods": v.GOODS,
    "day": v.DAYS,
    "month": v.MONTHS,
    "note": ("note", "message", "remark"),
}


SETTING_PATTERNS = {
    name: r"[a-z'-]+" if name in ("name", "friend", "city", "town", "day", "month") else _PHRASE
    for name in SETTING_WORDS
}


SETTINGS = tuple(
    map(
        Template,
        (
            "{name}, {a:job} from {city}, is [preparing|planning|finishing|writing] {a:thing} about {topic}.",
            "{name} [works|volunteers|helps out] at {a:place} in {city} and [needs|wants] this for {a:thing} on "
            "{topic}.",
            "I am [putting together|working on|checking] {a:thing} about {topic} for {a:place}.",
            "We run {a:place} in {city}, and on {day} we [hold|have] {a:thing} about {topic}.",
            "This [comes from|is part of|belongs to] {a:thing} on {topic} by {name}, {a:job}.",
            "[My|Our] neighbour {name}, {a:job}, [collects|loves|writes about] {topic} and asked me this.",
            "A {city} {place} [is about to print|has ordered|will hand out] {a:thing} on {topic}.",
            "Here is one [question|item|task] from {a:thing} that {name} wrote about {topic}.",
            "{name} and {friend} are arguing about {a:thing} on {topic}.",
            "[Next|Last|This] {month} the {place} in {city} [celebrates|celebrated] {topic} with {a:thing}.",
            "Between two lessons on {topic}, {name} [gives|sets] the class this exercise.",
            "The {job} [on duty|in charge] at the {city} {place} left {a:note} about {topic} [and a small job|with a "
            "request].",
            "[While|As] {name} sorts {goods} for {a:place}, {friend} reads out an exercise about {topic}.",
            "It is {day}, and the {thing} on {topic} for our {place} is [due|overdue].",
            "[Imagine|Suppose|Say] you are {a:job} at {a:place} in {city}.",
            "You [help|assist|support] {name}, {a:job} who writes {a:thing} about {topic}.",
            "For [his|her] {thing} on {topic}, {name} from {city} needs a hand.",
            "[I teach|I study|I read up on] {topic} at {a:place} in {city}, and one detail is [missing|unclear|still "
            "open].",
            "Our {place} sells {goods}, and {name} keeps the {thing}.",
            "{name} found an old {thing} on {topic} in {city}.",
            "[Someone|A visitor|A customer|A colleague] at the {place} asked {name} about {topic} and then about this.",
            "After {a:thing} on {topic}, {name} still has one [question|doubt|problem].",
            "[A reader|A listener|A member] from {city} sent in a puzzle for our {thing} on {topic}.",
            "The answer goes into {a:thing} about {topic} [that|which] {name} hands in on {day}.",
            "{name} bets {friend} a box of {goods} on the answer.",
            "[In|At] {a:place} near {city}, {name} trains {a:job} with tasks like this one.",
            "Before the {day} shift at the {place}, {name} [checks|goes over] one more item of the {thing} on {topic}.",
            "On the train from {city} to {town}, {name} solves {a:thing} about {topic}.",
            "[As a warm-up|As practice|As a test], the {job} at our {place} hands out this task beside {a:thing} on "
            "{topic}.",
            "{topic} and {theme}: that is what the {thing} of the {city} {place} is about.",
            "{name} would like to surprise {friend} with {a:thing} about {topic}.",
            "Dear [team|all|colleagues], the {thing} on {topic} for {city} lacks one line.",
            "There is a gap in {a:thing} on {topic} that {a:job} will [print|present|read aloud] in {month}.",
            "[Nobody|Hardly anyone] at the {city} {place} agrees on this item of the {thing}.",
            "{name} swapped [two|three|a dozen] {goods} for {a:thing} on {topic}, and it holds this exercise.",
            "The {topic} club in {city} meets every {day} at the {place}, and {name} brings a [puzzle|task|problem].",
            "[Hello|Hi], this is {name} from the {place} in {city}.",
            "I promised {name} a quick reply for the {thing} about {topic}.",
            "Our {month} {thing} covers {topic}, {theme} and one short exercise.",
            "{name}, who used to be {a:job} in {city}, now makes {a:thing} for {a:place}.",
            "[Half|Most] of the {thing} on {topic} is done; {name} from {city} is stuck here.",
            "To enter the {place} in {city}, guests must solve {a:thing} about {topic}.",
            "The {goods} from {city} are late, so {name} passes the time with {a:thing} on {topic}.",
            "{name} is training to become {a:job} and practises with {a:thing} about {topic}.",
            "[A box of|A crate of|A shelf with] {goods} and {a:thing} on {topic} are all that the {place} has left.",
        ),
    )
)


GREETINGS = ("hello", "hi", "hey", "greetings", "welcome")
"""What may stand before everything else; a generated task has none of it."""


OPENINGS = {
    "do": (
        "please",
        "kindly",
        "could you",
        "can you",
        "would you",
        "i need you to",
        "i'd like you to",
        "your task is to",
        "your job is to",
        "i want you to",
        "now",
        "help me to",
        "you have to",
        "it's your turn to",
        "let's see if you can",
    ),
    "ask": (
        "quick question:",
        "i wonder:",
        "tell me:",
        "question:",
        "just curious:",
        "one more thing:",
        "do you know this:",
        "please tell me:",
        "can you answer this:",
        "help me with this:",
    ),
    "tell": (
        "solve this:",
        "word problem:",
        "a small puzzle:",
        "please work this out:",
        "try this one:",
        "task:",
        "here is a problem:",
        "can you solve this:",
    ),
}
"""Polite openings, by the kind of sentence that follows: an imperative, a question, a statement."""


def setting_word(name: str, rng: random.Random) -> str:
    """A word for that slot of a setting."""
    words = SETTING_WORDS[name]
    return words[int(rng.random() * len(words))]


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
