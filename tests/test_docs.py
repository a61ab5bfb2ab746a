"""README and docs say what is true: every fenced block is executed, in order, as a reader would."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from forks import Forks

ROOT = Path(__file__).parents[1]
OWN_TESTS = {"run_folder.md": "store/test_run_folder_docs.py"}
"""Pages whose blocks need a run of their own, and the tests that execute them."""

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^(<!-- test: (?P<note>.*?) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S)
FILE = re.compile(r"(?:# (?P<py>[\w/]+\.py)|\{# (?P<jinja>[\w/]+\.jinja) #\})\n")
NOT_HERE = ("make ", "pip install", "export ", "vllm serve", "docker ")
"""Commands that the test environment is itself made by, or that need what it has not."""


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    note: str
    line: int


def blocks(document: Path) -> list[Block]:
    """The fenced blocks; a comment before one, `<!-- test: not run, … -->`, says why it is not executed."""
    text = document.read_text(encoding="utf-8")
    return [
        Block(m["language"], m["text"], m["note"] or "", text[: m.start()].count("\n") + 1)
        for m in FENCE.finditer(text)
    ]


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reader's folder, with the files that the documents speak of."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (tmp_path / "config.yaml").write_text("extends: quickstart\nname: mine\ntarget: 30\n")
    rows = [f'{{"instruction": "Name {n} animals of the sea.", "input": "", "output": "fish"}}' for n in range(5)]
    seed = '{"id": "sea_1", "instruction": "Name a sea of the north.", "input": "", "output": "The Baltic Sea."}\n'
    (tmp_path / "seeds.jsonl").write_text(seed)
    for name in ("my_rows.jsonl", "rows.jsonl"):
        (tmp_path / name).write_text("\n".join(rows) + "\n")
    return tmp_path


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as process:
        yield process


def run_shell(text: str, folder: Path, forks: Forks) -> None:
    """Runs the `synthgen` commands of a block; `make quickstart` is what it makes, less the installation."""
    for line in text.splitlines():
        line = re.split(r"\s+#\s", line)[0].strip()
        for command in filter(None, (part.strip() for part in line.split("&&"))):
            command = "synthgen run quickstart" if command == "make quickstart" else command
            if command.startswith(NOT_HERE) or command.startswith("#"):
                continue
            words = shlex.split(command)
            if words[0] == "cd":
                folder = folder / words[1]
                continue
            assert words[0] in ("synthgen", "python"), f"a command that no test runs: {command}"
            if words[0] == "synthgen":
                done = forks.run(words[1:], folder)
            else:
                command_line = [sys.executable, *words[1:]]
                done = subprocess.run(command_line, cwd=folder, capture_output=True, text=True, timeout=120)
            known = done.returncode == 0 or (words[1] == "explain" and "no record with" in done.stdout + done.stderr)
            assert known, f"{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}"


def run_yaml(text: str, folder: Path, number: int, forks: Forks) -> None:
    """Loads a config; a whole one (with a name) is also run, a fragment laid over the quickstart.

    A loop is loaded alone: the page runs it.
    """
    from synthgen.config import load
    from synthgen.loop import recipe as loop_recipe

    value = yaml.safe_load(text)
    name = value.get("name", f"block_{number}")
    if "held_out" in value:
        (folder / f"{name}.yaml").write_text(text)
        loop_recipe.load(folder / f"{name}.yaml")
        return
    if "source" not in value and "extends" not in value:
        text = f"extends: quickstart\n{text}"
    path = folder / f"{name}.yaml"
    path.write_text(text)
    if "path: …" in text:
        return
    load(path)
    if "name" in value:
        done = forks.run(["run", str(path)], folder)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("document", [d for d in DOCUMENTS if d.name not in OWN_TESTS], ids=lambda p: p.name)
def test_every_block_runs(document: Path, reader: Path, forks: Forks) -> None:
    folder = reader
    names: dict[str, object] = {"__name__": "documentation"}
    todo = [block for block in blocks(document) if not block.note.startswith("not run")]
    for block in todo:
        file = FILE.match(block.text)
        target = file["py"] or file["jinja"] if file else "filters.py" if "def max_links" in block.text else None
        if block.language in ("python", "jinja") and target:
            (folder / target).write_text(block.text)
    for number, block in enumerate(todo):
        try:
            if block.language == "sh":
                run_shell(block.text, folder, forks)
            elif block.language == "python":
                place = f"{document.name}:{block.line}"
                exec(compile(block.text, place, "exec", dont_inherit=True), names)
            elif block.language in ("yaml", "yml"):
                run_yaml(block.text, folder, number, forks)
            elif block.language == "toml":
                tomllib.loads(block.text)
            else:
                assert block.language in ("text", "json", "jinja", "jinja2", ""), f"who runs {block.language}?"
        except Exception as error:
            raise AssertionError(f"{document.name}:{block.line}: {error}") from error


def test_pages_that_are_left_out_here_are_executed_elsewhere() -> None:
    for page, test in OWN_TESTS.items():
        assert page in (Path(__file__).parent / test).read_text(encoding="utf-8")


def test_every_link_between_documents_leads_somewhere() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_the_readme_shows_what_init_writes() -> None:
    project = ROOT / "synthgen" / "cli" / "project"
    shown = blocks(ROOT / "README.md")
    config = next(yaml.safe_load(b.text) for b in shown if b.language == "yaml" and "name: my_project" in b.text)
    assert config == yaml.safe_load((project / "config.yaml").read_text(encoding="utf-8"))
    function = next(b.text for b in shown if "def max_links" in b.text)
    assert function.partition("\n\n\n")[2] in (project / "filters.py").read_text(encoding="utf-8")
