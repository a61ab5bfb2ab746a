"""Families about the words of a sentence."""

from __future__ import annotations

import random
import re
from typing import Any

from synthgen.families.family import Family, Unprovable, Values
from synthgen.families.template import choice, quoted, word
from synthgen.families.vocabulary import NOUNS, sentence

ORDINALS = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "1st": 1,
    "2nd": 2,
    "3rd": 3,
    "4th": 4,
    "5th": 5,
    "6th": 6,
    "7th": 7,
    "8th": 8,
}


def bare_words(text: str) -> list[str]:
    """The words without the punctuation around them."""
    return [w for w in (re.sub(r"^\W+|\W+$", "", part) for part in text.split()) if w]


def _drawn(rng: random.Random, values: Values) -> str:
    return sentence(rng)


def _reversed(values: Values) -> str:
    if re.search(r"[^\w\s'-]", values["text"]):
        raise Unprovable("where the punctuation goes is open")
    return " ".join(reversed(values["text"].split()))


reverse_words = Family(
    name="reverse_words",
    task_type="rewriting",
    phrasings={
        "all": (
            "reverse the order of the words in [this|the following|the given] [sentence|line|phrase]",
            "write the words of [this|the following] [sentence|line] in [reverse|opposite] order",
            "turn [this|the] [sentence|line] around word by word, so that the last word [comes|stands] first",
            "rewrite the [sentence|phrase|line] [below|given here] from its last word to its first",
            "[say|spell out] the [following|given] sentence backwards, word by word",
            "flip the word order of [this|the following] [text|sentence], but leave each word as it is",
            "how does [this|the following] sentence read with its words in reverse order?",
            "what do you get when the words of [this|the] [line|sentence] are put in reverse order?",
        )
    },
    slots={"text": quoted()},
    data="text",
    draw_data=_drawn,
    answer=_reversed,
    steps=lambda values: f"The words in order: {' | '.join(values['text'].split())}. Read from the last to the first.",
    closings="letters",
    strict=True,
)

count_words = Family(
    name="count_words",
    task_type="question_answering",
    phrasings={
        "all": (
            "how many words [does [this|the following] [sentence|line] have|are there in [this|the given] sentence]?",
            "count the words in [this|the following|the given] [sentence|line|text]",
            "what is the [word count|number of words] of [this|the following] [sentence|line|text]?",
            "tell me how many words [make up|stand in|there are in] [this|the following] [sentence|line]",
            "how long, in words, is [this|the following] [sentence|line]?",
            "[find out|say] how many words the [sentence|line] [below|given here] [has|consists of]",
            "give the number of words in [this|the following] [caption|headline|sentence|line]",
        )
    },
    slots={"text": quoted()},
    data="text",
    draw_data=_drawn,
    answer=lambda values: str(len(bare_words(values["text"]))),
    steps=lambda values: " ".join(f"{i}: {w}" for i, w in enumerate(bare_words(values["text"]), 1)),
    also=lambda values: (f"{len(bare_words(values['text']))} words",),
    same="number",
)


def _nth(values: Values) -> str:
    words = bare_words(values["text"])
    if values["n"] > len(words):
        raise Unprovable("the sentence has fewer words")
    n: int = values["n"]
    return words[n - 1 if values["op"] == "start" else -n]


def _draw_nth(rng: random.Random, op: str) -> dict[str, Any]:
    return {"n": rng.randint(1 if op == "start" else 2, 7)}


nth_word = Family(
    name="nth_word",
    task_type="extraction",
    phrasings={
        "start": (
            "give the {n} word of [this|the following] [sentence|line]",
            "which word comes {n} in [this|the following] [sentence|line]?",
            "what is the {n} word in [this|the following|the given] [sentence|line|text]?",
            "pick out the {n} word [of|from] [this|the] [sentence|line]",
            "copy the {n} word of the [sentence|line] [below|given here], nothing more",
        ),
        "end": (
            "which word [stands|is] {n} from the end [of|in] [this|the following] [sentence|line]?",
            "counting from the end, what is the {n} word [of|in] [this|the following] [sentence|line]?",
            "[find|take] the word that is {n} from the end of [this|the following] [sentence|line]",
            "[pick out|copy] the {n} word from the end of [this|the] [line|sentence]",
        ),
    },
    slots={"text": quoted(), "n": choice(ORDINALS)},
    data="text",
    draw=_draw_nth,
    draw_data=lambda rng, values: sentence(rng, values["n"]),
    answer=_nth,
    steps=lambda values: " ".join(f"{i}: {w}" for i, w in enumerate(bare_words(values["text"]), 1)),
    same="caseless",
    closings="letters",
)


def _extreme(values: Values) -> str:
    words = bare_words(values["text"])
    if not words or not all(w.isalpha() for w in words):
        raise Unprovable("whether signs count is open")
    length = max(map(len, words)) if values["op"] == "longest" else min(map(len, words))
    found = {w.casefold(): w for w in words if len(w) == length}
    if len(found) != 1:
        raise Unprovable("several words are as long")
    return next(iter(found.values()))


def _draw_extreme(rng: random.Random, values: Values) -> str:
    for _ in range(200):
        text = sentence(rng)
        try:
            _extreme({**values, "text": text})
        except Unprovable:
            continue
        return text
    raise Unprovable("no sentence found")


word_length = Family(
    name="word_length",
    task_type="extraction",
    phrasings={
        "longest": (
            "what is the longest word in [this|the following] [sentence|line]?",
            "find the longest word [of|in] [this|the following|the given] [sentence|line|text]",
            "which word [of|in] [this|the following] [sentence|line] has the most letters?",
            "[pick|name] the word with the [most|highest number of] letters in [this|the following] [sentence|line]",
        ),
        "shortest": (
            "what is the shortest word in [this|the following] [sentence|line]?",
            "find the shortest word [of|in] [this|the following|the given] [sentence|line|text]",
            "which word [of|in] [this|the following] [sentence|line] has the fewest letters?",
            "[pick|name] the word with the [fewest|smallest number of] letters in [this|the following] [sentence|line]",
        ),
    },
    slots={"text": quoted()},
    data="text",
    draw_data=_draw_extreme,
    answer=_extreme,
    steps=lambda values: ", ".join(f"{w} has {len(w)}" for w in bare_words(values["text"])) + ".",
    same="caseless",
    closings="letters",
)


def _replaced(values: Values) -> str:
    old, text = values["old"], values["text"]
    pattern = rf"(?<![\w'-]){re.escape(old)}(?![\w'-])"
    if not re.search(pattern, text) or len(re.findall(pattern, text)) != len(re.findall(pattern, text, re.I)):
        raise Unprovable("the word is not there, or in another case")
    return re.sub(pattern, lambda _: values["new"], text)


def _with_word(rng: random.Random, values: Values) -> str:
    parts = sentence(rng).split()
    parts[rng.choice((2, 5))] = values["old"]
    return " ".join(parts)


replace_word = Family(
    name="replace_word",
    task_type="rewriting",
    phrasings={
        "all": (
            "replace the word {old} with {new} in [this|the following] [sentence|line]",
            "[swap|exchange] the word {old} for {new} in [this|the following] [sentence|line], and change nothing else",
            "write [this|the following] [sentence|line] again with {new} [instead of|in place of] {old}",
            "put {new} wherever the word {old} [stands|appears] in [this|the] [sentence|text|line]",
            "in [this|the following] [sentence|line], every {old} should become {new}; rewrite it",
            "what does [this|the following] sentence look like with {new} in place of {old}?",
            "how does [this|the following] [sentence|line] read if {old} becomes {new}?",
        )
    },
    slots={"text": quoted(), "old": word(), "new": word()},
    data="text",
    draw=lambda rng, op: dict(zip(("old", "new"), rng.sample(NOUNS, 2), strict=True)),
    draw_data=_with_word,
    answer=_replaced,
    closings="letters",
    strict=True,
)


def _acronym(values: Values) -> str:
    words = values["text"].split()
    if not all(w[0].isalpha() and w.isalpha() for w in words):
        raise Unprovable("a word without a first letter")
    return "".join(w[0].upper() for w in words)


acronym = Family(
    name="acronym",
    task_type="rewriting",
    phrasings={
        "all": (
            "make an acronym from the first letters of [all|the] words in [this|the following] [sentence|phrase]",
            "write the initials of [all|the] words in [this|the following] [sentence|phrase] as one word in capitals",
            "which acronym do the first letters of the words in [this|the following] [sentence|phrase] [form|make]?",
            "take the first letter of [every|each] word in [this|the] [sentence|line] and join them in capitals",
            "shorten [this|the following] [phrase|line|sentence] to an acronym of capital letters",
            "what do the initial letters of [this|the following] [sentence|line] spell, written in capitals?",
        )
    },
    slots={"text": quoted()},
    data="text",
    draw_data=_drawn,
    answer=_acronym,
    steps=lambda values: ", ".join(f"{w[0].upper()} from {w}" for w in values["text"].split()) + ".",
)


def _starting(values: Values) -> str:
    letter = values["letter"].lower()
    found = [w for w in bare_words(values["text"]) if w[0].lower() == letter]
    if not found:
        raise Unprovable("no word begins with that letter")
    return ", ".join(found)


def _draw_starting(rng: random.Random, values: Values) -> str:
    fitting = [w for w in NOUNS if w[0] == values["letter"].lower()]
    parts = sentence(rng, 8).split()
    if fitting:
        parts[rng.choice((2, 5))] = rng.choice(fitting)
    return " ".join(parts)


words_starting = Family(
    name="words_starting",
    task_type="extraction",
    phrasings={
        "all": (
            "list [all|the] words [in|of] [this|the following] [sentence|line] that [start|begin] with {letter}, in "
            "order "
            "and separated by commas",
            "which words [in|of] [this|the following] [sentence|line] begin with {letter}? List them in order with "
            "commas",
            "find [every|each] word that starts with the letter {letter} in [this|the] [sentence|line], and "
            "separate them with commas",
            "extract the words with the initial {letter} from [this|the following] [sentence|line], in order, with "
            "commas between them",
            "pick out, in order and with commas, all words of [this|the following] [line|sentence] whose first "
            "letter is "
            "{letter}",
            "copy the words that begin with the letter {letter} from the [sentence|line] [below|given here], "
            "separated by "
            "commas",
        )
    },
    slots={"text": quoted(), "letter": word()},
    data="text",
    draw=lambda rng, op: {"letter": rng.choice("bcdfghlmprst")},
    draw_data=_draw_starting,
    answer=_starting,
    same="caseless",
    strict=True,
)

FAMILIES = (reverse_words, count_words, nth_word, word_length, replace_word, acronym, words_starting)
