"""No text of a model or a user takes time that grows with the square of its length."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from long_texts import UNITS, cpu_s, grows_with_the_square

from synthgen import families, forms, text
from synthgen.families.expressions import Arithmetic, Logic
from synthgen.families.family import Unprovable, agrees, mentions, rearranged
from synthgen.families.interpreter import Program
from synthgen.filters.duplicates import NearDuplicate
from synthgen.forms import FORMS, INSTRUCTIONS, LABEL, TASKS, JsonForm, salvage
from synthgen.forms.reasoning import split_reasoning
from synthgen.forms.structured import score_form
from synthgen.plugins.kinds import BUILTINS
from synthgen.protocols import Preparation
from synthgen.records import Record
from synthgen.safety import likely_secrets, outward
from synthgen.text import tokenize

Judge = Callable[[str], object]

TASK = {"instruction": "Sort these words alphabetically: pear, apple, fig", "input": "", "output": "apple, fig, pear"}
SETTINGS: dict[str, dict[str, Any]] = {
    "length": {"min_words": 3},
    "blocklist": {"words": ("foo", "bar baz")},
    "script": {"scripts": ("latin",)},
}


def filters() -> dict[str, Judge]:
    found: dict[str, Judge] = {}
    for name, place in BUILTINS["filter"].items():
        module, _, attribute = place.partition(":")
        judge = getattr(importlib.import_module(module), attribute)
        if name == "near_duplicate":
            continue  # below: it keeps what it has seen
        for field in TASK:
            found[f"{name} {field}"] = partial(filtered, judge, field, SETTINGS.get(name, {}))
    return found


def filtered(judge: Any, field: str, settings: dict[str, Any], text: str) -> object:
    record = Record(**{**TASK, field: text})
    return judge(**settings)(record) if isinstance(judge, type) else judge(record, **settings)


def parsers() -> dict[str, Judge]:
    found: dict[str, Judge] = {"score": score_form(10).parse, "recognise": forms.recognise, "think": split_reasoning}
    for form in FORMS:  # those of JSON differ in their fields alone
        if not isinstance(form, JsonForm) or form in (TASKS, INSTRUCTIONS, LABEL):
            found[form.name] = form.parse
    found["tasks, broken"] = lambda text: TASKS.parse('{"tasks": [{"instruction": "' + text)
    found["salvage"] = salvage.scan
    found["salvage strings"] = lambda text: salvage.scan('["a", "b' + text, strings=True)
    return found


def comparisons() -> dict[str, Judge]:
    found: dict[str, Judge] = {}
    for same in ("exact", "caseless", "number", "json"):
        for expected in ("27", "a, b", '{"a": 1}'):
            for compare in (agrees, mentions, rearranged):
                judge = lambda text, c=compare, e=expected, s=same: c(f"x{text}y", e, s)  # noqa: E731
                found[f"{compare.__name__} {same} {expected}"] = judge
    return found


def texts() -> dict[str, Judge]:
    return {
        "unicode": tokenize,
        "rouge": partial(tokenize, tokenizer="rouge"),
        "word_count": text.word_count,
        "normalize": text.normalize,
        "shown": outward.shown,
        "likely_secrets": partial(likely_secrets.likely_secrets, expected=True),
        "secrets_at": lambda text: likely_secrets.secrets_at(("headers", "Authorization"), "${A} " + text),
        "Arithmetic": lambda text: refusing(Arithmetic, text),
        "Logic": lambda text: refusing(Logic, text),
        "Program": lambda text: refusing(Program, text),
    }


def refusing(read: Callable[[str], object], text: str) -> None:
    try:
        read(text)
    except (ValueError, Unprovable):
        return


ALL = {**filters(), **parsers(), **comparisons(), **texts()}


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_twice_the_text_takes_about_twice_the_time(name: str) -> None:
    assert not [told for unit in UNITS if (told := grows_with_the_square(ALL[name], unit))]


def test_recognisers_do_not_mind_long_inputs() -> None:
    rng = random.Random(0)
    told = []
    for family in families.FAMILIES.values():
        instruction = family.sample(rng).instruction
        for unit in UNITS[:: 1 + rng.randrange(3)]:  # all units come by: there are some ninety families
            told.append(grows_with_the_square(partial(families.solve, instruction), unit))
    assert not list(filter(None, told))


def test_near_duplicates_of_hundreds_of_thousands_of_words_are_no_matter_of_squares() -> None:
    assert compared_s(120_000) < 3 * compared_s(60_000)


def compared_s(words: int) -> float:
    """The time that a text of so many words takes beside the same words in reverse."""
    up = [f"w{n}" for n in range(words)]
    near = NearDuplicate()
    near.prepare(Preparation(render=str, seeds=(Record(instruction=" ".join(up)),), seed=0, base="."))
    record = Record(instruction=" ".join(reversed(up)))
    return min(cpu_s(lambda: near._index.query(record.instruction)) for _ in range(2))
