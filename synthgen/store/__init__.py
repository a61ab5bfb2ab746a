"""The run folder: what a run writes, how it stays whole, and how it is read again."""

from synthgen.store.exports import Exported
from synthgen.store.folder import RunFolder
from synthgen.store.manifest import Ingredients, Verification, verify
from synthgen.store.report import Requests, RunReport, StageFlow, TeacherFacts, Tokens
from synthgen.store.writer import DatasetWriter

__all__ = [
    "DatasetWriter",
    "Exported",
    "Ingredients",
    "Requests",
    "RunFolder",
    "RunReport",
    "StageFlow",
    "TeacherFacts",
    "Tokens",
    "Verification",
    "verify",
]
