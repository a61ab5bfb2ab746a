from __future__ import annotations

from synthgen.filters.characters import ascii_only
from synthgen.records import Record


def test_the_first_character_decides() -> None:
    assert ascii_only(Record(instruction="Écris")).reason == "not_ascii"  # type: ignore[union-attr]
    assert ascii_only(Record(instruction="“Go”")) is not None
    assert ascii_only(Record(instruction="Explain «oui»")) is None
    assert ascii_only(Record(instruction="")) is None
