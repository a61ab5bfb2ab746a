"""Records to examples: token ids, and labels that are -100 on all but what the assistant wrote, or on nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from synthgen.records import Record, to_messages
from synthgen_train.templates import Rendered, TemplateError, render

IGNORED = -100
"""The label that PyTorch's cross entropy leaves out."""

Reasoning = Literal["visible", "tagged", "drop"]
LongRows = Literal["drop", "split"]
Loss = Literal["answers", "all"]


@dataclass(frozen=True, slots=True)
class Example:
    """`input_ids` int [T] and `labels` int [T], -100 where no loss is taken; `record` is the id it was made from."""

    input_ids: list[int]
    labels: list[int]
    record: str = ""
    source: str = ""

    @property
    def trained(self) -> int:
        """How many tokens carry loss."""
        return sum(label != IGNORED for label in self.labels)


@dataclass(slots=True)
class Examples:
    """Examples, and what became of the records that gave none: counts by cause."""

    items: list[Example] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    left_out_records: dict[str, str] = field(default_factory=dict)
    records: int = 0

    def leave_out(self, record: Record, cause: str) -> None:
        """Counts a record that cannot be trained on."""
        self.left_out[cause] += 1
        self.left_out_records[record.id] = cause

    @property
    def tokens(self) -> int:
        """All tokens, trained or not."""
        return sum(len(e.input_ids) for e in self.items)

    @property
    def trained(self) -> int:
        """Tokens that carry loss."""
        return sum(e.trained for e in self.items)


def dialogue(record: Record, reasoning: Reasoning = "drop") -> list[dict[str, Any]]:
    """The record as messages, its reasoning shown as asked.

    `visible` puts it before the answer after a blank line's space, `tagged` between `<think>` tags, `drop` leaves it
    out.
    """
    messages = to_messages(record)
    if record.output is not None and record.reasoning and reasoning != "drop":
        shown = f"<think>\n{record.reasoning}\n</think>\n" if reasoning == "tagged" else f"{record.reasoning}\n\n"
        messages[-1] = {**messages[-1], "content": shown + record.output}
    return messages


def encode(tokenizer: Any, rendered: Rendered, loss: Loss = "answers") -> tuple[list[int], list[int]]:
    """Token ids and labels of a rendered dialogue, both int [T].

    With `loss: all` every token carries loss, up to the last stop token; a line feed that a template writes behind it
    does not, so that it is the stop token that is learnt last in either case.

    The text is tokenised whole and labels follow character offsets. Where a token lies across the border of a span,
    the pieces are tokenised one by one instead: as they are in use, where the prompt is tokenised before the answer
    is there.
    """
    # not verbose: rows beyond the context are counted, and need no warning each
    encoded = tokenizer(rendered.text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    ids, offsets = list(encoded["input_ids"]), encoded["offset_mapping"]
    borders = [at for span in rendered.spans for at in span]
    if any(start < border < end for start, end in offsets for border in borders):
        ids, labels = _encode_pieces(tokenizer, rendered)
    else:
        labels = [
            token if end > start and any(s <= start and end <= e for s, e in rendered.spans) else IGNORED
            for token, (start, end) in zip(ids, offsets, strict=True)
        ]
    if loss == "all":
        last = max((i for i, label in enumerate(labels) if label != IGNORED), default=-1)
        labels = ids[: last + 1] + [IGNORED] * (len(ids) - last - 1)
    return ids, labels


def _encode_pieces(tokenizer: Any, rendered: Rendered) -> tuple[list[int], list[int]]:
    ids: list[int] = []
    labels: list[int] = []
    at = 0
    for start, end in (*rendered.spans, (len(rendered.text), len(rendered.text))):
        for piece, trained in ((rendered.text[at:start], False), (rendered.text[start:end], True)):
            tokens = list(tokenizer(piece, add_special_tokens=False)["input_ids"]) if piece else []
            ids += tokens
            labels += tokens if trained else [IGNORED] * len(tokens)
        at = end
    return ids, labels


def make_examples(
    records: Iterable[Record],
    tokenizer: Any,
    *,
    max_length: int,
    reasoning: Reasoning = "drop",
    long_rows: LongRows = "drop",
    loss: Loss = "answers",
    source: str = "",
) -> Examples:
    """Examples of all records that can be trained on; the others are counted by cause, none is cut silently.

    A dialogue beyond `max_length` tokens loses its stop token if it is cut, and then the student never learns to stop.
    So it is dropped (`too_long`), or split: later turns are left out as far as whole earlier answers still fit.
    """
    made = Examples()
    for record in records:
        made.records += 1
        if record.output is None or not record.output.strip():
            made.leave_out(record, "no_answer")
            continue
        cause, example = _example(record, tokenizer, max_length, reasoning, long_rows, loss, source)
        if example is None:
            made.leave_out(record, cause)
        else:
            made.items.append(example)
    return made


def _example(
    record: Record,
    tokenizer: Any,
    max_length: int,
    reasoning: Reasoning,
    long_rows: LongRows,
    loss: Loss,
    source: str,
) -> tuple[str, Example | None]:
    messages: Sequence[Mapping[str, Any]] = dialogue(record, reasoning)
    while True:
        try:
            ids, labels = encode(tokenizer, render(tokenizer, messages, record.tools), loss)
        except TemplateError:
            return "template", None
        if len(ids) <= max_length:
            break
        earlier = [i for i, m in enumerate(messages[:-1]) if m["role"] == "assistant"]
        if long_rows == "drop" or not earlier:
            return "too_long", None
        messages = messages[: earlier[-1] + 1]
    example = Example(ids, labels, record.id, source)
    return ("", example) if example.trained else ("nothing_trained", None)
