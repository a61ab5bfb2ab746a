"""An explanation as text for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from synthgen.explain import Candidate, Exchange, Explanation, Shown, Story
from synthgen.outward import visible

if TYPE_CHECKING:
    from rich.text import Text

_FOUND = {
    "id": "the record with this id",
    "prefix": "records whose id begins so",
    "text": "records with this instruction",
    "part": "records whose instruction holds this text",
    "similar": "records with a similar instruction",
    "nothing": "no record with this id or text; the nearest are",
}
_COLOURS = {"accepted": "green", "rejected": "red", "seed": "cyan"}
_CUT = 2000
"""Characters of a prompt or reply that are shown; `full` shows all."""


def explanation_view(explanation: Explanation, *, full: bool = False) -> Text:
    """The explanation, readable; long prompts and replies are cut unless `full`."""
    from rich.text import Text

    out = Text()
    if explanation.candidates or not explanation.stories:
        out.append(f"{_FOUND[explanation.by]}:\n", style="bold")
        for candidate in explanation.candidates:
            _candidate(out, candidate)
        if explanation.more:
            out.append(f"  … and {explanation.more:,} more: give more digits or a longer text\n")
        if not explanation.candidates:
            out.append("the run folder holds no records\n")
    for number, story in enumerate(explanation.stories):
        if number:
            out.append("\n" + "─" * 60 + "\n\n")
        for style, line in _story(story, full):
            out.append(f"{visible(line)}\n", style=style)
    return out


def _candidate(out: Text, candidate: Candidate) -> None:
    out.append(f"  {candidate.id}  ", style="bold")
    out.append(f"{candidate.outcome:<8} ", style=_COLOURS[candidate.outcome])
    out.append(f"{candidate.similarity:5.1f}  {visible(_one_line(candidate.text))}\n")


def _story(story: Story, full: bool) -> Iterator[tuple[str, str]]:
    """The lines of a story with their styles."""
    record, provenance, drop = story.record, story.record.provenance, story.record.drop
    where = f" by {drop.stage}: {drop.reason}" if drop else ""
    yield f"bold {_COLOURS[story.outcome]}", f"{record.id}  {story.outcome}{where}"
    if drop is not None:
        if drop.detail:
            yield "", f"  {drop.detail}"
        numbers = [
            f"{name} {value:g}" for name, value in (("score", drop.score), ("limit", drop.limit)) if value is not None
        ]
        if numbers:
            yield "", f"  {', '.join(numbers)}"
    if story.nearest is not None:
        yield "", f"  nearest: {_shown(story.nearest)}"
    yield from _field("instruction", record.instruction, full)
    for name, text in (
        ("input", record.input),
        ("output", record.output),
        ("system", record.system),
        ("reasoning", record.reasoning),
    ):
        if text:
            yield from _field(name, text, full)
    facts: dict[str, object] = {
        "task type": record.task_type,
        "language": record.language,
        "scores": ", ".join(f"{name} {score:g}" for name, score in record.scores.items()),
        "attempt": provenance.attempt,
        "round": provenance.round or None,
        "written by": provenance.model,
        "from": provenance.source,
        "passed": " → ".join(story.passed),
    }
    yield "", ""
    for name, fact in facts.items():
        if fact not in (None, ""):
            yield "", f"{name}: {fact}"
    for title, several in (("made from", story.parents), ("demonstrations shown", story.demonstrations)):
        if several:
            yield "bold", f"\n{title}"
            for other in several:
                yield "", f"  {_shown(other)}"
    for exchange in story.exchanges:
        yield from _exchange(exchange, full)


def _shown(shown: Shown) -> str:
    where = f" ({shown.outcome})" if shown.outcome else ""
    return f"{shown.id}{where} {_one_line(shown.text) if shown.text else 'is not in this run folder'}".strip()


def _field(name: str, text: str, full: bool) -> Iterator[tuple[str, str]]:
    yield "bold", f"\n{name}"
    yield "", _indented(text, full)


def _exchange(exchange: Exchange, full: bool) -> Iterator[tuple[str, str]]:
    yield "bold", f"\nrequest {exchange.key[:16]}"
    if exchange.request is None:
        yield "", "  is not in this folder's journal"
        return
    request = exchange.request
    yield "", f"  model {request['model']}, sampling {json.dumps(request['sampling'], ensure_ascii=False)}"
    for message in request["messages"]:
        content = message.get("content")
        yield "dim", f"  {message.get('role')}:"
        yield "", _indented(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), full)
    if exchange.reply is not None:
        yield from _reply(exchange.reply, full)


def _reply(reply: dict[str, Any], full: bool) -> Iterator[tuple[str, str]]:
    prompt_tokens, completion_tokens, _ = reply["usage"]
    yield "bold", f"reply ({prompt_tokens} prompt tokens, {completion_tokens} completion tokens)"
    for choice in reply["choices"]:
        yield "dim", f"  finish_reason {choice['finish_reason']}"
        yield "", _indented(choice["text"] or choice.get("refusal") or "", full)


def _indented(text: str, full: bool) -> str:
    if not full and len(text) > _CUT:
        text = f"{text[:_CUT]} … ({len(text) - _CUT:,} characters more)"
    return "\n".join(f"  {line}" for line in text.split("\n"))


def _one_line(text: str, width: int = 100) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
