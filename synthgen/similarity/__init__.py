"""Near-duplicate removal: the exact index, and approximate methods behind the same interface."""

from synthgen.similarity.bulk import BulkIndex, deduplicate
from synthgen.similarity.hashes import HashIndex, MinHashIndex
from synthgen.similarity.index import NearDuplicateIndex
from synthgen.similarity.neighbour import Neighbour, Similarity, TaskIndex, task_of
from synthgen.similarity.saved import load, save
from synthgen.similarity.vectors import SemanticIndex, local_embedder, openai_embedder

__all__ = [
    "BulkIndex",
    "HashIndex",
    "MinHashIndex",
    "NearDuplicateIndex",
    "Neighbour",
    "SemanticIndex",
    "Similarity",
    "TaskIndex",
    "deduplicate",
    "load",
    "local_embedder",
    "openai_embedder",
    "save",
    "task_of",
]
