from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt
from store_parts import accepted, rejected, report, write_run

from synthgen.records import Provenance
from synthgen.report.card import Summary, card, escape, fenced
from synthgen.store.manifest import Ingredients
from synthgen.store.report import Tokens, Took

HOSTILE = [
    "```\n# heading\n<script>alert(1)</script>",
    "`````` six\n---\nlicense: mit\n---",
    "| a | b |\n| --- | --- |\n</details><img src=x onerror=alert(1)>",
    "[click](javascript:alert(1)) ![x](http://evil) <http://evil> www.evil.com **bold** ~~~",
    "\x1b[31mred\x1b[0m \u202ereversed \u2028 line \x00 nul \x85",
    "{{ jinja }} $x$ <!-- comment --> &lt; \\",
]


def head_of(text: str) -> dict[str, Any]:
    _, head, _ = text.split("---\n", 2)
    value: dict[str, Any] = yaml.safe_load(head)
    return value


def tokens(text: str) -> Iterator[Any]:
    body = text.split("---\n", 2)[2]
    for token in MarkdownIt("commonmark").enable("table").parse(body):
        yield token
        yield from token.children or ()


def made(records: list[Any], dropped: list[Any] = [], made_from: Ingredients | None = None, **fields: Any) -> str:  # noqa: B006
    summary = Summary()
    summary.add(records)
    return card(report(records, dropped, **fields), made_from or Ingredients(name="demo"), summary, "abc")


def test_what_the_replies_took_is_told_with_the_share_of_the_prefix_cache() -> None:
    took = Took(requests=2113, tokens=Tokens.of(120_000, 8_000, 45_600), cost_usd=1.239)
    text = made([accepted(1)], took=took)
    assert "the rejected ones: 2,113, with 120,000 prompt tokens, 38.0% of them from a server's prefix cache" in text
    assert "8,000 completion tokens; \\$1.24 by" in text
    free = made([accepted(1)], took=Took(requests=2, tokens=Tokens.of(10, 5, 0), cost_usd=0.0))
    assert "with 10 prompt tokens, and 5 completion tokens." in free
    assert "Replies behind" not in made([accepted(1)])


def test_front_matter_holds_what_the_hub_reads() -> None:
    records = [accepted(1), accepted(2, language="de"), accepted(3, language="not a code"), accepted(4, language=None)]
    assert head_of(made(records)) == {
        "pretty_name": "demo",
        "language": ["de", "en"],
        "size_categories": ["n<1K"],
        "task_categories": ["text-generation"],
        "annotations_creators": ["machine-generated"],
        "tags": ["synthetic", "synthgen", "instruction-tuning"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": "train", "path": "data/train-*.parquet"}],
                "description": "SHA-256 of the data: abc",
            }
        ],
    }


def test_the_licence_is_the_users_or_none() -> None:
    assert head_of(made([accepted(1)], made_from=Ingredients(name="x", license="cc-by-4.0")))["license"] == "cc-by-4.0"
    assert "No licence has been set" in made([accepted(1)])


@pytest.mark.parametrize(
    ("count", "size"), [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**6, "1M<n<10M"), (10**12, "100M<n<1B")]
)
def test_size_categories(count: int, size: str) -> None:
    text = card(
        report([], []).model_copy(update={"accepted": count, "generated": count}), Ingredients(name="x"), Summary(), "a"
    )
    assert head_of(text)["size_categories"] == [size]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_of_a_model_becomes_markup(hostile: str) -> None:
    records = [
        accepted(
            i,
            instruction=hostile,
            input=hostile,
            output=hostile,
            task_type=hostile,
            provenance=Provenance(model=hostile),
        )
        for i in range(2)
    ]
    dropped = [accepted(9).dropped("odd", stage=hostile)]
    plain = [accepted(i, task_type="a", provenance=Provenance(model="m")) for i in range(2)]
    made_from = Ingredients(name=hostile, prompts={hostile: hostile}, recipe={"filter": hostile})
    tame = Ingredients(name="name", prompts={"a": "b"}, recipe={"filter": "c"})
    found = [t.type for t in tokens(made(records, dropped, made_from)) if t.type not in ("text", "text_special")]
    expected = [t.type for t in tokens(made(plain, dropped, tame)) if t.type not in ("text", "text_special")]
    assert found == expected
    text = made(records, dropped, made_from)
    assert all(c.isprintable() or c == "\n" for c in text)
    assert head_of(text).keys() == head_of(made(plain)).keys()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_escaped_text_reads_as_it_was(hostile: str) -> None:
    rendered = MarkdownIt("commonmark").parseInline(escape(hostile))[0]
    assert {t.type for t in rendered.children or ()} <= {"text", "text_special"}
    shown = "".join(t.content for t in rendered.children or ())
    assert "".join(c for c in hostile if c.isprintable() and c != " ").replace(" ", "") in shown.replace(
        "\\u001b", ""
    ).replace("\\u202e", "").replace("\\u0000", "").replace(" ", "")


def test_a_fence_is_longer_than_any_in_the_text() -> None:
    assert fenced("a ```` b", "json") == "`````json\na ```` b\n`````"
    assert fenced("a", "json") == "```json\na\n```"


def test_the_funnel_names_stages_and_reasons() -> None:
    text = made([accepted(1)], [rejected(1), rejected(2)])
    assert "| length | 3 | 0 | 2 | too\\_short 2 |" in text
    assert "1 accepted of 3 generated records" in text
    assert '| teacher | hash-1 | \\{"temperature"\\: 0.7\\} |' in text


def test_nothing_that_varies_between_equal_runs_is_in_it(tmp_path: Path) -> None:
    base = [accepted(1)], [rejected(1)]
    varied: dict[str, Any] = {
        "attempts": 77,
        "wall_s": 8.25,
        "started_at": "2026-01-01T00:00:00+00:00",
        "status": "interrupted",
        "stopped_because": "asked to stop",
        "cost_usd": 0.5,
    }
    assert made(*base) == made(*base, **varied)


def test_long_tables_are_cut_and_nothing_is_left_uncounted() -> None:
    records = [accepted(i, task_type=f"type{i}") for i in range(40)] + [accepted(99, task_type=None)]
    text = made(records)
    table = text.split("| task type | records |")[1].split("\n\n")[0]
    assert sum(int(line.split("|")[2]) for line in table.strip().splitlines()[1:]) == 41
    assert "| 11 more | 11 |" in table
    assert "| not determined | 1 |" in made(records[-1:])


def test_long_samples_are_cut() -> None:
    text = made([accepted(i, output="x" * 5000) for i in range(9)])
    assert len(text) < 6500
    assert text.count("```json") == 3


def test_the_card_on_disk_is_utf8_with_a_final_line_feed(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [accepted(1, instruction="grüße \ud800")])
    text = (run / "dataset" / "README.md").read_bytes().decode("utf-8")
    assert "grüße" in text
    assert text.endswith("\n")


def test_the_call_on_the_card_opens_a_dataset_without_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    run = write_run(tmp_path / "run", [], [rejected(1)])
    text = (run / "dataset/README.md").read_text()
    assert 'load_dataset("path/to/dataset", split="train", streaming=True)' in text
    data = datasets.load_dataset(str(run / "dataset"), split="train", streaming=True, cache_dir=str(tmp_path / "cache"))
    assert list(data) == []
    assert data.column_names[:2] == ["id", "instruction"]
