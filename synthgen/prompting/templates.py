"""Prompt templates: Jinja in a sandbox, compiled once, every variable checked before anything is rendered."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthgen import assets
from synthgen.errors import PromptError
from synthgen.records import Record
from synthgen.text import nearest

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.nodes import Template as Tree

SHOWN = (
    "id",
    "instruction",
    "input",
    "output",
    "system",
    "reasoning",
    "task_type",
    "is_classification",
    "language",
    "scores",
)
"""The fields of a record that a template sees, as a plain dict: the methods of an object would be callable from the
template, and pydantic's inherited `parse_raw` can unpickle."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    template: Template
    path: Path
    needs: Mapping[str, int]  # variable: the line that names it first


class Renderer:
    """Renders the templates beside the config, or the shipped ones. `base` is the config's folder.

    `hashes` has the SHA-256 (hex) of every template text that was read, by name, included ones too.
    """

    def __init__(self, base: Path | None = None) -> None:
        from jinja2 import FunctionLoader, StrictUndefined
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        self.base = base
        self.hashes: dict[str, str] = {}
        self._compiled: dict[str, _Compiled] = {}
        self._files: set[str] = set()
        # No autoescape: a prompt is text, not a web page.
        self._environment = ImmutableSandboxedEnvironment(
            loader=FunctionLoader(self._load),
            undefined=StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        # Jinja's own `tojson` writes <, >, & and ' as escapes for web pages, which a model would imitate.
        self._environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)

    def render(self, name: str, **variables: Any) -> str:
        """The prompt's text. Records (also in lists) are shown to the template as plain dicts.

        Raises:
            PromptError: the template is missing, does not parse, raises, or names a variable that does not exist.
        """
        compiled = self._compiled.get(name) or self._compile(name)
        for variable, first_line in compiled.needs.items():
            if variable not in variables:
                raise _no_such(variable, "variable", variables, compiled.path, first_line)
        from jinja2 import UndefinedError

        try:
            return compiled.template.render({key: _plain(value) for key, value in variables.items()})
        except UndefinedError as error:
            file, line = self._place(error, compiled)
            attribute = re.search(r"has no (?:attribute|element) '?([^']+)'?", str(error))
            missing = re.search(r"'([^']+)' is undefined", str(error))
            if attribute:
                fields = _keys(_plain(value) for value in variables.values())
                raise _no_such(attribute[1], "field", fields, file, line) from error
            raise _no_such(missing[1] if missing else str(error), "variable", variables, file, line) from error
        except PromptError:
            raise
        except Exception as error:
            file, line = self._place(error, compiled)
            raise PromptError(
                f"the template raised {type(error).__name__}: {error}",
                file=file,
                line=line,
                hint="fix the template; it runs in a sandbox that allows no attribute starting with an underscore",
            ) from error

    def check(self, name: str) -> list[Path]:
        """The files of a template and of all that it names: `include`, `extends`, `import`, `from`.

        Names that are only known when it is rendered are left out.

        Raises:
            PromptError: one is missing, lies outside, or does not parse.
        """
        from jinja2 import meta

        files: list[Path] = []
        waiting, seen = [name], {name}
        while waiting:
            text, path, _ = self._load(waiting.pop())
            files.append(Path(path))
            with _parsing(path):
                tree = self._environment.parse(text, filename=path)
                self._environment.compile(tree, filename=path)
            for named in meta.find_referenced_templates(tree):
                if named is not None and named not in seen:
                    seen.add(named)
                    waiting.append(named)
        return files

    def files_of(self, name: str) -> dict[str, Path]:
        """The files that the template is made of, by name: its own, and all that it includes, extends or imports.

        Where a name is computed, any template beside the config may be meant. Empty if there is no such template.
        """
        from jinja2 import TemplateSyntaxError, meta

        files: dict[str, Path] = {}
        waiting = [name]
        while waiting:
            found = waiting.pop()
            try:
                path = assets.find("prompts", found, self.base)
                if found in files:
                    continue
                files[found] = path
                named = meta.find_referenced_templates(self._environment.parse(path.read_text(encoding="utf-8")))
            except (PromptError, TemplateSyntaxError, OSError, ValueError, RecursionError):
                continue  # no template's name, or one that says what is wrong with it when it is rendered
            for other in named:
                waiting += self._own() if other is None else [other]
        return files

    def _own(self) -> list[str]:
        folders = [] if self.base is None else [self.base, self.base / "prompts"]
        return [path.relative_to(root).as_posix() for root in folders for path in sorted(root.glob("**/*.j2"))]

    def _load(self, name: str) -> tuple[str, str, None]:
        path = assets.find("prompts", name, self.base)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PromptError(
                f"cannot read the template: {error}", file=path, hint="a template is a UTF-8 text file"
            ) from error
        self.hashes[name] = hashlib.sha256(text.encode()).hexdigest()
        self._files.add(str(path))
        return text, str(path), None

    def _compile(self, name: str) -> _Compiled:
        text, path, _ = self._load(name)
        with _parsing(path):
            needs = self._needs(self._environment.parse(text, name, path))
            template = self._environment.get_template(name)
        compiled = self._compiled[name] = _Compiled(template, Path(path), needs)
        return compiled

    def _needs(self, tree: Tree) -> dict[str, int]:
        """Variables that a caller must give, with the line of the first use; those guarded as optional are left out."""
        from jinja2 import meta, nodes

        optional = {
            guard.node.name
            for guard in tree.find_all((nodes.Test, nodes.Filter))
            if guard.name in ("defined", "undefined", "default", "d") and isinstance(guard.node, nodes.Name)
        }
        needed = meta.find_undeclared_variables(tree) - optional - self._environment.globals.keys()
        lines: dict[str, int] = {}
        for found in tree.find_all(nodes.Name):
            if found.name in needed:
                lines.setdefault(found.name, found.lineno)
        return lines

    def _place(self, error: BaseException, compiled: _Compiled) -> tuple[Path, int | None]:
        """The template file and line where the error arose; Jinja puts them into the traceback."""
        file, line = compiled.path, None
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename in self._files:
                file, line = Path(trace.tb_frame.f_code.co_filename), trace.tb_lineno
            trace = trace.tb_next
        return file, line


@contextmanager
def _parsing(path: str) -> Iterator[None]:
    """Tells what is wrong with a template that does not parse."""
    from jinja2 import TemplateSyntaxError

    try:
        yield
    except TemplateSyntaxError as error:
        raise PromptError(
            f"the template does not parse: {error.message}",
            file=error.filename or path,
            line=error.lineno,
            hint="see https://jinja.palletsprojects.com/templates/",
        ) from error
    except RecursionError:
        raise PromptError("the template is nested too deep", file=path, hint="check its brackets") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return {name: getattr(value, name) for name in SHOWN}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _keys(values: Iterable[Any]) -> set[str]:
    """The keys of all mappings among the values and in their lists."""
    keys: set[str] = set()
    for value in values:
        if isinstance(value, Mapping):
            keys.update(map(str, value))
        elif isinstance(value, list):
            keys |= _keys(value)
    return keys


def _no_such(name: str, what: str, known: Iterable[str], file: Path, line: int | None) -> PromptError:
    names = sorted(known)
    near = nearest(name, names)
    hint = f"did you mean {near!r}? " if near else ""
    listed = ", ".join(names) or "none"
    return PromptError(
        f"the template names the {what} {name!r}, which does not exist",
        file=file,
        line=line,
        hint=f"{hint}these exist: {listed}",
    )
