from __future__ import annotations

import numpy as np

from synthgen.similarity.vectors import LENGTH, tfidf_vectors

TEXTS = [
    "Name a planet.",
    "name a planet",
    "Nenne einen Planeten",
    "说出一颗行星",
    "",
    "Name a planet. Then name a star.",
]


def test_rows_are_whole_numbers_of_one_length() -> None:
    points = tfidf_vectors(TEXTS)
    assert points.dtype == np.float32
    assert np.array_equal(points, np.rint(points))
    lengths = np.linalg.norm(points, axis=1)
    assert lengths[4] == 0
    assert np.allclose(np.delete(lengths, 4), LENGTH, rtol=0.005)


def test_likeness_follows_the_words() -> None:
    cosine = tfidf_vectors(TEXTS) @ tfidf_vectors(TEXTS).T / LENGTH**2
    assert np.isclose(cosine[0, 1], 1, atol=0.01)
    assert 0.1 < cosine[0, 5] < 0.95
    assert abs(cosine[0, 3]) < 0.2


def test_dot_products_are_exact_in_any_order() -> None:
    rng = np.random.default_rng(0)
    points = tfidf_vectors([" ".join(rng.choice(list("abcdefgh"), 12)) for _ in range(40)])
    exact = points.astype(np.int64) @ points.astype(np.int64).T
    order = rng.permutation(points.shape[1])
    assert np.array_equal(points @ points.T, exact)
    assert np.array_equal(points[:, order] @ points[:, order].T, exact)
