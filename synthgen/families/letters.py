"""Families about the letters of words, and of phrases written in another way."""

from __future__ import annotations

import random
import re
from typing import Any

from synthgen.families.family import Family, Unprovable, Values
from synthgen.families.template import Slot, choice, integer, quoted
from synthgen.families.vocabulary import CITIES, NOUNS, a_phrase, a_word

_LETTER = Slot(r"""["'][a-z]["']|[a-z](?![\w'])""", lambda text: text.strip("\"'").lower(), lambda v, rng: f'"{v}"')


reverse_letters = Family(
    name="reverse_letters",
    task_type="rewriting",
    phrasings={
        "all": (
            "[write|spell] [this|the following|the given] [word|text] backwards, letter by letter",
            "reverse the letters of [this|the following|the given] [word|name|text]",
            "what is [this|the following] [word|text] spelled backwards?",
            "turn the [string|word] [below|given here] around, so that its last character comes first",
            "how do you spell [this|the following] [word|text] from the last letter to the first?",
            "mirror [this|the following] [word|string]: last letter first, first letter last",
            "give the characters of [this|the following] [word|code|string] in reverse order",
        )
    },
    slots={"text": quoted()},
    data="text",
    draw_data=lambda rng, values: rng.choice((a_word(rng), a_phrase(rng), rng.choice(CITIES))),
    answer=lambda values: values["text"][::-1],
    steps=lambda values: "From the last character to the first: " + " ".join(reversed(values["text"])),
    strict=True,
)


def _counted(values: Values) -> str:
    text, letter = values["text"], values["letter"]
    if text.count(letter.upper()):
        raise Unprovable("whether capitals count is open")
    return str(text.count(letter))


def _draw_counted(rng: random.Random, values: Values) -> str:
    letter = values["letter"]
    for _ in range(60):
        text = f"{a_phrase(rng)} and {a_phrase(rng)}"
        if letter in text and rng.random() < 0.3 * text.count(letter):
            break
    return text


count_letter = Family(
    name="count_letter",
    task_type="question_answering",
    phrasings={
        "all": (
            "how many times does the letter {letter} [occur|appear] in [this|the following] [phrase|text]?",
            "count the letter {letter} in [this|the following|the given] [phrase|text|line]",
            "how often [do you find|is there] the letter {letter} in [this|the following] [phrase|text]?",
            "find the number of {letter} letters in [this|the following] [phrase|text]",
            "say how many [copies|instances] of the letter {letter} [this|the following] [phrase|line] [has|holds]",
            "what is the count of the letter {letter} in [this|the] [text|phrase|line]?",
        )
    },
    slots={"text": quoted(), "letter": _LETTER},
    data="text",
    draw=lambda rng, op: {"letter": rng.choice("aeioulnrst")},
    draw_data=_draw_counted,
    answer=_counted,
    steps=lambda values: "; ".join(f"{w}: {w.count(values['letter'])}" for w in values["text"].split()),
    same="number",
)


def _without(values: Values) -> str:
    text = values["text"]
    if values["op"] == "vowels":
        if re.search(r"[^a-z ]", text, re.I):
            raise Unprovable("what counts as a vowel is open")
        removed = "aeiou"
    else:
        removed = values["letter"]
        if removed.upper() in text or removed not in text:
            raise Unprovable("whether capitals count is open, or nothing is removed")
    left = "".join(c for c in text if c.lower() not in removed)
    if not left.strip():
        raise Unprovable("nothing is left")
    return left


def _draw_without(rng: random.Random, values: Values) -> str:
    for _ in range(60):
        text = rng.choice((a_word(rng), a_phrase(rng)))
        if values["op"] == "vowels" or values["letter"] in text:
            break
    return text


remove_letters = Family(
    name="remove_letters",
    task_type="rewriting",
    phrasings={
        "vowels": (
            "remove [all|the] vowels (a, e, i, o, u) from [this|the following] [word|phrase|text]",
            "[write|give] [this|the following] [word|phrase|text] without its vowels a, e, i, o and u",
            "what is left of [this|the following] [word|phrase] when [all|the] vowels (a, e, i, o, u) are "
            "[gone|deleted]?",
            "strip the vowels a, e, i, o, u out of [this|the following] [word|phrase|label]",
        ),
        "letter": (
            "remove every {letter} from [this|the following] [word|phrase|text]",
            "delete the letter {letter} wherever it [occurs|stands] in [this|the following] [word|phrase|text]",
            "[write|give] [this|the following] [word|phrase|text] without the letter {letter}",
            "what remains of [this|the following] [word|phrase] if you take out every letter {letter}?",
        ),
    },
    slots={"text": quoted(), "letter": _LETTER},
    data="text",
    draw=lambda rng, op: {"letter": rng.choice("aeilnorst")},
    draw_data=_draw_without,
    answer=_without,
    strict=True,
)


_PALINDROMES = [
    "level",
    "radar",
    "civic",
    "kayak",
    "rotor",
    "noon",
    "refer",
    "madam",
    "deified",
    "racecar",
    "stats",
    "tenet",
    "sagas",
    "solos",
    "minim",
    "rotator",
    "reviver",
    "repaper",
    "redder",
    "peep",
    "deed",
    "toot",
    "sees",
    "eve",
    "dad",
    "mum",
    "bob",
    "gig",
    "pop",
    "eye",
    "ewe",
    "nun",
    "pip",
    "abba",
    "otto",
    "anna",
    "hannah",
    "elle",
]


def _palindrome(values: Values) -> str:
    text = values["text"]
    strict = text == text[::-1]
    loose = re.sub(r"[\W_]", "", text).lower()
    if strict != (loose == loose[::-1]):
        raise Unprovable("whether case and spaces count is open")
    return "yes" if strict else "no"


def _draw_palindrome(rng: random.Random, values: Values) -> str:
    if rng.random() < 0.35:
        return rng.choice(_PALINDROMES)
    half = "".join(rng.choice("abdeilmnorstu") for _ in range(rng.randint(2, 4)))
    full = half + rng.choice(("", rng.choice("aeiou"))) + half[::-1]
    if rng.random() < 0.4:
        return full
    return rng.choice((full[:-1] + rng.choice("pkv"), rng.choice(NOUNS), rng.choice("pk") + full))


palindrome = Family(
    name="palindrome",
    task_type="classification",
    phrasings={
        "all": (
            "is [this|the following] [word|string|code] a palindrome? Answer yes or no",
            "does [this|the following] [word|string] read the same in both directions, yes or no?",
            "say yes if [this|the following] [word|string] is a palindrome, and no if it is not",
            "decide whether [this|the following] [word|string|code] is a palindrome (yes or no)",
            "check [this|the following] [word|string] for being a palindrome; answer with yes or no",
            "yes or no: is [this|the following] [word|string|code] the same when read backwards?",
        )
    },
    slots={"text": quoted()},
    data="text",
    draw_data=_draw_palindrome,
    answer=_palindrome,
    steps=lambda values: f"Backwards it reads {values['text'][::-1]}.",
    labels=lambda values: ("yes", "no"),
    closings="bare",
    same="caseless",
)


def _position(values: Values) -> str:
    letter = values["letter"]
    if not (len(letter) == 1 and "a" <= letter <= "z"):
        raise Unprovable("no letter from a to z")
    place = ord(letter) - 96 + {"place": 0, "after": values.get("n", 0), "before": -values.get("n", 0)}[values["op"]]
    if values["op"] == "place":
        return str(place)
    if not 1 <= place <= 26:
        raise Unprovable("beyond the alphabet")
    return chr(place + 96)


def _draw_position(rng: random.Random, op: str) -> dict[str, Any]:
    n = rng.randint(2, 9)
    low, high = {"place": (1, 26), "after": (1, 26 - n), "before": (n + 1, 26)}[op]
    return {"letter": chr(96 + rng.randint(low, high)), "n": n}


_NUMBERS = {w: i for i, w in enumerate(["two", "three", "four", "five", "six", "seven", "eight", "nine"], 2)}


alphabet = Family(
    name="alphabet",
    task_type="question_answering",
    phrasings={
        "place": (
            "[which|what] place does the letter {letter} have in the English alphabet, as a number?",
            "at which position of the alphabet, counted from 1, [is|stands] the letter {letter}?",
            "give the number of the letter {letter} in the alphabet, with a as 1",
        ),
        "after": (
            "which letter comes {n} places after {letter} in the alphabet?",
            "name the letter that stands {n} places behind {letter} in the English alphabet",
            "go {n} letters forward from {letter} in the alphabet and name the letter you [reach|arrive at]",
        ),
        "before": (
            "which letter comes {n} places before {letter} in the alphabet?",
            "name the letter that stands {n} places ahead of {letter} in the English alphabet",
            "go {n} letters back from {letter} in the alphabet and name the letter you [reach|arrive at]",
        ),
    },
    slots={"letter": _LETTER, "n": choice({**_NUMBERS, **{str(i): i for i in _NUMBERS.values()}})},
    draw=_draw_position,
    answer=_position,
    same="caseless",
)

LETTERS = (
    reverse_letters,
    count_letter,
    remove_letters,
    palindrome,
    alphabet,
)


def _changed(values: Values) -> str:
    text, op = values["text"], values["op"]
    if op == "upper":
        return str(text.upper())
    words = text.split()
    if not re.fullmatch(r"[a-z0-9 ]+", text):
        raise Unprovable("capitals and signs may be treated in several ways")
    if op == "title":
        return " ".join(w[0].upper() + w[1:] for w in words)
    if op in ("snake", "kebab"):
        return {"snake": "_", "kebab": "-"}[op].join(words)
    capitals = "".join(w[0].upper() + w[1:] for w in words)
    return capitals if op == "pascal" else words[0] + capitals[len(words[0]) :]


def _draw_changed(rng: random.Random, values: Values) -> str:
    return f"{a_phrase(rng)} {rng.choice(('of', 'for', 'with', 'near', 'and'))} {a_phrase(rng)}"


change_case = Family(
    name="change_case",
    task_type="rewriting",
    phrasings={
        "snake": (
            "convert [this|the following] [phrase|text] to snake_case",
            "[write|rewrite] [this|the following] [phrase|label] in snake_case",
            "which snake_case name [fits|belongs to] [this|the following] [phrase|label]?",
        ),
        "kebab": (
            "convert [this|the following] [phrase|text] to kebab-case",
            "[write|rewrite] [this|the following] [phrase|label] in kebab-case",
            "what is the kebab-case form of [this|the following] [phrase|label]?",
        ),
        "camel": (
            "convert [this|the following] [phrase|text] to camelCase, with a small first letter",
            "turn [this|the following] [phrase|label] into a lower camelCase name",
            "which lowerCamelCase name do you get from [this|the following] [phrase|label]?",
        ),
        "pascal": (
            "convert [this|the following] [phrase|text] to PascalCase",
            "[write|rewrite] [this|the following] [phrase|label] as one PascalCase name",
            "what is the PascalCase form of [this|the following] [phrase|label]?",
        ),
        "upper": (
            "put [this|the following] [phrase|text] in upper case",
            "[write|rewrite] [this|the following] [phrase|line] with upper-case letters only",
            "how does [this|the following] [phrase|label] look in upper case?",
        ),
        "title": (
            "capitalise the first letter of [every|each] word in [this|the following] [phrase|title]",
            "[write|rewrite] [this|the following] [phrase|title] with a capital at the start of [every|each] word",
            "how is [this|the following] [phrase|title] written if [every|each] word begins with a capital?",
        ),
    },
    slots={"text": quoted()},
    data="text",
    draw_data=_draw_changed,
    answer=_changed,
    strict=True,
)


def _shifted(values: Values) -> str:
    step = values["n"] if values["op"] == "forward" else -values["n"]
    if re.search(r"[^\W\d_]", values["text"]) is None or not values["text"].isascii():
        raise Unprovable("no letters of the alphabet from a to z")

    def moved(c: str) -> str:
        if not c.isalpha():
            return c
        base = ord("A") if c.isupper() else ord("a")
        return chr((ord(c) - base + step) % 26 + base)

    return "".join(map(moved, values["text"]))


def _shift_steps(values: Values) -> str:
    new = _shifted(values)
    pairs = (f"{a} -> {b}" for a, b in zip(values["text"], new, strict=True) if a.isalpha())
    return ", ".join(dict.fromkeys(pairs))


caesar_shift = Family(
    name="caesar_shift",
    task_type="rewriting",
    phrasings={
        "forward": (
            "shift every letter of [this|the following] [word|text] {n} places forward in the alphabet",
            "[encode|encrypt] [this|the following] [word|message] with a Caesar shift of {n}",
            "what does [this|the following] [word|text] become if each letter moves {n} places forward in the "
            "alphabet?",
            "apply a Caesar cipher with a forward shift of {n} to [this|the following] [word|message]",
        ),
        "back": (
            "shift every letter of [this|the following] [word|text] {n} places back in the alphabet",
            "[decode|decrypt] [this|the following] [word|message], which was made with a Caesar shift of {n}",
            "what does [this|the following] [word|text] become if each letter moves {n} places back in the alphabet?",
            "undo a Caesar cipher with a forward shift of {n} in [this|the following] [word|message]",
        ),
    },
    slots={"text": quoted(), "n": integer(2)},
    data="text",
    draw=lambda rng, op: {"n": rng.randint(2, 12)},
    draw_data=lambda rng, values: a_phrase(rng) if rng.random() < 0.5 else a_word(rng),
    answer=_shifted,
    steps=_shift_steps,
    strict=True,
)

SPELLING = (
    change_case,
    caesar_shift,
)
