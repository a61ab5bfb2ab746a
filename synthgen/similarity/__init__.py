"""Near-duplicate removal: the exact index, and approximate methods behind the same interface."""

from synthgen.similarity.batch import check_all, query_all
from synthgen.similarity.index import NearDuplicateIndex, Neighbour
from synthgen.similarity.saved import load, save

__all__ = ["NearDuplicateIndex", "Neighbour", "check_all", "load", "query_all", "save"]
