"""The journal: every reply that was paid for, durable, and what can be read of a damaged one."""

from synthgen.journal.journal import Journal, Totals

__all__ = ["Journal", "Totals"]
