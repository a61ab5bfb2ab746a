from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from synthgen.errors import StoreError
from synthgen.journal.journal import Journal
from synthgen.records import Provenance, Record
from synthgen.report import Presentation
from synthgen.report.explanation import Explanation, explain, explanation_view
from synthgen.requests.request import Choice, Completion, Request, Sampling, Usage
from synthgen.store import DatasetWriter, Ingredients, RunFolder, RunReport, StageFlow

SEEDS = [Record(instruction="Name three rivers."), Record(instruction="Translate 'tree' into French.")]
REQUEST = Request(
    model="hash-1",
    messages=({"role": "user", "content": "Write a task like: Name three rivers."},),
    sampling=Sampling(temperature=0.7, max_tokens=64),
)
REPLY = Completion((Choice("Name four \x1b[31mlakes.", "stop"),), Usage(12, 5))
MADE = Provenance(
    attempt=0, index=0, model="hash-1", requests=(REQUEST.key, "0" * 64), demonstrations=(SEEDS[0].id, "f" * 16)
)
LAKES = Record(
    instruction="Name four lakes.", output="Como, Garda, Iseo, Lugano", provenance=MADE, scores={"quality": 0.8}
)
CHILD = Record(instruction="Name four deep lakes of the world.", provenance=Provenance(attempt=1, parents=(LAKES.id,)))
SIMILAR = Record(instruction="Name five lakes.", provenance=Provenance(attempt=2)).dropped(
    "near_duplicate",
    score=0.8125,
    limit=0.7,
    nearest=LAKES.id,
    stage="near_duplicate",
    detail="with a limit of 0.82 it would have passed",
)
SAME = Record(instruction="name four lakes.", provenance=Provenance(attempt=3)).dropped(
    "near_duplicate", score=1.0, limit=0.7, nearest=LAKES.id, nearest_text="Name four lakes.", stage="near_duplicate"
)
MANY = [Record(instruction=f"Count to {i} in Danish.", provenance=Provenance(attempt=10 + i)) for i in range(20)]
SHORT = Record(instruction="Lakes", provenance=Provenance(attempt=4)).dropped(
    "too_short", score=1, limit=3, stage="length"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explain") / "run"
    kept, dropped = [LAKES, CHILD, *MANY], [SIMILAR, SAME, SHORT]
    with RunFolder.create_or_open(path, {"name": "demo"}) as folder, Journal(folder.journal_path) as journal:
        asyncio.run(journal.put(REQUEST.key, REQUEST, REPLY))
        folder.save_seeds(SEEDS)
        writer = DatasetWriter(folder, Presentation)
        writer.commit(kept, dropped)
        report = RunReport(
            generated=25,
            accepted=22,
            rejected=3,
            status="done",
            funnel=tuple(StageFlow(stage=name) for name in ("generate", "length", "near_duplicate", "respond")),
        )
        writer.finish(report, Ingredients(name="demo"))
    return path


def text_of(explanation: Explanation, *, full: bool = False) -> str:
    out = io.StringIO()
    Console(file=out, width=200).print(explanation_view(explanation, full=full))
    return out.getvalue()


def test_an_accepted_record_by_id(run: Path) -> None:
    found = explain(run, LAKES.id)
    assert found.by == "id"
    (story,) = found.stories
    assert (story.record, story.outcome) == (LAKES, "accepted")
    assert story.passed == ("generate", "length", "near_duplicate", "respond")
    seed, gone = story.demonstrations
    assert (seed.outcome, seed.text) == ("seed", "Name three rivers.")
    assert (gone.outcome, gone.text) == (None, None)
    bought, missing = story.exchanges
    assert bought.request == REQUEST.to_dict() | {"messages": [dict(m) for m in REQUEST.messages], "tools": []}
    assert bought.reply == REPLY.to_dict()
    assert (missing.request, missing.reply) == (None, None)
    shown = text_of(found)
    for words in (
        f"{LAKES.id}  accepted",
        "Como, Garda",
        "written by: hash-1",
        "quality 0.8",
        "generate → length → near_duplicate → respond",
        f"{SEEDS[0].id} (seed) Name three rivers.",
        f"{'f' * 16} is not in this run folder",
        "Write a task like: Name three rivers.",
        '"temperature": 0.7',
        "Name four \\u001b[31mlakes.",
        "12 prompt tokens, 5 completion tokens",
        "is not in this folder's journal",
    ):
        assert words in shown
    assert "\x1b" not in shown


def test_a_rejected_record_says_where_why_and_by_how_much(run: Path) -> None:
    (story,) = explain(run, SIMILAR.id).stories
    assert story.outcome == "rejected"
    assert story.passed == ("generate", "length")
    assert story.nearest is not None
    assert (story.nearest.id, story.nearest.outcome, story.nearest.text) == (LAKES.id, "accepted", "Name four lakes.")
    shown = text_of(explain(run, SIMILAR.id))
    for words in (
        "rejected by near_duplicate: near_duplicate",
        "score 0.8125, limit 0.7",
        "with a limit of 0.82 it would have passed",
        f"nearest: {LAKES.id} (accepted) Name four lakes.",
    ):
        assert words in shown


def test_a_child_names_its_parent_and_a_seed_is_found_too(run: Path) -> None:
    (story,) = explain(run, CHILD.id).stories
    assert [(p.id, p.text) for p in story.parents] == [(LAKES.id, "Name four lakes.")]
    assert f"made from\n  {LAKES.id}" in text_of(explain(run, CHILD.id))
    (story,) = explain(run, SEEDS[1].id).stories
    assert (story.outcome, story.record, story.passed) == ("seed", SEEDS[1], ())


def test_by_the_first_digits_of_an_id(run: Path) -> None:
    found = explain(run, SHORT.id[:9].upper())
    assert found.by == "prefix"
    assert [s.record for s in found.stories] == [SHORT]


def test_by_the_whole_instruction_whatever_its_case(run: Path) -> None:
    found = explain(run, " NAME FOUR LAKES. ")
    assert found.by == "text"
    assert [s.record for s in found.stories] == [LAKES, SAME]
    assert text_of(found).count("─" * 60) == 1


def test_by_a_part_of_the_instruction(run: Path) -> None:
    found = explain(run, "deep lakes of")
    assert (found.by, [s.record for s in found.stories]) == ("part", [CHILD])


def test_by_a_similar_instruction(run: Path) -> None:
    found = explain(run, "Translate 'trees' into french")
    assert (found.by, [s.record for s in found.stories]) == ("similar", [SEEDS[1]])


def test_many_matches_are_listed(run: Path) -> None:
    found = explain(run, "Count to", candidates=5)
    assert found.by == "part"
    assert found.stories == ()
    assert (len(found.candidates), found.more) == (5, 15)
    shown = text_of(found)
    assert "Count to 0 in Danish." in shown
    assert "and 15 more" in shown
    assert len(explain(run, "Count to", stories=20).stories) == 20


def test_nothing_found_lists_the_nearest(run: Path) -> None:
    found = explain(run, "Which lakes lie in Mongolia?")
    assert found.by == "nothing"
    assert found.stories == ()
    assert found.more == 0
    assert "lakes" in found.candidates[0].text.casefold()
    assert "no record with this id or text; the nearest are" in text_of(found)


def test_it_comes_as_json(run: Path) -> None:
    data = json.loads(explain(run, SAME.id).model_dump_json())
    assert data["stories"][0]["record"]["drop"]["reason"] == "near_duplicate"
    assert Explanation.model_validate(data) == explain(run, SAME.id)


def test_long_texts_are_cut_unless_full(tmp_path: Path) -> None:
    record = Record(instruction="Write much.", output="a" * 5000)
    with RunFolder.create_or_open(tmp_path / "run", {"name": "demo"}) as folder:
        writer = DatasetWriter(folder, Presentation)
        writer.commit([record], [])
        writer.finish(RunReport(generated=1, accepted=1, rejected=0, status="done"), Ingredients(name="demo"))
    found = explain(tmp_path / "run", record.id)
    assert "3,000 characters more" in text_of(found)
    assert text_of(found, full=True).count("a") >= 5000


def test_a_run_without_records(tmp_path: Path) -> None:
    with RunFolder.create_or_open(tmp_path / "run", {"name": "demo"}) as folder:
        with pytest.raises(StoreError, match="the run has not ended"):
            explain(tmp_path / "run", "x")
        DatasetWriter(folder, Presentation).finish(
            RunReport(generated=0, accepted=0, rejected=0, status="short"), Ingredients(name="demo")
        )
    assert "the run folder holds no records" in text_of(explain(tmp_path / "run", "anything"))
    with pytest.raises(StoreError, match="does not exist"):
        explain(tmp_path / "nowhere", "x")
