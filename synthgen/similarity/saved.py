"""An index in one file: a NumPy archive of token numbers, vocabulary, texts and keys, and what they were made with.

The posting lists are made again on loading, which takes less time than reading the texts as JSON would.
"""

from __future__ import annotations

import json
import os
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from synthgen.errors import StoreError
from synthgen.similarity.index import NearDuplicateIndex

FORMAT = "synthgen near-duplicate index"
VERSION = 1

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Offsets = np.ndarray[Any, np.dtype[np.int64]]


def save(index: NearDuplicateIndex, path: Path | str) -> None:
    """Writes the index; the file appears whole or not at all, in place of one that was there.

    Raises:
        StoreError: the file cannot be written.
    """
    path = Path(path)
    ids, ends = index.numbered()
    header = {"format": FORMAT, "version": VERSION, "unicode": unicodedata.unidata_version, **index.settings}
    texts, text_ends = _packed(index.texts)
    keys, key_ends = _packed(index.keys)
    tokens, token_ends = _packed(index.tokens)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            np.savez(
                file,
                header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
                ids=ids,
                ends=ends,
                texts=texts,
                text_ends=text_ends,
                keys=keys,
                key_ends=key_ends,
                tokens=tokens,
                token_ends=token_ends,
            )
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(f"{path}: the index cannot be written: {error.strerror or error}") from error


def load(path: Path | str) -> NearDuplicateIndex:
    """The index that `save` wrote.

    Raises:
        StoreError: the file cannot be read, is damaged, or is something else.
    """
    path = Path(path)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            header = json.loads(archive["header"].tobytes())
            if header["format"] != FORMAT:
                raise ValueError(f"its format is {header['format']!r}")
            if header["version"] != VERSION:
                raise StoreError(
                    f"{path}: the index has format version {header['version']}, this synthgen reads {VERSION}",
                    hint="build it again from its texts",
                )
            texts = _unpacked(archive["texts"], archive["text_ends"])
            keys = _unpacked(archive["keys"], archive["key_ends"])
            tokens = _unpacked(archive["tokens"], archive["token_ends"])
            ids, ends = archive["ids"], archive["ends"]
        index = NearDuplicateIndex(
            header["threshold"], rule=header["rule"], arithmetic=header["arithmetic"], tokenizer=header["tokenizer"]
        )
        _check(len(texts) == len(keys) == len(ends), "its parts differ in length")
        if header["unicode"] != unicodedata.unidata_version and index.tokenizer == "unicode":
            # another Unicode may split texts otherwise
            for text, key in zip(texts, keys, strict=True):
                index.add(text, key)
            return index
        _check_ends(ends, len(ids))
        _check(not len(ids) or int(ids.max()) < len(tokens), "it has tokens without a name")
        index.restore(texts, keys, tokens, ids, ends)
    except OSError as error:
        raise StoreError(f"{path}: the index cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise StoreError(
            f"{path}: not a near-duplicate index, or a damaged one: {error}", hint="build it again from its texts"
        ) from error
    return index


def _packed(texts: Iterable[str]) -> tuple[Bytes, Offsets]:
    """All texts as UTF-8 one after the other, and where each ends. Lone surrogates are written as they are."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    ends = np.cumsum([len(one) for one in encoded], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), ends


def _unpacked(data: Bytes, ends: Offsets) -> list[str]:
    _check_ends(ends, len(data))
    whole = data.tobytes()
    stops = ends.tolist()
    return (
        [
            whole[start:stop].decode("utf-8", "surrogatepass")
            for start, stop in zip([0, *stops[:-1]], stops, strict=True)
        ]
        if stops
        else []
    )


def _check_ends(ends: Offsets, size: int) -> None:
    rising = ends.ndim == 1 and (not len(ends) or (int(ends[0]) >= 0 and bool((np.diff(ends) >= 0).all())))
    _check(rising and (int(ends[-1]) if len(ends) else 0) == size, "its offsets do not fit")


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)
