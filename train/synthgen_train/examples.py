"""Records to examples: token ids, and labels that are -100 on all but what the assistant wrote, or on nothing.

For preferences, pairs of them: the best and the worst of a record's answers.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from synthgen.records import Answer, Record, to_messages
from synthgen_train.rendering import LeftOut, Literals, Rendered, render, show

IGNORED = -100
"""The label that PyTorch's cross entropy leaves out."""

TOGETHER = 1000
"""How many dialogues are tokenised at once."""

Tokens = tuple[list[int], list[tuple[int, int]]]
"""Token ids, and the characters (start, end) that each is made of."""

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
    """Examples, and what became of the records that gave none: counts by cause, and for each cause a first reason.

    `literal` counts the records whose texts write out a control token of the tokenizer; it stays text in them.
    """

    items: list[Example] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    left_out_records: dict[str, str] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    records: int = 0
    literal: Counter[str] = field(default_factory=Counter)

    def leave_out(self, record: Record, cause: str, why: str = "") -> None:
        """Counts a record that cannot be trained on; the first of each cause is kept with its reason and its row."""
        self.left_out[cause] += 1
        self.left_out_records[record.id] = cause
        self.why.setdefault(cause, ": ".join(part for part in (why, record.provenance.source or "") if part))

    def add(self, other: Examples) -> None:
        """Takes in what was made of further records."""
        self.items += other.items
        self.left_out += other.left_out
        self.left_out_records |= other.left_out_records
        self.why = other.why | self.why
        self.records += other.records
        self.literal += other.literal

    @property
    def tokens(self) -> int:
        """All tokens, trained or not."""
        return sum(len(e.input_ids) for e in self.items)

    @property
    def trained(self) -> int:
        """Tokens that carry loss."""
        return sum(e.trained for e in self.items)


def dialogue(record: Record, reasoning: Reasoning = "drop") -> list[dict[str, Any]]:
    """The record as messages, its reasoning shown as asked, and the arguments of calls as objects.

    `visible` puts it before the answer after a blank line's space, `tagged` between `<think>` tags, `drop` leaves it
    out.
    """
    messages = to_messages(record)
    if record.output is not None and record.reasoning and reasoning != "drop":
        shown = f"<think>\n{record.reasoning}\n</think>\n" if reasoning == "tagged" else f"{record.reasoning}\n\n"
        messages[-1] = {**messages[-1], "content": shown + record.output}
    for message in messages:
        if "tool_calls" in message:
            message["tool_calls"] = [_call(call) for call in message["tool_calls"]]
    return messages


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    """The call as templates take it: OpenAI gives the arguments as JSON text, templates want what it says."""
    function = dict(call.get("function") or {k: v for k, v in call.items() if k not in ("id", "type")})
    if isinstance(function.get("arguments"), str):
        with contextlib.suppress(ValueError):
            function["arguments"] = json.loads(function["arguments"] or "{}")
    return {"type": "function", **call, "function": function}


def encode(
    tokenizer: Any, rendered: Rendered, loss: Loss = "answers", tokens: Tokens | None = None
) -> tuple[list[int], list[int]]:
    """Token ids and labels of a rendered dialogue, both int [T]; `tokens` are those of its text, where they are known.

    With `loss: all` every token carries loss, up to the last stop token; a line feed that a template writes behind it
    does not, so that it is the stop token that is learnt last in either case.

    The text is tokenised whole and labels follow character offsets. Where a token lies across the border of a span,
    the pieces are tokenised one by one instead: as they are in use, where the prompt is tokenised before the answer
    is there.

    Raises:
        LeftOut: a control token that a text writes out cannot be kept as text.
    """
    ids, offsets = tokens or tokens_of(tokenizer, [rendered.text])[0]
    borders = [at for span in rendered.spans for at in span]
    if any(start < border < end for start, end in offsets for border in borders):
        if rendered.literals:
            raise LeftOut(
                "special_token", "a written-out control token, and a token that lies across an answer's border"
            )
        ids, labels = _encode_pieces(tokenizer, rendered)
    else:
        if rendered.literals:
            ids, offsets = rendered.literals.put_back(tokenizer, rendered.text, ids, offsets)
        labels = [
            token if end > start and any(s <= start and end <= e for s, e in rendered.spans) else IGNORED
            for token, (start, end) in zip(ids, offsets, strict=True)
        ]
    if loss == "all":
        last = max((i for i, label in enumerate(labels) if label != IGNORED), default=-1)
        labels = ids[: last + 1] + [IGNORED] * (len(ids) - last - 1)
    return ids, labels


def tokens_of(tokenizer: Any, texts: Sequence[str]) -> list[Tokens]:
    """Token ids and character offsets of texts. A fast tokenizer takes several at once on all cores."""
    if not texts:
        return []
    # not verbose: rows beyond the context are counted, and need no warning each
    encoded = tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    return list(zip(encoded["input_ids"], encoded["offset_mapping"], strict=True))


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


def prompt_ids(
    tokenizer: Any,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None = None,
    literals: Literals | None = None,
) -> list[int]:
    """The token ids of a dialogue that the assistant is to answer, as an example of it begins.

    `literals` are those of the tokenizer, where they have been looked up already.

    Raises:
        LeftOut: the template refuses it, or a control token that a text writes out cannot be kept as text.
    """
    literals = (literals or Literals.of(tokenizer)).fresh()
    text = show(tokenizer, literals.hide(messages), literals.hide(tools or ()), prompt=True)
    return encode(tokenizer, Rendered(text, (), literals if literals.hidden else None))[0]


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
    So it is dropped (`too_long`), or split: later turns are left out as far as whole earlier answers still fit. One
    that the template refuses, or shows without one of its parts, is left out as `template`.
    """
    made = Examples()
    known = Literals.of(tokenizer)
    left = iter(records)
    while group := list(islice(left, TOGETHER)):
        begun = [_begin(record, tokenizer, known.fresh(), reasoning) for record in group]
        tokens = iter(tokens_of(tokenizer, [one.rendered.text for one in begun if not isinstance(one, LeftOut)]))
        for record, one in zip(group, begun, strict=True):
            made.records += 1
            try:
                if isinstance(one, LeftOut):
                    raise one
                ids, labels = _finish(one, next(tokens), tokenizer, max_length, long_rows, loss)
                made.items.append(Example(ids, labels, record.id, source))
            except LeftOut as error:
                made.leave_out(record, error.cause, str(error))
            made.literal.update(set(() if isinstance(one, LeftOut) else one.literals.used))
    return made


@dataclass(slots=True)
class _Begun:
    """A record as text: its messages and tools as they are shown, and what they are rendered as."""

    shown: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    literals: Literals
    rendered: Rendered


def _begin(record: Record, tokenizer: Any, literals: Literals, reasoning: Reasoning) -> _Begun | LeftOut:
    messages = dialogue(record, reasoning)
    last = messages[-1]
    if last["role"] != "assistant" or not (last.get("tool_calls") or last["content"].strip()):
        return LeftOut("no_answer", "")
    shown, tools = literals.hide(messages), literals.hide(record.tools)
    try:
        return _Begun(shown, tools, literals, render(tokenizer, shown, tools, literals))
    except LeftOut as error:
        return error


def _finish(
    begun: _Begun, tokens: Tokens, tokenizer: Any, max_length: int, long_rows: LongRows, loss: Loss
) -> tuple[list[int], list[int]]:
    ids, labels = encode(tokenizer, begun.rendered, loss, tokens)
    shown = begun.shown
    while len(ids) > max_length:
        earlier = [i for i, m in enumerate(shown[:-1]) if m["role"] == "assistant"]
        if long_rows == "drop" or not earlier:
            raise LeftOut("too_long", f"{len(ids)} tokens")
        shown = shown[: earlier[-1] + 1]
        ids, labels = encode(tokenizer, render(tokenizer, shown, begun.tools, begun.literals), loss)
    if all(label == IGNORED for label in labels):
        raise LeftOut("nothing_trained", "")
    return ids, labels


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one prompt as examples, the better one first. Either may be missing where only one is judged."""

    record: str
    source: str
    chosen: Example | None
    rejected: Example | None


def judged(record: Record) -> tuple[Answer | None, Answer | None]:
    """The best and the worst of the record's scored answers.

    With one answer it is the chosen one where its score is above 0, else the rejected one. None and None where no
    answer has a score, or all have the same.
    """
    scored = [a for a in record.answers if a.score is not None and not math.isnan(a.score)]
    if len(scored) == 1:
        return (scored[0], None) if (scored[0].score or 0) > 0 else (None, scored[0])
    if not scored:
        return None, None
    best = max(scored, key=lambda a: a.score or 0.0)
    worst = min(scored, key=lambda a: a.score or 0.0)
    if best.score == worst.score or best.text == worst.text:
        return None, None
    return best, worst


def make_pairs(
    records: Iterable[Record],
    tokenizer: Any,
    *,
    max_length: int,
    source: str = "",
    single: bool = False,
    reasoning: Reasoning = "drop",
) -> tuple[list[Pair], Examples]:
    """Pairs, and all their answers as examples for the preflight, with the records left out counted by cause.

    `single` also takes records with one judged answer, which KTO learns from and DPO cannot.
    """
    pairs: list[Pair] = []
    seen = Examples()
    for record in records:
        seen.records += 1
        best, worst = judged(record)
        if (best is None and worst is None) or (not single and (best is None or worst is None)):
            seen.leave_out(record, "no_preference")
            continue
        made: list[Example | None] = []
        for one in (best, worst):
            if one is None:
                made.append(None)
                continue
            # The reasoning belongs to the record's own answer, not to the alternatives.
            own = record.replace(output=one.text, reasoning=record.reasoning if one.text == record.output else None)
            found = make_examples([own], tokenizer, max_length=max_length, reasoning=reasoning, source=source)
            if not found.items:
                seen.leave_out(record, next(iter(found.left_out)))
                break
            made.append(found.items[0])
        else:
            pairs.append(Pair(record.id, source, made[0], made[1]))
            seen.items += [e for e in made if e is not None]
    return pairs, seen
