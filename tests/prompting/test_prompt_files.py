"""The shipped prompts: described, rendering with the variables that are listed, fixed part first."""

from __future__ import annotations

import re
from typing import Any

import pytest

from synthgen import assets
from synthgen.forms import FORMS, asking, recognise
from synthgen.prompting.templates import Renderer
from synthgen.records import Record

README = assets.folder("prompts").joinpath("README.md").read_text(encoding="utf-8")
NAMES = assets.names("prompts")
DEMONSTRATIONS = [
    Record(instruction="Name a river.", output="Elbe"),
    Record(instruction="Add.", input="1 2", output="3"),
]


def variables(name: str) -> list[str]:
    rows = [line.split("|") for line in README.splitlines() if line.startswith("| `")]
    listed: dict[str, str] = {}
    last = ""
    for row in rows:
        if row[1].strip(" `").endswith(".j2"):
            last = row[4] if "the same" not in row[4] else last
            listed[row[1].strip(" `").removesuffix(".j2")] = last
    return re.findall(r"`(\w+)`", listed[name])


def values(name: str, faithful: bool, reply: str) -> dict[str, Any]:
    known = {
        "demonstrations": DEMONSTRATIONS,
        "count": 4,
        "reply": reply,
        "first": 3,
        "faithful": faithful,
        "instruction": "Name a river.",
        "input": "Elbe",
        "answer": "The Elbe.",
        "highest": 5,
    }
    return {variable: known[variable] for variable in variables(name)}


@pytest.mark.parametrize("faithful", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_renders_with_the_variables_that_are_listed(name: str, faithful: bool) -> None:
    text = Renderer().render(name, **values(name, faithful, "REPLY-FORM"))
    assert text.count("REPLY-FORM") == 1
    assert "Name a river." in text
    assert not re.search(r"\{[{%#]|\n\n\n", text)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_what_a_prompt_asks_for_can_be_recognised(name: str, form: Any) -> None:
    asked = recognise(Renderer().render(name, **values(name, False, asking(form, 4))))
    assert asked is not None
    assert asked.form is form


def test_every_prompt_is_described_and_nothing_else_is() -> None:
    assert sorted(re.findall(r"^\| `([\w/]+)\.j2`", README, re.MULTILINE)) == NAMES
