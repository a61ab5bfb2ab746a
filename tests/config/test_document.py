from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.config.document import Place, dotted, parse_document, parse_value, read_document
from synthgen.errors import ConfigError


def data(text: str) -> dict[str, Any]:
    return parse_document(text, "c.yaml").data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2e-5", 2e-5),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-.inf", -math.inf),
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("y", "y"),
        ("true", True),
        ("FALSE", False),
        ("12:30", "12:30"),
        ("1:20:30", "1:20:30"),
        ("2026-01-01", "2026-01-01"),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("-7", -7),
        ("1_000", "1_000"),
        ("0b1", "0b1"),
        ("=", "="),
        ("~", None),
        ("null", None),
        ("", None),
        ("'5'", "5"),
        ('"true"', "true"),
        ("!!str 5", "5"),
    ],
)
def test_plain_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    found = data(f"a: {text}")["a"]
    assert found == value
    assert type(found) is type(value)


def test_nan_is_a_number() -> None:
    assert math.isnan(data("a: .nan")["a"])


def test_keys_are_texts_as_they_are_written() -> None:
    assert data("{50256: -100, on: 1, null: 2, 1.0: 3}") == {"50256": -100, "on": 1, "null": 2, "1.0": 3}


@pytest.mark.parametrize("digits", ["0x" + "f" * 5000, "9" * 5000, "-" + "9" * 5000, "0o" + "7" * 9000])
def test_a_number_of_thousands_of_digits_is_refused_with_its_line(digits: str) -> None:
    with pytest.raises(ConfigError, match=r"c.yaml:2: the value is no whole number, or too large"):
        parse_document(f"a: 1\nb: {digits}\n", "c.yaml")


TEXT = """\
# a comment
name: x
stages:
  - use: length
    min_words: 4
  - use: empty
sampling: &base
  temperature: 1
judge: {<<: *base, top_p: 0.5}
"""


def test_every_key_has_its_line() -> None:
    document = parse_document(TEXT, "c.yaml")
    lines = {dotted(key): place.line for key, place in document.places.items() if key}
    assert lines == {
        "name": 2,
        "stages": 3,
        "stages.0": 4,
        "stages.0.use": 4,
        "stages.0.min_words": 5,
        "stages.1": 6,
        "stages.1.use": 6,
        "sampling": 7,
        "sampling.temperature": 8,
        "judge": 9,
        "judge.temperature": 8,
        "judge.top_p": 9,
    }
    assert document.data["judge"] == {"temperature": 1, "top_p": 0.5}


def test_a_key_that_is_not_there_has_the_place_of_what_it_would_be_in() -> None:
    document = parse_document(TEXT, "c.yaml")
    assert document.place(("stages", 1, "words")) == Place("c.yaml", 6)
    assert document.place(("target",)) == Place("c.yaml", 2)


def test_a_key_of_its_own_goes_before_a_merged_one() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc: {<<: [*a, *b], y: 3}"
    assert data(text)["c"] == {"x": 1, "y": 3, "z": 2}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3", 3, "'a' stands here and in line 1"),
        ("a:\n  b: 1\n  b: 1", 3, "'b' stands here and in line 2"),
        ("a: [1, 2", 1, "not valid YAML"),
        ("a: 1\n\tb: 2", 2, "not valid YAML"),
        ("a: b: c", 1, "not valid YAML"),
        ("a: *nothing", 1, "undefined alias"),
        ("a: &x [*x]", 1, "holds itself"),
        ("a: &x {b: *x}", 1, "holds itself"),
        ("a: &x\n  <<: *x", 2, "takes a mapping"),
        ("a: {<<: 3}", 1, "takes a mapping"),
        ("a: 1\n---\nb: 2", 2, "another document"),
        ("? [1, 2]\n: 3", 1, "a key is a text"),
        ("x: !!python/object:os.system {}", 1, "!!python/object:os.system is not allowed"),
        ("x: !!python/name:os.system", 1, "is not allowed"),
        ("x: !!binary aGk=", 1, "!!binary is not allowed"),
        ("x: !!int abc", 1, "the value is no whole number"),
        ("- a\n- b", 1, "keys and values"),
        ("just text", 1, "keys and values"),
    ],
)
def test_broken_yaml_is_an_error_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        data(text)
    assert (caught.value.file, caught.value.line) == ("c.yaml", line)
    assert words in caught.value.message


def test_aliases_of_aliases_end_in_an_error_and_not_in_memory() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    with pytest.raises(ConfigError, match="more than 100,000 values"):
        data("\n".join(lines))
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}" for i in range(1, 12)]
    with pytest.raises(ConfigError, match="more than 100,000 values"):
        data("\n".join(lines))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"# nothing\n", "empty"), (b"a: 1\nb: \xff\n", "not UTF-8"), (b"a: \x00", "not valid YAML")],
)
def test_a_file_that_holds_no_config(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=words) as caught:
        read_document(path)
    assert str(caught.value.file) == str(path)
    if b"\xff" in content:
        assert caught.value.line == 2


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file") as caught:
        read_document(tmp_path / "none.yaml")
    assert "synthgen init" in str(caught.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_document(tmp_path)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"\xef\xbb\xbfname: x\n")
    assert read_document(tmp_path / "c.yaml").data == {"name": "x"}


def test_values_of_the_command_line() -> None:
    assert parse_value("0.8", "--set a=0.8") == 0.8
    assert parse_value("[a, b]", "--set") == ["a", "b"]
    assert parse_value("no", "--set") == "no"
    assert parse_value("", "--set") is None


# beyond U+FFFF, JSON's two escapes for one character are two characters in YAML
texts = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=("Cs",)), max_size=50)  # a key has at most 1,024
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(texts, below, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(texts, JSON, min_size=1, max_size=4))
def test_json_reads_as_itself(value: dict[str, Any]) -> None:
    assert data(json.dumps(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nname: " + "[" * 3000 + "]" * 3000,
        "a: 1\nname: " + "[" * 100_000,
        "a: 1\nname: " + "{a: " * 100_000,
        "a: 1\nname: " + "- " * 2000 + "x",
        "a: 1\nname:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 400)),
    ],
)
def test_what_is_nested_too_deep_is_one_message_with_its_line(text: str) -> None:
    with pytest.raises(ConfigError, match=r"levels deep|not valid YAML") as caught:
        data(text)
    assert caught.value.file == "c.yaml"
    assert caught.value.line in (2, 65, 66)


def test_as_many_levels_as_a_config_may_have_are_read() -> None:
    assert data("a: " + "[" * 60 + "]" * 60)["a"]
