from __future__ import annotations

import contextlib
import math
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_parts import accepted

from synthgen.errors import StoreError
from synthgen.records import Answer, Drop, Message, Provenance, Record
from synthgen.store.record_files import RecordWriter, records_in
from synthgen.store.table import from_row, schema, to_row

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
MAYBE = st.none() | TEXT
FLOAT = st.floats(allow_nan=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOAT.filter(math.isfinite) | TEXT,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXT, below, max_size=3),
    max_leaves=5,
)
OBJECTS = st.lists(st.dictionaries(TEXT, JSON, max_size=3), max_size=2).map(tuple)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
WHOLE = st.integers(-(2**63), 2**63 - 1)

MESSAGES = st.builds(
    Message,
    role=st.sampled_from(["system", "user", "assistant", "tool"]),
    content=TEXT,
    name=MAYBE,
    tool_calls=OBJECTS,
)
ANSWERS = st.builds(Answer, text=TEXT, score=st.none() | FLOAT, model=MAYBE)
DROPS = st.builds(
    lambda reason, **evidence: Drop(reason, **evidence),
    st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True),
    score=st.none() | FLOAT,
    limit=st.none() | FLOAT,
    nearest=MAYBE,
    nearest_text=MAYBE,
    detail=MAYBE,
    stage=MAYBE,
)
PROVENANCES = st.builds(
    Provenance,
    attempt=st.none() | WHOLE,
    index=st.none() | WHOLE,
    round=WHOLE,
    model=MAYBE,
    requests=TEXTS,
    demonstrations=TEXTS,
    parents=TEXTS,
    source=MAYBE,
)
RECORDS = st.builds(
    Record,
    id=TEXT,
    instruction=TEXT,
    input=TEXT,
    output=MAYBE,
    system=TEXT,
    history=st.lists(MESSAGES, max_size=3).map(tuple),
    tools=OBJECTS,
    reasoning=MAYBE,
    task_type=MAYBE,
    is_classification=st.none() | st.booleans(),
    language=MAYBE,
    answers=st.lists(ANSWERS, max_size=3).map(tuple),
    scores=st.dictionaries(TEXT, FLOAT, max_size=3),
    provenance=PROVENANCES,
)


def through_parquet(records: list[Record], *, rejected: bool) -> list[Record]:
    with tempfile.TemporaryDirectory() as folder:
        writer = RecordWriter(Path(folder), "r", rejected=rejected)
        writer.add(records)
        return [record for path in writer.close() for record in records_in(path)]


@settings(max_examples=60)
@given(st.lists(RECORDS, max_size=4))
def test_accepted_records_come_back_as_they_were(records: list[Record]) -> None:
    assert through_parquet(records, rejected=False) == records


@settings(max_examples=60)
@given(st.lists(st.builds(lambda record, drop: record.dropped(drop), RECORDS, DROPS), max_size=4))
def test_rejected_records_come_back_with_their_evidence(records: list[Record]) -> None:
    assert through_parquet(records, rejected=True) == records


def test_not_yet_and_empty_stay_apart() -> None:
    records = [accepted(1, output=None, reasoning=None), accepted(2, output="", reasoning="")]
    back = through_parquet(records, rejected=False)
    assert [(r.output, r.reasoning) for r in back] == [(None, None), ("", "")]


def test_scores_that_json_does_not_know_come_back() -> None:
    record = accepted(1, scores={"a": math.inf, "b": -math.inf, "c": math.nan, "d": 1.5})
    row = to_row(record, rejected=False)
    assert row["scores_json"] == '{"a":"inf","b":"-inf","c":"nan","d":1.5}'
    scores = from_row(row).scores
    assert math.isnan(scores.pop("c"))
    assert scores == {"a": math.inf, "b": -math.inf, "d": 1.5}


DAMAGED: list[Any] = ["null", "3", "[]", "{}", '"x"', "[3]", '{"a": []}', "[", "[" * 10**5, "\x00", None, 3, [[]]]


@pytest.mark.parametrize("column", ["scores_json", "tools_json"])
@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_column_of_json_is_an_error_of_ours_or_a_record(column: str, text: Any) -> None:
    row = to_row(accepted(1, scores={"a": 1.0}, tools=({"name": "f"},)), rejected=False)
    with contextlib.suppress(StoreError):
        found = from_row({**row, column: text})
        assert all(isinstance(value, float) for value in found.scores.values())
        assert all(isinstance(tool, dict) for tool in found.tools)


def test_lone_surrogates_and_nul_in_every_text() -> None:
    bad = "a\ud800\x00é"
    record = Record(
        instruction="x",
        task_type=bad,
        language=bad,
        scores={bad: 1.0},
        tools=({bad: [bad]},),
        history=(Message(role="user", content="x", name=bad, tool_calls=({"k": bad},)),),
        provenance=Provenance(model=bad, requests=(bad,), demonstrations=(bad,), parents=(bad,), source=bad),
    ).replace(output=bad, reasoning=bad)
    (back,) = through_parquet([record.dropped("odd", nearest=bad, stage=bad, detail=bad)], rejected=True)
    good = "a\ufffd\x00é"
    assert (back.output, back.reasoning, back.task_type, back.language) == (good,) * 4
    assert (back.scores, back.tools) == ({good: 1.0}, ({good: [good]},))
    assert (back.history[0].name, back.history[0].tool_calls) == (good, ({"k": good},))
    assert back.provenance == Provenance(
        model=good, requests=(good,), demonstrations=(good,), parents=(good,), source=good
    )
    assert back.drop == Drop("odd", nearest=good, stage=good, detail=good)


def test_what_json_cannot_hold_names_the_record() -> None:
    record = accepted(1, tools=({"when": {1, 2}},))
    with pytest.raises(StoreError, match=f"record {record.id} cannot be written.*set"):
        to_row(record, rejected=False)


def test_a_value_of_the_wrong_type_names_record_and_field() -> None:
    good, bad = accepted(1), accepted(2).replace(output=17)
    with pytest.raises(StoreError, match=f"record {bad.id} cannot be written: its output is no string") as caught:
        through_parquet([good, bad], rejected=False)
    assert "find the stage" in str(caught.value)


TRAINERS_OWN = {
    *("prompt", "completion", "messages", "chosen", "rejected", "label", "labels", "text", "input_ids", "seq_lengths"),
    *("image", "images", "tools", "chat_template_kwargs", "conversations", "assistant_masks", "completion_mask"),
}
"""Columns to which TRL's trainers give a meaning of their own (TRL 1.16)."""


def test_no_column_has_a_name_that_trainers_take_for_theirs() -> None:
    assert not TRAINERS_OWN & set(schema(rejected=True).names)
    assert schema(rejected=True).names[: len(schema(rejected=False))] == schema(rejected=False).names


def test_files_hold_plain_types_and_no_metadata_of_other_libraries(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path, "r", rejected=True)
    writer.add([accepted(1).dropped("x")])
    (path,) = writer.close()
    file = pq.ParquetFile(path)
    assert file.schema_arrow.metadata is None
    assert file.metadata.metadata is None
    assert file.schema_arrow.names == schema(rejected=True).names
    assert [str(field.type) for field in file.schema_arrow if field.name in {"id", "attempt", "score"}] == [
        "string",
        "int64",
        "double",
    ]
