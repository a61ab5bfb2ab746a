"""Whole lists of texts at once: the decisions of `NearDuplicateIndex`, several times faster.

Texts come in blocks. The work on a block is done in a few passes over large arrays, where an index that is asked for
one text at a time makes a dozen small calls for each.
"""

from synthgen.similarity.bulk.blocks import BulkIndex, deduplicate

__all__ = ["BulkIndex", "deduplicate"]
