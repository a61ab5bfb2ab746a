"""Tells how a record came to be, or which stage dropped it and why; as text for a terminal, too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from synthgen.journal import Journal
from synthgen.records import Frozen, Record
from synthgen.safety.outward import visible
from synthgen.store.folder import RunFolder
from synthgen.store.record_files import dataset_files, read_row, read_rows
from synthgen.store.table import from_row

if TYPE_CHECKING:
    from rich.text import Text


_NEAREST = 10

Outcome = Literal["accepted", "rejected", "seed"]

PREFIX_DIGITS = 4
"""The shortest beginning of an id that is looked for as one."""

SIMILAR = 85.0
"""The `rapidfuzz.fuzz.ratio` (0 to 100) from which on a text counts as the one that was meant."""


class Shown(Frozen):
    """A record that another one points to: its text, and where it lies (`None`: nowhere in the run folder)."""

    id: str
    outcome: Outcome | None = None
    text: str | None = None


class Exchange(Frozen):
    """A request and its reply, from the journal; without either where the journal does not have them."""

    key: str
    request: dict[str, Any] | None = None
    reply: dict[str, Any] | None = None


class Story(Frozen):
    """How one record came to be and where it ended; `passed` are the stages that let it through."""

    record: Record
    outcome: Outcome
    passed: tuple[str, ...] = ()
    demonstrations: tuple[Shown, ...] = ()
    parents: tuple[Shown, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    nearest: Shown | None = None


class Candidate(Frozen):
    """A record that may have been meant; `similarity` is 0 to 100."""

    id: str
    outcome: Outcome
    text: str
    similarity: float


class Explanation(Frozen):
    """What was found for a query, and `by` what: the stories of a few records, or candidates to choose from.

    `more` is how many records fit that are in neither.
    """

    query: str
    by: Literal["id", "prefix", "text", "part", "similar", "nothing"]
    stories: tuple[Story, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a record lies: the row of a file, or a seed task."""

    id: str
    text: str
    outcome: Outcome
    file: Path
    row: int


def explain(run: Path | str, query: str, *, stories: int = 3, candidates: int = 10) -> Explanation:
    """What the run folder knows of the records that the query means: an id, its first digits, or an instruction.

    A text is looked for as the whole instruction, then as a part of one, then by similarity. Where more than `stories`
    records fit, or none, up to `candidates` are listed instead.

    Raises:
        StoreError: there is no such run, it has not ended yet, or a file of it is damaged.
    """
    folder = RunFolder.open(run)
    stages = tuple(flow.stage for flow in folder.run_report().funnel)
    places = list(_places(folder))
    by, found = _find(places, query)
    if by == "nothing" or len(found) > stories:
        listed = tuple(
            Candidate(id=p.id, outcome=p.outcome, text=p.text, similarity=round(similarity, 1))
            for p, similarity in found[:candidates]
        )
        more = 0 if by == "nothing" else len(found) - len(listed)
        return Explanation(query=query, by=by, candidates=listed, more=more)
    index = {place.id: place for place in places}
    with ExitStack() as stack:
        journal = None
        if folder.journal_path.is_file():
            journal = stack.enter_context(Journal(folder.journal_path, readonly=True))
        told = tuple(_story_of(folder, place, index, journal, stages) for place, _ in found)
    return Explanation(query=query, by=by, stories=told)


def _places(folder: RunFolder) -> Iterator[_Place]:
    files: list[tuple[Outcome, Path]] = [("accepted", path) for path in dataset_files(folder.dataset_path)]
    if folder.rejected_path.is_file():
        files.append(("rejected", folder.rejected_path))
    for outcome, path in files:
        for number, row in enumerate(read_rows(path, ("id", "instruction"))):
            yield _Place(row["id"], row["instruction"], outcome, path, number)
    for number, seed in enumerate(folder.seeds()):
        yield _Place(seed.id, seed.instruction, "seed", folder.seeds_path, number)


def _find(
    places: Sequence[_Place], query: str
) -> tuple[Literal["id", "prefix", "text", "part", "similar", "nothing"], list[tuple[_Place, float]]]:
    from rapidfuzz import fuzz, process

    wanted = query.strip()
    if same := [(p, 100.0) for p in places if p.id == wanted]:
        return "id", same
    if len(wanted) >= PREFIX_DIGITS and (begun := [(p, 100.0) for p in places if p.id.startswith(wanted.lower())]):
        return "prefix", begun
    folded = wanted.casefold()
    texts = [p.text.casefold() for p in places]
    if equal := [(p, 100.0) for p, text in zip(places, texts, strict=True) if text.strip() == folded]:
        return "text", equal
    if folded and (part := [p for p, text in zip(places, texts, strict=True) if folded in text]):
        held = [(p, fuzz.ratio(folded, p.text.casefold())) for p in part]
        return "part", sorted(held, key=lambda found: -found[1])
    alike = process.extract(folded, texts, scorer=fuzz.ratio, score_cutoff=SIMILAR, limit=_NEAREST)
    by: Literal["similar", "nothing"] = "similar" if alike else "nothing"
    alike = alike or process.extract(folded, texts, scorer=fuzz.WRatio, limit=_NEAREST)
    return by, [(places[number], similarity) for _, similarity, number in alike]


def _story_of(
    folder: RunFolder, place: _Place, index: dict[str, _Place], journal: Journal | None, stages: Sequence[str]
) -> Story:
    record = _load(folder, place)
    drop = record.drop

    def shown(id: str) -> Shown:
        there = index.get(id)
        return Shown(id=id, outcome=there.outcome, text=there.text) if there else Shown(id=id)

    nearest = None
    if drop is not None and (drop.nearest or drop.nearest_text):
        nearest = shown(drop.nearest) if drop.nearest else Shown(id="")
        nearest = nearest.model_copy(update={"text": drop.nearest_text or nearest.text})
    passed: Sequence[str] = ()
    if place.outcome == "accepted":
        passed = stages
    elif drop is not None and drop.stage in stages:
        passed = stages[: stages.index(drop.stage)]
    return Story(
        record=record,
        outcome=place.outcome,
        passed=tuple(passed),
        demonstrations=tuple(shown(id) for id in record.provenance.demonstrations),
        parents=tuple(shown(id) for id in record.provenance.parents),
        exchanges=tuple(_exchange_of(journal, key) for key in record.provenance.requests),
        nearest=nearest,
    )


def _load(folder: RunFolder, place: _Place) -> Record:
    if place.outcome == "seed":
        return next(seed for number, seed in enumerate(folder.seeds()) if number == place.row)
    return from_row(read_row(place.file, place.row))


def _exchange_of(journal: Journal | None, key: str) -> Exchange:
    if journal is None:
        return Exchange(key=key)
    reply = journal.get(key)
    return Exchange(key=key, request=journal.request(key), reply=reply.to_dict() if reply else None)


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
