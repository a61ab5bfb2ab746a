from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from synthgen.report.statistics import MOST_BINS, SIMILARITY_BINS, length_histogram, similarity_histogram


@given(st.lists(st.integers(0, 10**6), min_size=1))
def test_every_length_is_in_its_bin(values: list[int]) -> None:
    found = length_histogram(values)
    width, counts = found["width"], found["counts"]
    assert str(width).rstrip("0") in ("1", "2", "5")
    assert len(counts) <= MOST_BINS
    assert counts == [sum(1 for v in values if i * width <= v < (i + 1) * width) for i in range(len(counts))]
    assert found["above"] == sum(1 for v in values if v >= len(counts) * width)
    assert found["above"] <= len(values) / 100


def test_a_few_long_texts_do_not_flatten_the_rest() -> None:
    assert length_histogram([3] * 50 + [5] * 149 + [90_000]) == {
        "width": 1,
        "counts": [0, 0, 0, 50, 0, 149],
        "above": 1,
    }


def test_no_values_no_bins() -> None:
    assert length_histogram([]) == {"width": 1, "counts": [], "above": 0}
    assert sum(similarity_histogram([])["counts"]) == 0


def test_a_similarity_on_a_bound_belongs_to_the_bin_above() -> None:
    for number in range(SIMILARITY_BINS):
        counts = similarity_histogram([number / SIMILARITY_BINS])["counts"]
        assert counts.index(1) == number
    assert similarity_histogram([1.0, 1.5, -1.0])["counts"][:: SIMILARITY_BINS - 1] == [1, 2]
