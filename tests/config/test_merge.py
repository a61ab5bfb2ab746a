from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synthgen import assets
from synthgen.config.document import Place, parse_document
from synthgen.config.merge import label, over, override, read_config
from synthgen.errors import ConfigError

BASE = """\
name: base
target: 100
teacher: {use: procedural, flaws: 0.5}
budget: {requests: 10, tokens: 20}
stages:
  - use: length
    min_words: 4
  - use: near_duplicate
  - use: length
    max_words: 9
  - use: ./filters.py:max_links
  - {use: empty, name: late}
"""


def write(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder / "mine.yaml"


def test_mappings_are_merged_and_lists_replaced(tmp_path: Path) -> None:
    mine = "extends: base.yaml\ntarget: 7\nbudget: {tokens: 5}\nteacher: {flaws: 0}\nstages: [{use: empty}]\n"
    document = read_config(write(tmp_path, base=BASE, mine=mine))
    assert document.data == {
        "target": 7,
        "budget": {"requests": 10, "tokens": 5},
        "teacher": {"use": "procedural", "flaws": 0},
        "stages": [{"use": "empty"}],
    }


def test_every_key_keeps_the_place_it_was_written_at(tmp_path: Path) -> None:
    mine = "extends: base.yaml\nbudget: {tokens: 5}\nstages:\n  - use: empty\n"
    document = read_config(write(tmp_path, base=BASE, mine=mine))
    base, own = str(tmp_path / "base.yaml"), str(tmp_path / "mine.yaml")
    assert document.place(("target",)) == Place(base, 2)
    assert document.place(("budget", "requests")) == Place(base, 4)
    assert document.place(("budget", "tokens")) == Place(own, 2)
    assert document.place(("stages", 0, "min_words")) == Place(own, 4)


def test_another_part_takes_none_of_the_settings_of_the_one_it_replaces(tmp_path: Path) -> None:
    mine = "extends: base\nteacher: {use: openai, model: m}\n"
    (tmp_path / "base.yaml").write_text(BASE)
    assert read_config(write(tmp_path, mine=mine)).data["teacher"] == {"use": "openai", "model": "m"}


def test_a_config_may_have_the_name_of_the_recipe_that_it_extends(tmp_path: Path) -> None:
    recipe = assets.names("recipes")[0]
    path = tmp_path / f"{recipe}.yaml"
    path.write_text(f"extends: {recipe}\ntarget: 3\n")
    document = read_config(path)
    assert document.data["target"] == 3
    assert document.data["stages"]
    assert "name" not in document.data


def test_a_chain_of_three(tmp_path: Path) -> None:
    path = write(tmp_path, base=BASE, middle="extends: base\ntarget: 5\nseed: 1", mine="extends: middle\nseed: 2")
    data = read_config(path).data
    assert (data["target"], data["seed"], data["budget"]["tokens"]) == (5, 2, 20)


@pytest.mark.parametrize(
    ("mine", "words"),
    [
        ("extends: mine", "extends this config"),
        ("extends: circle", "extends this config"),
        ("extends: bases.yaml", "did you mean 'base.yaml'"),
        ("extends: 3", "expected a recipe's name"),
        ("extends: alpacca", "did you mean 'alpaca'"),
    ],
)
def test_what_cannot_be_extended(tmp_path: Path, mine: str, words: str) -> None:
    path = write(tmp_path, base=BASE, mine=mine, circle="extends: mine")
    with pytest.raises(ConfigError, match=words) as caught:
        read_config(path)
    assert (caught.value.line, caught.value.key) == (1, "extends")


def overridden(*settings: str) -> dict[str, Any]:
    return override(parse_document(BASE, "base.yaml"), settings).data


def test_settings_of_the_command_line_go_over_the_config() -> None:
    data = overridden("target=5", "budget.tokens=1e3", "stop.attempts=2", "export=[alpaca]")
    assert (data["target"], data["budget"]) == (5, {"requests": 10, "tokens": 1000.0})
    assert (data["stop"], data["export"]) == ({"attempts": 2}, ["alpaca"])


@pytest.mark.parametrize(
    ("setting", "index"),
    [("stages.1.x=1", 1), ("stages.near_duplicate.x=1", 1), ("stages.max_links.x=1", 3), ("stages.late.x=1", 4)],
)
def test_an_item_of_a_list_is_named_by_index_name_or_use(setting: str, index: int) -> None:
    assert overridden(setting)["stages"][index]["x"] == 1


def test_the_config_itself_stays_as_it_was() -> None:
    document = parse_document(BASE, "base.yaml")
    override(document, ["budget.tokens=1"])
    assert document.data["budget"]["tokens"] == 20


def test_another_use_clears_the_settings_whatever_the_order() -> None:
    settings = ["teacher.base_url=http://x/v1", "teacher.use=openai", "teacher.model=m"]
    assert overridden(*settings)["teacher"] == {"use": "openai", "base_url": "http://x/v1", "model": "m"}
    assert overridden("teacher.use=procedural")["teacher"] == {"use": "procedural", "flaws": 0.5}


def test_an_overridden_key_has_the_option_as_its_place() -> None:
    document = override(parse_document(BASE, "base.yaml"), ["budget.tokens=1", "stop.attempts=3"])
    assert document.place(("budget", "tokens")) == Place("--set budget.tokens")
    assert document.place(("budget", "requests")) == Place("base.yaml", 4)
    assert document.place(("stop",)) == Place("--set stop.attempts")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("target", "found no key=value"),
        ("=3", "found no key=value"),
        ("a..b=3", "found no key=value"),
        ("stages.9.x=1", "has 5 items"),
        ("stages.length.x=1", r"2 items of stages are called 'length'(.|\n)*0, 2"),
        ("stages.near_duplicat.x=1", "did you mean 'near_duplicate'"),
        ("target.x=1", "target holds no further keys"),
        ("target=[1", "not valid YAML"),
        ("extends=alpaca", "write it in the file"),
    ],
)
def test_settings_that_lead_nowhere(setting: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        overridden(setting)
    assert (str(caught.value.file), caught.value.line) == (f"--set {setting.partition('=')[0]}".strip(), None)


@pytest.mark.parametrize(
    "setting",
    [
        "teacher.headers.X-Team: hunter2",
        "teacher.headers={X-Team: hunter2",
        "teacher.headers={X-Team: *hunter2}",
        "teacher.headers={X-Team: !hunter2 x}",
        "teacher.headers={X-Team: !!int hunter2}",
        "teacher..key=hunter2",
        "target.key=hunter2",
        "hunter2/x",
    ],
)
def test_a_wrong_setting_is_named_without_its_value(setting: str) -> None:
    with pytest.raises(ConfigError, match="--set") as caught:
        overridden(setting)
    told = f"{caught.value} {caught.value!r} {caught.value.__cause__}"
    assert "hunter2" not in told or setting.startswith("hunter2")


def test_labels() -> None:
    assert label({"use": "package.module:Thing"}) == "Thing"
    assert label({"use": "x:a.b", "name": "mine"}) == "mine"
    assert label("length") == ""


def test_over_replaces_where_either_is_no_mapping() -> None:
    new, old = parse_document("a: {b: 1}\nc: 2", "n"), parse_document("a: 5\nc: {d: 3}\ne: 4", "o")
    merged = over(new, old)
    assert merged.data == {"a": {"b": 1}, "c": 2, "e": 4}
    assert merged.place(("c", "d")) == Place("n", 2)
