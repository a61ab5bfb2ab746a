from __future__ import annotations

import sys
from pathlib import Path

import pytest

from synthgen.errors import ConfigError, PluginError
from synthgen.filters.wording import length
from synthgen.plugins import Finder, known

STAGES = ("stage", "filter")

FILTERS = """\
from functools import partial

def keep(record, *, limit: int = 2):
    return None

async def slow(record):
    return None

class Stateful:
    ordered = True
    def __call__(self, record):
        return None

class Deep:
    class Inner:
        def __call__(self, record):
            return None

class Nothing:
    pass

class Stage:
    ordered = False
    async def run(self, records, ctx):
        return records

class NotAsync:
    ordered = False
    def run(self, records, ctx):
        return records

class Teacher:
    async def complete(self, request): ...

made = partial(keep, limit=3)
number = 5
_hidden = keep
"""


@pytest.fixture
def finder(tmp_path: Path) -> Finder:
    (tmp_path / "filters.py").write_text(FILTERS)
    return Finder(tmp_path)


def test_a_built_in(finder: Finder) -> None:
    assert finder.find("length", STAGES).part is length


@pytest.mark.parametrize(
    ("name", "kind"),
    [("keep", "filter"), ("Stateful", "filter"), ("Deep.Inner", "filter"), ("Stage", "stage"), ("made", "filter")],
)
def test_a_name_in_a_file_beside_the_config(finder: Finder, tmp_path: Path, name: str, kind: str) -> None:
    found = finder.find(f"./filters.py:{name}", STAGES)
    assert (found.kind, found.label, found.file) == (kind, name.rpartition(".")[2], tmp_path / "filters.py")


@pytest.mark.parametrize("use", ["filters.py:keep", "sub/more.py:keep", "../{}/filters.py:keep", "{}/filters.py:keep"])
def test_paths_of_every_sort(finder: Finder, tmp_path: Path, use: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "more.py").write_text(FILTERS)
    folder = tmp_path if use.startswith("{}") else tmp_path.name
    assert finder.find(use.format(folder), STAGES).label == "keep"


def test_a_file_is_read_once_and_anew_by_the_next_finder(finder: Finder, tmp_path: Path) -> None:
    first = finder.find("./filters.py:keep", STAGES).part
    assert finder.find("./filters.py:keep", STAGES).part is first
    (tmp_path / "filters.py").write_text("def keep(record): return 'no'")
    assert Finder(tmp_path).find("./filters.py:keep", STAGES).part(None) == "no"


def test_a_file_may_import_its_neighbours_and_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "words_of_mine.py").write_text("LIMIT = 7")
    (tmp_path / "json.py").write_text("raise RuntimeError('the standard library is hidden')")
    (tmp_path / "f.py").write_text("import json, words_of_mine\ndef f(record): return words_of_mine.LIMIT")
    assert Finder(tmp_path).find("./f.py:f", STAGES).part(None) == 7


def test_two_files_of_one_name_are_two_modules(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "f.py").write_text(f"def f(record): return {folder!r}")
    finder = Finder(tmp_path)
    assert [finder.find(f"./{name}/f.py:f", STAGES).part(None) for name in "ab"] == ["a", "b"]


def test_a_dataclass_in_a_file_finds_its_own_module(tmp_path: Path) -> None:
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    text += "@dataclass\nclass F:\n    limit: int = 3\n    def __call__(self, record): return self.limit\n"
    (tmp_path / "f.py").write_text(text)
    assert Finder(tmp_path).find("./f.py:F", STAGES).part()(None) == 3


def test_a_name_in_an_installed_module(finder: Finder) -> None:
    assert finder.find("synthgen.filters.wording:length", STAGES).part is length


@pytest.mark.parametrize(
    ("use", "words"),
    [
        ("lenght", "there is no stage or filter 'lenght'\n  → did you mean 'length'"),
        ("procedural", "'procedural' is a teacher, but a stage or filter belongs here"),
        ("synthgen.filters.wording", "package.module:name"),
        ("./filters.py", "add the name of a function or class: ./filters.py:name"),
        ("./filters.py:kep", "defines no 'kep'\n  → did you mean 'keep'"),
        ("./filters.py:zzz", "it defines: Deep, NotAsync, Nothing, Stage, Stateful, Teacher, keep, slow"),
        ("./filter.py:keep", "there is no file .*/filter.py\n  → did you mean 'filters.py'"),
        ("no_such_package.x:y", "there is no module 'no_such_package'"),
        ("synthgen.no_such:y", "there is no module 'synthgen.no_such'"),
        ("synthgen.text:nothing_at_all", "synthgen.text defines no 'nothing_at_all'"),
        ("./filters.py:slow", "is an async filter"),
        ("./filters.py:Nothing", "is the class Nothing, which is no stage or filter"),
        ("./filters.py:number", "is a int, which is no stage or filter"),
        ("./filters.py:Teacher", "is a teacher, but a stage or filter belongs here"),
        ("./filters.py:NotAsync", "is a stage whose `run` is not async"),
    ],
)
def test_what_cannot_be_used_is_said_with_the_next_step(finder: Finder, use: str, words: str) -> None:
    with pytest.raises(PluginError, match=words):
        finder.find(use, STAGES)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("def f(record:\n    pass", 1, "is no valid Python"),
        ("x = 1\nraise ValueError('broken')", 2, "ValueError: broken"),
        ("import nothing_of_the_kind", 1, "install what provides 'nothing_of_the_kind'"),
    ],
)
def test_a_file_that_does_not_import_is_an_error_with_its_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    (tmp_path / "f.py").write_text(text)
    with pytest.raises(PluginError, match=words) as caught:
        Finder(tmp_path).find("./f.py:f", STAGES)
    assert (str(caught.value.file), caught.value.line) == (str(tmp_path / "f.py"), line)


def test_an_error_that_a_file_raises_on_purpose_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text("from synthgen import ConfigError\nraise ConfigError('set SOME_KEY first')")
    with pytest.raises(ConfigError, match=r"^set SOME_KEY first$"):
        Finder(tmp_path).find("./f.py:f", STAGES)


def test_known_names_are_those_of_the_kinds_asked_for() -> None:
    assert {"length", "generate"} <= set(known(STAGES))
    assert "procedural" not in known(STAGES)


def test_two_projects_in_one_process_each_import_their_own_neighbours(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two", "one"):
        folder = tmp_path / name
        (folder / "parts").mkdir(parents=True, exist_ok=True)
        (folder / "limits.py").write_text(f"MOST = {name!r}\n")
        (folder / "parts/__init__.py").write_text(f"WORD = {name!r}\n")
        (folder / "filters.py").write_text(
            "import limits, parts\n\ndef keep(record):\n    return limits.MOST + parts.WORD\n"
        )
        found.append(Finder(folder).find("./filters.py:keep", ("filter",)).part(None))
    assert found == ["oneone", "twotwo", "oneone"]
