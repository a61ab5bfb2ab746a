"""Texts as vectors: hashed TF-IDF that needs no model, and near-duplicates by the embeddings of one."""

from __future__ import annotations

import importlib
import math
import os
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgen.errors import ConfigError, TeacherError
from synthgen.safety.outward import learn
from synthgen.similarity.neighbour import Neighbour
from synthgen.text import ngrams, tokenize

DIMENSIONS = 512
"""Columns that features are hashed to, with signs, so that two that meet cancel as often as they add."""

LENGTH = 4000
"""Length of a row. Its entries are whole numbers and 4000 squared is below 2**24, so that every sum on the way to a dot
product is exact in float32, in whatever order a machine adds."""


def tfidf_vectors(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """float32 [n, DIMENSIONS]: whole numbers, rows of length LENGTH, or 0 for a text without words.

    They are the same on every machine.
    """
    counts = [Counter(_features(text)) for text in texts]
    documents = Counter(feature for count in counts for feature in count)
    out = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    for row, count in zip(out, counts, strict=True):
        entries = [0.0] * DIMENSIONS
        for feature, times in count.items():
            hashed = zlib.crc32(feature.encode())
            weight = (1 + math.log(times)) * math.log(1 + len(texts) / documents[feature])
            entries[hashed % DIMENSIONS] += weight if hashed >> 31 else -weight
        length = math.hypot(*entries)
        if length:
            row[:] = [round(LENGTH * entry / length) for entry in entries]
    return out


def _features(text: str) -> list[str]:
    tokens = tokenize(text)
    return [*tokens, *(" ".join(pair) for pair in ngrams(tokens, 2))]


Embed = Callable[[Sequence[str]], Any]
"""Texts in, one vector each out: anything that NumPy makes a float array [texts, dimensions] of."""

Vectors = np.ndarray[Any, np.dtype[np.float32]]


class SemanticIndex:
    """Kept texts by their embeddings: near-duplicates have a cosine similarity >= `threshold`.

    Compares with every kept text (a matrix product): 0.1 ms beside 10,000 texts of 384 dimensions. Memory: 4 bytes a
    dimension and text. The order of adding decides, as everywhere; the same texts give the same answers only as far as
    the model gives the same vectors.

    Raises:
        ValueError: the threshold is not above 0 and at most 1, or `embed` gives vectors of another number or length.
        TypeError: a text is not a string.
    """

    def __init__(self, embed: Embed, threshold: float = 0.9) -> None:
        if not 0 < threshold <= 1:
            raise ValueError(f"threshold is {threshold}; it is above 0 and at most 1")
        self.threshold = threshold
        self._embed = embed
        self._vectors: Vectors = np.empty((0, 0), dtype=np.float32)
        self._numbers: dict[str, int] = {}
        self._texts: list[str] = []
        self._keys: list[str] = []

    def __len__(self) -> int:
        return len(self._texts)

    def query(self, text: str) -> Neighbour | None:
        """The nearest kept text (the earliest of equals) if it is near enough, or None. A copy needs no embedding."""
        return self._copy(text) or self._query(self._of(text))

    def add(self, text: str, key: str = "") -> int:
        """Keeps the text, whatever it resembles; returns its number."""
        return self._add(text, self._of(text), key)

    def check(self, text: str, key: str = "") -> Neighbour | None:
        """As `query`; where that is None the text is added."""
        if (copy := self._copy(text)) is not None:
            return copy
        vector = self._of(text)
        found = self._query(vector)
        if found is None:
            self._add(text, vector, key)
        return found

    def _copy(self, text: str) -> Neighbour | None:
        number = self._numbers.get(text)
        return None if number is None else Neighbour(number, self._keys[number], 1.0, text)

    def _of(self, text: str) -> Vectors:
        if not isinstance(text, str):
            raise TypeError(f"a text is a string, not {type(text).__name__}")
        vectors = np.asarray(self._embed([text]), dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != 1 or not vectors.size:
            raise ValueError(f"one text has one embedding, not an array of shape {vectors.shape}")
        if self._texts and vectors.shape[1] != self._vectors.shape[1]:
            raise ValueError(f"an embedding of {vectors.shape[1]} numbers beside others of {self._vectors.shape[1]}")
        if not np.isfinite(vectors).all():
            raise ValueError("an embedding holds numbers that are not finite")
        vector: Vectors = vectors[0]
        length = float(np.linalg.norm(vector))
        return vector / length if length else vector

    def _query(self, vector: Vectors) -> Neighbour | None:
        if not self._texts:
            return None
        similarities = self._vectors[: len(self._texts)] @ vector
        number = int(similarities.argmax())
        score = min(1.0, float(similarities[number]))
        if score < self.threshold:
            return None
        return Neighbour(number, self._keys[number], score, self._texts[number])

    def _add(self, text: str, vector: Vectors, key: str) -> int:
        number = len(self._texts)
        if number >= len(self._vectors):
            grown = np.empty((max(16, 2 * number), len(vector)), dtype=np.float32)
            if number:
                grown[:number] = self._vectors[:number]
            self._vectors = grown
        self._numbers.setdefault(text, number)
        self._vectors[number] = vector
        self._texts.append(text)
        self._keys.append(key)
        return number


def openai_embedder(model: str, *, base_url: str | None = None, api_key_env: str = "OPENAI_API_KEY") -> Embed:
    """Embeddings from an OpenAI-compatible server's `/embeddings`; failed requests are tried again three times.

    The key is read from the environment variable; a server given by `base_url` may need none.

    Raises:
        ConfigError: there is no key and no `base_url`.
        TeacherError: (on use) the server cannot be reached or refuses.
    """
    import openai

    key = os.environ.get(api_key_env)
    learn(key or "")
    if not key and base_url is None:
        raise ConfigError(f"{api_key_env} is not set", hint=f"export {api_key_env}=…, or set base_url")
    # another address would get the key and the texts
    plain = openai.DefaultHttpxClient(follow_redirects=False)
    client = openai.OpenAI(api_key=key or "none", base_url=base_url, max_retries=3, http_client=plain)

    def embed(texts: Sequence[str]) -> list[list[float]]:
        try:
            # an empty text is refused by most servers
            reply = client.embeddings.create(model=model, input=[t or " " for t in texts], encoding_format="float")
        except openai.OpenAIError as error:
            # the type says what happened (AuthenticationError, …); the text may quote the key
            raise TeacherError(
                f"embeddings from {model}: {type(error).__name__}", hint=f"check the server and {api_key_env}"
            ) from None
        return [one.embedding for one in sorted(reply.data, key=lambda one: one.index)]

    return embed


def local_embedder(model: str) -> Embed:
    """Embeddings from a sentence-transformers model: a name on the Hugging Face Hub, or a folder.

    Raises:
        ConfigError: sentence-transformers is not installed.
    """
    try:
        package = importlib.import_module("sentence_transformers")
    except ImportError as error:
        raise ConfigError(
            "sentence-transformers is not installed",
            hint="pip install sentence-transformers, or ask a server for embeddings",
        ) from error
    encode: Embed = package.SentenceTransformer(model).encode
    return encode
