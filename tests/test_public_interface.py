"""`synthgen`: what is public, and how little it loads."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import synthgen

HEAVY = ("openai", "numpy", "pyarrow", "datasets", "pandas", "torch", "jinja2", "rich", "pydantic", "typer", "yaml")
"""What `import synthgen` loads none of."""

NOT_FOR_HELP = tuple(name for name in HEAVY if name != "typer")
NOT_FOR_CONFIG = ("openai", "datasets", "pandas", "torch", "rich", "genai_prices", "rapidfuzz")
"""What a config without such parts is read without."""

PAGE = Path(__file__).parents[1] / "docs" / "python.md"


def documented() -> list[str]:
    """The names in the table of the page on Python."""
    table = PAGE.read_text(encoding="utf-8").partition("## All names")[2]
    return sorted(name for name in re.findall(r"`(\w+)`", table))


PUBLIC = documented()


def test_the_interface_is_closed() -> None:
    assert len(PUBLIC) > 50
    assert sorted(synthgen.__all__) == sorted(set(PUBLIC))
    assert dir(synthgen) == sorted(synthgen.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = synthgen.nothing


@pytest.mark.parametrize("name", sorted(set(PUBLIC)))
def test_every_name_is_there(name: str) -> None:
    assert getattr(synthgen, name) is not None


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(synthgen.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert all(alias.name == alias.asname for node in imports for alias in node.names)
    seen = {alias.name: node.module for node in imports for alias in node.names}
    assert seen == {name: f"synthgen.{module}" for name, module in synthgen._MODULES.items()}


def loaded(code: str, modules: tuple[str, ...]) -> list[str]:
    """Which of the modules a fresh interpreter has loaded after the code."""
    script = f"import sys\n{code}\nprint(*(m for m in {modules!r} if m in sys.modules), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.split()


def test_import_synthgen_loads_nothing_heavy() -> None:
    assert loaded("import synthgen", HEAVY) == []


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import io, contextlib\nfrom synthgen.cli import app\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    app(['--help'])"
    )
    assert loaded(code, NOT_FOR_HELP) == []


def test_a_config_loads_only_what_its_parts_need(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("source: {use: seeds}\nteacher: {use: procedural}\nstages: [{use: length, min_words: 3}]\n")
    assert loaded(f"import synthgen; synthgen.load({str(path)!r})", NOT_FOR_CONFIG) == []


def test_every_module_can_be_the_first_one() -> None:
    """What a command needs is imported when it runs, so that any module may come first: cycles would end it."""
    root = Path(synthgen.__file__).parent
    files = [file.relative_to(root.parent).with_suffix("") for file in sorted(root.rglob("*.py"))]
    modules = [".".join(file.parts).removesuffix(".__init__") for file in files if file.name != "__main__"]
    # in a fork each, of a process that has imported what they take from elsewhere
    script = """
import importlib, os, sys
for name in ("numpy", "pyarrow", "yaml", "jinja2", "pydantic", "rapidfuzz", "openai", "typer", "rich"):
    importlib.import_module(name)
for name in sys.argv[1:]:
    if child := os.fork():
        os.waitpid(child, 0)
        continue
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if str(error.name).startswith("synthgen"):
            print(name, error)
    except Exception as error:
        print(name, error)
    os._exit(sys.stdout.flush() or 0)
"""
    done = subprocess.run([sys.executable, "-c", script, *modules], capture_output=True, text=True, timeout=900)
    assert (done.stdout, done.returncode) == ("", 0), done.stderr
