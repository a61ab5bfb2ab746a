"""The order of the examples where it is not random: easy before hard, the specialised last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synthgen.errors import ConfigError
from synthgen.records import Record
from synthgen_train.config import Curriculum
from synthgen_train.examples import Example


def ordered(examples: Sequence[Example], records: Mapping[str, Record], curriculum: Curriculum) -> list[Example]:
    """The examples from first to last; equals stay in the order they came in. Without a value they come first.

    Raises:
        ConfigError: no record has the field or score, or a source named in `last` does not exist.
    """
    sources = {e.source for e in examples}
    unknown = [name for name in curriculum.last if name not in sources]
    if unknown:
        raise ConfigError(
            f"there is no source {unknown[0]}",
            key="train.curriculum.last",
            hint=f"there are {', '.join(sorted(sources))}",
        )
    values = [_value(e, records.get(e.record), curriculum.by) for e in examples]
    if all(v is None for v in values):
        raise ConfigError(
            f"no record has {curriculum.by}",
            key="train.curriculum.by",
            hint="length, a field such as task_type or language, or scores.<name>",
        )
    known = [(v, i) for i, v in enumerate(values) if v is not None]
    if curriculum.descending:
        known.sort(key=lambda pair: pair[0], reverse=True)
    else:
        known.sort(key=lambda pair: pair[0])
    order = [i for i, v in enumerate(values) if v is None] + [i for _, i in known]
    order.sort(key=lambda i: examples[i].source in curriculum.last)
    return [examples[i] for i in order]


def _value(example: Example, record: Record | None, by: str) -> tuple[float, str] | None:
    """What the example is ordered by: a number, or a text."""
    if by == "length":
        return float(len(example.input_ids)), ""
    if record is None:
        return None
    if by.startswith("scores."):
        score = record.scores.get(by.removeprefix("scores."))
        return None if score is None else (score, "")
    value = getattr(record, by, None) if by in Record.model_fields else None
    if isinstance(value, str):
        return 0.0, value
    return (float(value), "") if isinstance(value, bool | int | float) else None
