from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from synthgen.errors import PromptError
from synthgen.prompting.templates import Renderer
from synthgen.records import Record


def renderer(folder: Path, **templates: str) -> Renderer:
    for name, text in templates.items():
        (folder / f"{name}.j2").write_text(text, encoding="utf-8")
    return Renderer(folder)


def test_records_are_shown_as_plain_fields(tmp_path: Path) -> None:
    render = renderer(tmp_path, one="{% for d in demonstrations %}\n{{ d.instruction }}|{{ d.input }}\n{% endfor %}")
    records = [Record(instruction="Add <b>", input="1 & 2"), Record(instruction="Écris")]
    assert render.render("one", demonstrations=records) == "Add <b>|1 & 2\nÉcris|\n"


def test_json_is_written_for_readers_not_for_web_pages(tmp_path: Path) -> None:
    assert renderer(tmp_path, one="{{ text | json }}").render("one", text="<é> & 'x'\n") == "\"<é> & 'x'\\n\""


def test_a_wrong_variable_names_template_line_and_the_nearest_right_name(tmp_path: Path) -> None:
    render = renderer(tmp_path, one="first line\n{{ demonstration }}")
    with pytest.raises(PromptError) as caught:
        render.render("one", demonstrations=[], count=3)
    error = caught.value
    assert (error.file, error.line) == (tmp_path / "one.j2", 2)
    assert "'demonstration'" in error.message
    assert error.hint is not None
    assert "did you mean 'demonstrations'" in error.hint
    assert "count, demonstrations" in error.hint


def test_a_wrong_variable_in_a_branch_that_is_not_taken_is_found_too(tmp_path: Path) -> None:
    render = renderer(tmp_path, one="{% if count > 3 %}{{ cuont }}{% endif %}")
    with pytest.raises(PromptError, match="'cuont'"):
        render.render("one", count=1)


def test_a_wrong_field_of_a_record_names_line_and_the_nearest_right_name(tmp_path: Path) -> None:
    render = renderer(tmp_path, one="a\nb\n{% for d in demonstrations %}{{ d.instrution }}{% endfor %}")
    with pytest.raises(PromptError) as caught:
        render.render("one", demonstrations=[Record(instruction="x")])
    assert (caught.value.file, caught.value.line) == (tmp_path / "one.j2", 3)
    assert caught.value.hint is not None
    assert "did you mean 'instruction'" in caught.value.hint


def test_a_wrong_variable_in_an_included_template_names_that_template(tmp_path: Path) -> None:
    render = renderer(tmp_path, one="{% include 'two' %}", two="\n{{ nothing }}")
    with pytest.raises(PromptError) as caught:
        render.render("one", something=1)
    assert (caught.value.file, caught.value.line) == (tmp_path / "two.j2", 2)
    assert "'nothing'" in caught.value.message


def test_a_guarded_variable_is_optional(tmp_path: Path) -> None:
    render = renderer(tmp_path, one="{% if topic is defined %}{{ topic }}{% endif %}{{ tone | default('plain') }}")
    assert render.render("one") == "plain"
    assert render.render("one", topic="sea", tone="dry") == "seadry"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("ok\n{% for x in %}", "does not parse"),
        ("ok\n{{ 1 / 0 }}", "ZeroDivisionError"),
        ("ok\n{{ ''.__class__.__mro__ }}", "SecurityError"),
        ("ok\n{{ value.append(1) }}", "SecurityError"),
    ],
)
def test_a_broken_template_names_its_line(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(PromptError, match=what) as caught:
        renderer(tmp_path, one=text).render("one", value=[])
    assert (Path(str(caught.value.file)), caught.value.line) == (tmp_path / "one.j2", 2)


@pytest.mark.parametrize("tag", ["{% include '@' %}", "{% extends '@' %}", "{% import '@' as x %}"])
@pytest.mark.parametrize("way", ["up", "absolute", "link", "link to a folder", "by way of the shipped ones"])
def test_a_template_reads_nothing_outside_the_configs_folder(tmp_path: Path, tag: str, way: str) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "project"
    outside.mkdir()
    inside.mkdir()
    (outside / "notes.j2").write_text("SECRET")
    (inside / "link.j2").symlink_to(outside / "notes.j2")
    (inside / "folder").symlink_to(outside)
    name = {
        "up": "../outside/notes.j2",
        "absolute": str(outside / "notes.j2"),
        "link": "link",
        "link to a folder": "folder/notes",
        "by way of the shipped ones": "../synthgen/errors.py",
    }[way]
    render = renderer(inside, one=tag.replace("@", name), late="{% include what %}")
    for attempt in (lambda: render.check("one"), lambda: render.render("one"), lambda: render.check(name)):
        with pytest.raises(PromptError) as caught:
            attempt()
        assert "outside" in str(caught.value) or way == "by way of the shipped ones"
    with pytest.raises(PromptError):
        render.render("late", what=name)


def test_templates_within_the_folder_and_shipped_ones_name_each_other(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "end.j2").write_text("end")
    (tmp_path / "near.j2").symlink_to(tmp_path / "parts" / "end.j2")
    text = "{% include 'parts/end' %}{% include 'near' %}{% include './parts/../two' %}"
    render = renderer(tmp_path, one=text, two="2")
    assert render.render("one") == "endend2"
    assert sorted(path.name for path in render.check("one")) == ["end.j2", "near.j2", "one.j2", "two.j2"]
    assert Renderer(tmp_path).check("alpaca/tasks")


def test_a_check_finds_what_is_wrong_in_a_template_that_is_named(tmp_path: Path) -> None:
    render = renderer(tmp_path, one="{% include 'two' %}", two="\n{{ x | nosuchfilter }}")
    with pytest.raises(PromptError, match="nosuchfilter") as caught:
        render.check("one")
    assert (Path(str(caught.value.file)), caught.value.line) == (tmp_path / "two.j2", 2)
    deep = renderer(tmp_path, deep="{{ " + "(" * 20_000 + ")" * 20_000 + " }}")
    with pytest.raises(PromptError, match=r"too deep|does not parse"):
        deep.check("deep")


def test_a_record_gives_a_template_no_methods(tmp_path: Path) -> None:
    render = renderer(tmp_path, one="{{ record.parse_raw('{}') }}")
    with pytest.raises(PromptError, match="parse_raw"):
        render.render("one", record=Record(instruction="x"))


def test_a_template_that_is_no_text_is_a_prompt_error(tmp_path: Path) -> None:
    (tmp_path / "one.j2").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PromptError, match="cannot read"):
        Renderer(tmp_path).render("one")


def test_a_missing_template_is_a_prompt_error() -> None:
    with pytest.raises(PromptError, match="there is no prompt"):
        Renderer().render("alpaca/taks")


def test_hashes_cover_every_text_that_was_read(tmp_path: Path) -> None:
    render = renderer(tmp_path, one="{% include 'two' %}", two="x", three="y")
    render.render("one")
    assert render.hashes == {
        "one": hashlib.sha256(b"{% include 'two' %}").hexdigest(),
        "two": hashlib.sha256(b"x").hexdigest(),
    }


def test_a_template_is_read_once(tmp_path: Path) -> None:
    render = renderer(tmp_path, one="first")
    assert render.render("one") == "first"
    (tmp_path / "one.j2").write_text("second")
    assert render.render("one") == "first"
