"""Near-duplicate removal: the exact index, and approximate methods behind the same interface."""

from synthgen.similarity.bulk import BulkIndex, deduplicate
from synthgen.similarity.hashed import HashIndex
from synthgen.similarity.index import NearDuplicateIndex
from synthgen.similarity.minhash import MinHashIndex
from synthgen.similarity.neighbour import Neighbour, Similarity
from synthgen.similarity.saved import load, save
from synthgen.similarity.semantic import SemanticIndex, local_embedder, openai_embedder
from synthgen.similarity.tasks import TaskIndex, task_of

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
