from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from synthgen.filters.duplicates import NearDuplicate
from synthgen.protocols import Preparation
from synthgen.records import Drop, Provenance, Record


def prepared(*seeds: Record, **settings: object) -> NearDuplicate:
    near_duplicate = NearDuplicate(**settings)
    near_duplicate.prepare(Preparation(render=str, seeds=seeds, seed=0, base="."))
    return near_duplicate


def reasons(near_duplicate: NearDuplicate, *instructions: str) -> list[str | None]:
    drops = [near_duplicate(Record(instruction=i)) for i in instructions]
    return [drop and drop.reason for drop in drops]


def dropped(near_duplicate: NearDuplicate, instruction: str) -> Drop:
    drop = near_duplicate(Record(instruction=instruction))
    assert drop is not None
    return drop


def test_keeps_the_first_and_drops_what_is_close_to_it():
    assert reasons(
        prepared(),
        "Name three rivers in Europe.",
        "Say why the sky is blue.",
        "Name three long rivers in Europe!",
        "name three rivers in europe.",
        "Name three  rivers in EUROPE.",
        "Name three rivers in Europe",
    ) == [None, None, "near_duplicate", "duplicate", "duplicate", "near_duplicate"]


def test_the_evidence_names_the_nearest_text():
    near_duplicate = prepared()
    kept = [Record(instruction=i) for i in ("a b c d e f g p q r", "a b c d e f g x y z")]
    assert [near_duplicate(record) for record in kept] == [None, None]
    drop = dropped(near_duplicate, "a b c d e f g x v w")
    assert (drop.reason, drop.limit, drop.nearest, drop.nearest_text) == (
        "near_duplicate",
        0.7,
        kept[1].id,
        kept[1].instruction,
    )
    assert drop.score == pytest.approx(0.8)


@pytest.mark.parametrize("rule", ["gt", "ge"])
@pytest.mark.parametrize("arithmetic", ["exact", "compat"])
@pytest.mark.parametrize(
    "instruction", ["a b c d e f x", "a b c d e f", "a b c d e f g h i j k l m", "b c d e f g z y x"]
)
def test_the_counterfactual_is_true(instruction, rule, arithmetic):
    def at(threshold: float) -> NearDuplicate:
        near_duplicate = prepared(threshold=threshold, rule=rule, arithmetic=arithmetic)
        assert near_duplicate(Record(instruction="a b c d e f g")) is None
        return near_duplicate

    drop = dropped(at(0.5), instruction)
    assert drop.detail is not None
    (least,) = map(float, re.findall(r"[\d.]+", drop.detail))
    assert drop.detail.startswith("kept at a threshold of" if rule == "gt" else "kept above")
    record = Record(instruction=instruction)
    assert at(least if rule == "gt" else least + 1e-9)(record) is None
    assert at(least - 2e-4)(record) is not None


def test_seed_tasks_count_unless_told_otherwise():
    seed = Record(instruction="Name three rivers in Europe.")
    drop = dropped(prepared(seed), "Name three long rivers in Europe.")
    assert (drop.nearest, drop.nearest_text) == (seed.id, seed.instruction)
    assert reasons(prepared(seed, against_seeds=False), "Name three long rivers in Europe.") == [None]


def test_fields_are_compared_joined():
    a = Record(instruction="Translate into German.", input="Good morning, how are you doing today?")
    b = Record(instruction="Translate into German.", input="Where is the nearest train station, please?")
    assert prepared()(a) is None
    instructions, both = prepared(), prepared(fields=["instruction", "input"])
    assert [instructions(a) is None, instructions(b) is None] == [True, False]
    assert [both(a) is None, both(b) is None] == [True, True]


def test_a_new_run_starts_afresh():
    near_duplicate = prepared()
    assert reasons(near_duplicate, "Name three rivers.", "Name three rivers.") == [None, "duplicate"]
    near_duplicate.prepare(Preparation(render=str, seeds=(), seed=0, base="."))
    assert reasons(near_duplicate, "Name three rivers.") == [None]


WHAT = ["What is a homonym?", "What is a dam?", "What is a fjord?", "What is a verb?"]


def test_a_cap_keeps_so_many_of_a_template():
    assert reasons(prepared(), *WHAT) == [None, *["near_duplicate"] * 3]
    assert reasons(prepared(cap_per_template=2), *WHAT) == [None, None, None, "near_duplicate"]
    assert reasons(prepared(cap_per_template=9), *WHAT, WHAT[1]) == [None] * 4 + ["duplicate"]


def test_a_cap_holds_along_chains():
    chain = [" ".join(f"w{i}" for i in range(start, start + 10)) for start in range(8)]
    kept = [i for i, reason in enumerate(reasons(prepared(cap_per_template=2), *chain)) if reason is None]
    # 3 and 4 are near to 2 only, which shares a template with 0; 5 is near to nothing that is kept
    assert kept == [0, 1, 2, 5, 6, 7]


def test_a_cap_is_for_texts_with_a_rare_word_of_their_own():
    near_duplicate = prepared(cap_per_template=5)
    common = ["the river", "the lake", "a river of the lake", "quick the brown", "fox over the", "lazy the dog"]
    assert set(reasons(near_duplicate, *common)) == {None}
    assert reasons(near_duplicate, "name some rivers and say why they are long") == [None]
    assert reasons(near_duplicate, "name some rivers and say why they are the long") == ["near_duplicate"]
    assert reasons(near_duplicate, "name some rivers and say why they are very long") == [None]


@pytest.mark.parametrize(
    "settings", [{"threshold": 0}, {"threshold": 1.1}, {"fields": []}, {"fields": ["id"]}, {"rule": "lt"}, {"limit": 1}]
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ValidationError):
        NearDuplicate(**settings)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("exact", [None, None, "near_duplicate", "duplicate", "near_duplicate"]),
        ("hash", [None, None, None, "duplicate", "near_duplicate"]),
        ("minhash", [None, None, "near_duplicate", "duplicate", "near_duplicate"]),
    ],
)
def test_methods(method, expected):
    near_duplicate = prepared(method=method)
    rivers = "Name three rivers in Europe that flow into the Black Sea."
    texts = [rivers, "Say why the sky is blue.", rivers.replace("three", "four"), rivers, rivers.replace(".", "!")]
    assert reasons(near_duplicate, *texts) == expected
    drop = dropped(near_duplicate, rivers)
    assert (drop.score, drop.limit) == (1.0, {"exact": 0.7, "hash": 1.0, "minhash": 0.4}[method])
    assert "no threshold would keep it" in str(drop.detail)
    assert dropped(near_duplicate, rivers + "?").detail == "the same words, so no threshold would keep it"


def test_semantic_needs_a_model():
    with pytest.raises(ValidationError, match="method semantic needs embedding_model"):
        NearDuplicate(method="semantic")


def test_rows_of_a_dataset_are_compared_by_what_they_work_on_too():
    ask = "Translate the following sentence into French, and answer with the translation alone."
    inputs = ["The cat sleeps.", "I bought bread.", "The cat sleeps!", "Where is the station?"]

    def reasons(filter_, **provenance):
        rows = [Record(instruction=ask, input=i, provenance=Provenance(**provenance)) for i in inputs]
        return [found.reason if (found := filter_(row)) else None for row in rows]

    assert reasons(prepared(), source="rows.jsonl:1") == [None, None, "near_duplicate", None]
    assert reasons(prepared(), attempt=1) == [None, "duplicate", "duplicate", "duplicate"]
    assert reasons(prepared(fields=["instruction"]), source="rows.jsonl:1") == [
        None,
        "duplicate",
        "duplicate",
        "duplicate",
    ]
    by_both = prepared()
    passage = "A long text on a town. " * 30
    questions = [("Who lives here?", passage), ("When was it built?", passage), ("Who lives here?", passage)]
    found = [by_both(Record(instruction=q, input=p, provenance=Provenance(source="a"))) for q, p in questions]
    assert [drop.reason if drop else None for drop in found] == [None, None, "duplicate"]
    assert found[2].nearest_text == f"Who lives here?\n{passage.strip()}"
