"""The shipped seed tasks: complete, distinct, correct where a program can tell, and counted truly in their README."""

import ast
import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import jsonschema
import pytest

from synthgen.records import Record
from synthgen.text import rouge_l, tokenize

SEEDS = Path(__file__).parents[1] / "seeds"
KEYS = {"id", "task_type", "language", "instruction", "input", "output", "is_classification"}
OPTIONAL_KEYS = {"system", "history", "tools", "reasoning"}
TASK_TYPES = {
    "classification",
    "coding",
    "creative_writing",
    "dialogue",
    "extraction",
    "planning",
    "question_answering",
    "reasoning",
    "rewriting",
    "summarization",
    "tool_use",
    "translation",
}
FENCED_PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


def rows_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


ROWS = [row for path in sorted(SEEDS.glob("*.jsonl")) for row in rows_of(path)]
RECORDS = [Record.model_validate(row) for row in ROWS]


def of_type(task_type: str) -> list[Record]:
    return [r for r in RECORDS if r.task_type == task_type]


def python_blocks() -> list:
    return [
        pytest.param(block, id=f"{r.id}-{n}")
        for r in RECORDS
        for n, block in enumerate(FENCED_PYTHON.findall(r.output or ""))
    ]


def json_answers() -> list:
    return [pytest.param(r, id=r.id) for r in of_type("tool_use") if (r.output or "").startswith(("{", "["))]


def test_there_are_enough_seed_tasks():
    assert len(RECORDS) >= 220


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_line_has_every_field_and_no_stray_space(row):
    assert KEYS <= row.keys() <= KEYS | OPTIONAL_KEYS
    for key in ("instruction", "input", "output"):
        assert row[key] == row[key].strip()
    assert row["instruction"]
    assert row["output"]


def test_each_file_holds_its_own_task_type_numbered_in_order():
    for path in SEEDS.glob("*.jsonl"):
        rows = rows_of(path)
        assert {row["task_type"] for row in rows} == {path.stem}
        assert [row["id"] for row in rows] == [f"{path.stem}_{n:03d}" for n in range(1, len(rows) + 1)]


def test_ids_are_unique():
    assert max(Counter(r.id for r in RECORDS).values()) == 1


def test_every_task_type_has_at_least_fourteen_tasks():
    counts = Counter(r.task_type for r in RECORDS)
    assert counts.keys() == TASK_TYPES
    assert min(counts.values()) >= 14


def test_at_least_nine_further_languages_have_at_least_six_tasks():
    counts = Counter(r.language for r in RECORDS)
    assert sum(n >= 6 for language, n in counts.items() if language != "en") >= 9
    assert min(counts.values()) >= 6
    assert counts["en"] >= 100


def test_about_half_of_the_tasks_have_an_input():
    assert 0.4 <= sum(bool(r.input) for r in RECORDS) / len(RECORDS) <= 0.6


def test_answers_are_of_varied_length():
    words = [len((r.output or "").split()) for r in RECORDS if r.language not in {"zh", "ja"}]
    assert min(words) == 1
    assert sum(n <= 3 for n in words) >= 30
    assert sum(n >= 100 for n in words) >= 20


def test_no_two_instructions_are_near_duplicates():
    tokens = [tokenize(r.instruction, "unicode") for r in RECORDS]
    assert all(tokens)
    pairs = combinations(range(len(RECORDS)), 2)
    alike = [(RECORDS[i].id, RECORDS[j].id) for i, j in pairs if rouge_l(tokens[i], tokens[j]) > 0.7]
    assert alike == []


def test_no_instruction_or_answer_repeats_an_input():
    inputs = {r.input for r in RECORDS if r.input}
    assert [r.id for r in RECORDS if r.instruction in inputs or r.output in inputs] == []


def test_no_label_dominates_the_classification_tasks():
    labels = Counter(r.output.casefold() for r in RECORDS if r.is_classification)
    assert len(labels) >= 20
    assert max(labels.values()) <= 3
    assert all(r.is_classification for r in of_type("classification"))


@pytest.mark.parametrize(
    "labels",
    [
        {"positive", "negative", "mixed"},
        {"billing", "sales", "technical support"},
        {"entailment", "contradiction", "neutral"},
        {"spam", "not spam"},
        {"formal", "neutral", "informal"},
        {"true", "false"},
    ],
    ids=lambda labels: "-".join(sorted(labels)),
)
def test_every_label_of_a_recurring_set_is_some_answer(labels):
    given = [
        r.output.casefold()
        for r in RECORDS
        if r.is_classification and all(label in f"{r.instruction} {r.input}".casefold() for label in labels)
    ]
    assert set(given) == labels


@pytest.mark.parametrize("block", python_blocks())
def test_python_in_an_answer_compiles(block):
    ast.parse(block)


def test_there_is_python_to_compile_and_there_are_calls_to_check():
    assert len(python_blocks()) >= 10
    assert len(json_answers()) >= 12


@pytest.mark.parametrize("record", json_answers())
def test_a_call_fits_a_function_that_was_offered(record):
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in record.tools}
    answer = json.loads(record.output)
    for call in answer if isinstance(answer, list) else [answer]:
        assert call.keys() == {"name", "arguments"}
        jsonschema.validate(call["arguments"], {**schemas[call["name"]], "additionalProperties": False})


def test_tool_use_also_shows_when_not_to_call():
    assert len(of_type("tool_use")) - len(json_answers()) >= 5
    assert all(r.tools for r in of_type("tool_use"))


def test_dialogues_mostly_have_earlier_turns_that_alternate():
    dialogues = [r for r in of_type("dialogue") if r.history]
    assert len(dialogues) >= 14
    for record in dialogues:
        roles = [message.role for message in record.history]
        assert roles == ["user", "assistant"] * (len(roles) // 2)


def test_json_that_an_extraction_answers_with_parses():
    answers = [r.output for r in of_type("extraction") if (r.output or "").startswith(("{", "["))]
    assert len(answers) >= 2
    for answer in answers:
        json.loads(answer)


@pytest.mark.parametrize("field", ["task_type", "language"])
def test_the_readme_counts_are_true(field):
    readme = (SEEDS / "README.md").read_text(encoding="utf-8")
    counts = Counter(getattr(r, field) for r in RECORDS)
    table = {name: int(n) for name, n in re.findall(r"^\| `(\w+)` .*\| (\d+) \|$", readme, re.MULTILINE)}
    assert {name: n for name, n in table.items() if name in counts} == dict(counts)
    assert f"**{len(RECORDS)} seed tasks**" in readme


def test_the_readme_counts_nothing_that_does_not_exist():
    readme = (SEEDS / "README.md").read_text(encoding="utf-8")
    names = re.findall(r"^\| `(\w+)` .*\| \d+ \|$", readme, re.MULTILINE)
    assert sorted(names) == sorted({r.task_type for r in RECORDS} | {r.language for r in RECORDS})
