from __future__ import annotations

import io
import random

import numpy as np
import pytest

from synthgen.errors import StoreError
from synthgen.similarity import NearDuplicateIndex, load, saved, vocabulary


def texts() -> list[str]:
    rng = random.Random(0)
    made = ["", "写诗。", "x\ud800", "a\0b", "Größe É", *(" ".join(rng.choices("abcdefgh", k=90)) for _ in range(5))]
    return made + [" ".join(rng.choices([f"w{i}" for i in range(30)], k=rng.randrange(1, 14))) for _ in range(150)]


@pytest.mark.parametrize(
    "settings",
    [{}, {"threshold": 0.55, "rule": "ge", "arithmetic": "compat", "tokenizer": "rouge"}],
)
@pytest.mark.parametrize("largest", [vocabulary.LARGEST, 7])
def test_what_is_loaded_answers_and_goes_on_as_what_was_saved(tmp_path, monkeypatch, settings, largest):
    if largest < vocabulary.LARGEST:
        monkeypatch.setattr(vocabulary, "LARGEST", largest)
        monkeypatch.setattr(vocabulary, "_FIRST_SURROGATE", 1)
    index = NearDuplicateIndex(**settings)
    for i, text in enumerate(texts()):
        index.check(text, f"k{i}\ud800")
    saved.save(index, tmp_path / "index.npz")
    again = load(tmp_path / "index.npz")
    assert again.settings == index.settings
    assert (again.texts, again.keys, again.tokens) == (index.texts, index.keys, index.tokens)
    more = [text.replace("w1", "w2") + " new" for text in texts()] + texts()
    assert [again.check(text) for text in more] == [index.check(text) for text in more]


def test_an_empty_index(tmp_path):
    saved.save(NearDuplicateIndex(), tmp_path / "index.npz")
    assert len(load(tmp_path / "index.npz")) == 0


def test_another_unicode_version_reads_the_texts_again(tmp_path, monkeypatch):
    index = NearDuplicateIndex()
    index.add("name three rivers in europe", "k")
    monkeypatch.setattr(saved.unicodedata, "unidata_version", "1.0")
    saved.save(index, tmp_path / "index.npz")
    monkeypatch.undo()
    again = load(tmp_path / "index.npz")
    assert again.query("name three rivers in europe") == index.query("name three rivers in europe")


def good_file(tmp_path) -> bytes:
    index = NearDuplicateIndex()
    for text in texts():
        index.check(text)
    saved.save(index, tmp_path / "good.npz")
    return (tmp_path / "good.npz").read_bytes()


def changed(tmp_path, **arrays) -> bytes:
    good_file(tmp_path)
    with np.load(tmp_path / "good.npz") as archive:
        parts = {**archive, **arrays}
    buffer = io.BytesIO()
    np.savez(buffer, **{name: part for name, part in parts.items() if part is not None})
    return buffer.getvalue()


def one_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        lambda _: b"",
        lambda _: b'{"instruction": "a"}\n',
        lambda _: one_array(),
        lambda path: good_file(path)[:-300],
        lambda path: (good := good_file(path))[: len(good) // 2] + b"?" + good[len(good) // 2 + 1 :],
        lambda path: changed(path, header=np.frombuffer(b'{"format": "x"}', dtype=np.uint8)),
        lambda path: changed(path, header=np.frombuffer(b"[]", dtype=np.uint8)),
        lambda path: changed(path, ids=None),
        lambda path: changed(path, ids=np.full(3, 7, dtype=np.uint32)),
        lambda path: changed(path, ends=np.array([3, 2, 1])),
        lambda path: changed(path, tokens=np.zeros(0, dtype=np.uint8), token_ends=np.zeros(0, dtype=np.int64)),
        lambda path: changed(path, keys=np.zeros(0, dtype=np.uint8), key_ends=np.zeros(0, dtype=np.int64)),
    ],
)
def test_a_damaged_or_foreign_file_is_an_error_that_names_it(tmp_path, content):
    path = tmp_path / "index.npz"
    path.write_bytes(content(tmp_path))
    with pytest.raises(StoreError, match=r"index\.npz: not a near-duplicate index, or a damaged one"):
        load(path)


def test_another_format_version_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(saved, "VERSION", 9)
    saved.save(NearDuplicateIndex(), tmp_path / "index.npz")
    monkeypatch.undo()
    with pytest.raises(StoreError, match="format version 9, this synthgen reads 1"):
        load(tmp_path / "index.npz")


def test_a_file_that_is_not_there_and_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(StoreError, match="cannot be read"):
        load(tmp_path / "none.npz")
    with pytest.raises(StoreError, match="cannot be written"):
        saved.save(NearDuplicateIndex(), tmp_path / "none" / "index.npz")


def test_saving_again_replaces_the_file_and_leaves_nothing_else(tmp_path):
    index = NearDuplicateIndex()
    for text in ("a b c", "d e f"):
        index.add(text)
        saved.save(index, tmp_path / "index.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["index.npz"]
    assert len(load(tmp_path / "index.npz")) == 2
