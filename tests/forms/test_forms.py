from __future__ import annotations

import pytest

from synthgen.forms import FORMS, TASKS, Form, JsonForm, asking, recognise


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_every_form_is_recognised_by_its_sentence_among_other_text(form: Form) -> None:
    asked = recognise(f"Some words.\n{asking(form, 17)}\nTask: x {{count}}")
    assert asked is not None
    assert asked.form is form
    assert asked.count == (17 if "{count}" in form.sentence else 1)
    assert (asked.before, asked.after) == ("Some words.\n", "\nTask: x {count}")


def test_the_last_sentence_counts() -> None:
    prompt = "\n".join(asking(form, 3) for form in FORMS) + "\n" + asking(TASKS, 5)
    asked = recognise(prompt)
    assert asked is not None
    assert (asked.form, asked.count) == (TASKS, 5)


@pytest.mark.parametrize("form", [f for f in FORMS if isinstance(f, JsonForm)], ids=lambda form: form.name)
def test_a_schema_is_recognised_where_no_sentence_stands(form: JsonForm) -> None:
    asked = recognise("What is it?", form.response_format)
    assert asked is not None
    assert asked.form is form


def test_a_prompt_that_asks_for_text_asks_for_no_form() -> None:
    assert recognise("What is it?") is None
    assert recognise("What is it?", {"type": "json_object"}) is None


def test_names_and_sentences_are_distinct() -> None:
    assert len({form.name for form in FORMS}) == len(FORMS)
    assert len({form.sentence for form in FORMS}) == len(FORMS)
