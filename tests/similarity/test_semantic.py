from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from embedding_server import EmbeddingServer, serve, vector

from synthgen.errors import ConfigError, TeacherError
from synthgen.filters.duplicates import NearDuplicate
from synthgen.protocols import Preparation
from synthgen.records import Record
from synthgen.similarity import SemanticIndex, local_embedder, openai_embedder


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with serve() as running:
        yield running


def embed(texts):
    return [vector(text) for text in texts]


def test_what_points_the_same_way_is_near():
    index = SemanticIndex(embed, 0.9)
    assert index.check("river lake", "a") is None
    assert index.check("sky", "b") is None
    assert (found := index.check("a lake and a river")) is not None
    assert (found.key, found.score) == ("a", pytest.approx(1))
    assert (found := index.query("sky sky sky sea")) is not None
    assert (found.key, found.score) == ("b", pytest.approx(3 / 10**0.5, abs=0.01))
    assert index.check("sky sea") is None


def test_the_nearest_of_several_is_named():
    index = SemanticIndex(embed, 0.5)
    for text in ("river", "river lake", "lake", "lake lake"):
        index.add(text)
    assert index.query("river river lake lake").number == 1
    assert index.query("lake lake lake").number == 3


@pytest.mark.parametrize("vectors", [[], [[1.0], [2.0]], [1.0, 2.0], [[]], [[float("nan")]]])
def test_embeddings_that_make_no_sense_are_refused(vectors):
    with pytest.raises(ValueError, match="embedding"):
        SemanticIndex(lambda texts: vectors).check("a")


def test_embeddings_of_another_length_are_refused():
    index = SemanticIndex(lambda texts: np.ones((1, len(texts[0]))))
    index.add("ab")
    with pytest.raises(ValueError, match="an embedding of 3 numbers beside others of 2"):
        index.query("abc")


def test_a_text_without_meaning_has_no_direction():
    index = SemanticIndex(lambda texts: [[0.0, 0.0]])
    assert index.check("a") is None
    assert index.check("b") is None
    assert index.check("b") is not None


def test_a_server_embeds(server, monkeypatch):
    monkeypatch.setenv("EMBEDDING_KEY", "secret")
    ask = openai_embedder("tiny", base_url=server.url, api_key_env="EMBEDDING_KEY")
    assert ask(["river", "", "sky sky"]) == [vector("river"), vector(""), vector("sky sky")]
    assert server.keys == ["Bearer secret"]
    assert server.inputs == [["river", " ", "sky sky"]]


def test_a_server_that_refuses_is_an_error_without_the_key(server, monkeypatch):
    monkeypatch.setenv("EMBEDDING_KEY", "secret")
    server.status = 401
    with pytest.raises(TeacherError, match="embeddings from tiny: AuthenticationError") as caught:
        openai_embedder("tiny", base_url=server.url, api_key_env="EMBEDDING_KEY")(["river"])
    assert "secret" not in str(caught.value)


def test_no_key_and_no_server(monkeypatch):
    monkeypatch.delenv("EMBEDDING_KEY", raising=False)
    with pytest.raises(ConfigError, match="EMBEDDING_KEY is not set"):
        openai_embedder("tiny", api_key_env="EMBEDDING_KEY")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sentence_transformers", None)
    with pytest.raises(ConfigError, match="sentence-transformers is not installed"):
        local_embedder("tiny")


def test_the_filter_asks_the_server(server):
    near_duplicate = NearDuplicate(method="semantic", embedding_model="tiny", embedding_url=server.url)
    near_duplicate.prepare(Preparation(render=str, seeds=[Record(instruction="sea")], seed=0, base="."))
    drops = [near_duplicate(Record(instruction=i)) for i in ("river lake", "sky", "the lake and the river", "sea sea")]
    assert [drop and (drop.reason, drop.nearest_text, drop.limit) for drop in drops] == [
        None,
        None,
        ("near_duplicate", "river lake", 0.9),
        ("near_duplicate", "sea", 0.9),
    ]
