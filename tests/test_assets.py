from __future__ import annotations

from pathlib import Path

import pytest

from synthgen import assets
from synthgen.errors import ConfigError, PromptError, SeedError


def test_a_shipped_prompt_is_found_by_its_short_name() -> None:
    path = assets.find("prompts", "alpaca/tasks")
    assert path.name == "tasks.j2"
    assert path == assets.find("prompts", "alpaca/tasks.j2")


def test_names_are_what_find_takes() -> None:
    for kind in ("prompts", "seeds", "recipes"):
        shipped = assets.names(kind)
        assert shipped == sorted(shipped)
        for name in shipped:
            assert assets.find(kind, name).is_file()
    assert "alpaca/tasks" in assets.names("prompts")
    assert "quickstart" in assets.names("recipes")


@pytest.mark.parametrize("place", ["alpaca/tasks.j2", "prompts/alpaca/tasks.j2"])
def test_a_file_beside_the_config_comes_before_the_shipped_one(tmp_path: Path, place: str) -> None:
    own = tmp_path / place
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    assert assets.find("prompts", "alpaca/tasks", tmp_path) == own


def test_a_path_beside_the_config_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("mine")
    assert assets.find("prompts", "./words.txt", tmp_path).read_text() == "mine"
    assert assets.find("prompts", str(tmp_path / "words.txt"), tmp_path).read_text() == "mine"
    assert assets.find("seeds", str(tmp_path / "words.txt")).read_text() == "mine"


@pytest.mark.parametrize(
    ("kind", "name", "error", "near"),
    [
        ("prompts", "alpaca/task", PromptError, "alpaca/tasks"),
        ("recipes", "quikstart", ConfigError, "quickstart"),
    ],
)
def test_a_wrong_name_gets_the_nearest_right_one(kind: assets.Kind, name: str, error: type, near: str) -> None:
    with pytest.raises(error) as caught:
        assets.find(kind, name)
    assert f"did you mean {near!r}" in str(caught.value)


def test_the_nearest_name_may_be_a_file_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "my_seeds.jsonl").touch()
    with pytest.raises(SeedError, match=r"did you mean 'my_seeds\.jsonl'"):
        assets.find("seeds", "my_seed", tmp_path)


def test_a_name_like_no_other_gets_the_list() -> None:
    with pytest.raises(ConfigError, match="quickstart") as caught:
        assets.find("recipes", "zzzzzzzz")
    assert "did you mean" not in str(caught.value)


def test_the_wheel_is_looked_at_before_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "synthgen"
    (package / "_assets" / "prompts").mkdir(parents=True)
    (package / "_assets" / "prompts" / "one.j2").write_text("wheel")
    (tmp_path / "site-packages" / "prompts").mkdir()
    (tmp_path / "site-packages" / "prompts" / "one.j2").write_text("another package")
    monkeypatch.setattr(assets, "__file__", str(package / "assets.py"))
    assets.folder.cache_clear()
    try:
        assert assets.find("prompts", "one").read_text() == "wheel"
        assert assets.names("prompts") == ["one"]
    finally:
        monkeypatch.undo()
        assets.folder.cache_clear()
