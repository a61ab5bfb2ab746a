"""Near-duplicate removal: the exact index, and approximate methods behind the same interface."""

from synthgen.similarity.index import NearDuplicateIndex, Neighbour

__all__ = ["NearDuplicateIndex", "Neighbour"]
