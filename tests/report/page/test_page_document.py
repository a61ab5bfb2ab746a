"""The page as a browser's parser sees it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hostile import TEXTS, hostile_run, records
from store_parts import MADE_FROM, accepted, rejected, write_run

from synthgen.errors import StoreError
from synthgen.report import page_of
from synthgen.report.page import page, sample
from synthgen.store import RunFolder, RunReport, verify

OWN_TAGS = (
    "html head meta title style body main header div h1 h2 span p time a dl dt dd strong svg g rect line text section"
    " table thead tbody tr th td ul li ol button figure figcaption code noscript form label input select kbd article"
    " footer script"
)


class Seen(HTMLParser):
    """All elements with their attributes, and the text inside each kind of element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = Counter()  # type: ignore[assignment]
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "input", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        key = self._open[-1] if self._open else ""
        self.texts[key] = (self.texts[key] or "") + data

    def close(self) -> None:
        super().close()
        assert not self._open, f"never closed: {self._open}"

    def all_of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def read(run: Path) -> str:
    return (run / "report.html").read_text(encoding="utf-8")


def rows_of(text: str) -> list[dict[str, Any]]:
    (packed,) = re.findall(r'<script id="rows" type="application/octet-stream">([^<]*)</script>', text)
    rows: list[dict[str, Any]] = json.loads(gzip.decompress(base64.b64decode(packed)))
    return rows


def test_hostile_texts_make_no_element_and_no_attribute(tmp_path: Path) -> None:
    text = read(hostile_run(tmp_path / "run"))
    seen, plain = Seen(text), Seen(read(write_run(tmp_path / "plain", [accepted(1)], [rejected(1)])))
    assert {tag for tag, _ in seen.elements} <= set(OWN_TAGS.split())
    assert len(seen.all_of("script")) == len(plain.all_of("script")) == 2
    assert len(seen.all_of("style")) == 1
    for tag, attributes in seen.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcdoc", "style")], tag
    assert not [c for c in text if c != "\n" and not c.isprintable()]


def test_hostile_records_are_all_in_the_page_as_they_were(tmp_path: Path) -> None:
    rows = rows_of(read(hostile_run(tmp_path / "run")))
    wanted = [*records(), *records("near_duplicate")]
    for row, record in zip(rows, wanted, strict=True):
        assert (row["instruction"], row["output"], row["reasoning"]) == (record.instruction,) * 3
        assert row["scores"] == record.scores
    assert {row["instruction"] for row in rows} == set(TEXTS)
    assert rows[-1]["nearest_text"] == f"near {TEXTS[-1]}"


def test_nothing_is_loaded_and_nothing_but_its_own_script_may_run(tmp_path: Path) -> None:
    text = read(write_run(tmp_path / "run", [accepted(1)], [rejected(1)]))
    seen = Seen(text)
    (policy,) = [a["content"] or "" for a in seen.all_of("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert set(rules) == {"default-src", "style-src", "script-src", "base-uri", "form-action"}
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        contents = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        hashes = {base64.b64encode(hashlib.sha256(c.encode()).digest()).decode() for c in contents}
        assert rules[rule] == f"'sha256-{hashes.pop()}'"
        assert not hashes
    assert [a["href"] for _, a in seen.elements if "href" in a] == ["#records"]
    own = re.sub(r'<script id="rows".*?</script>', "", text, flags=re.S)
    assert not re.search(r"https?:|//[a-z]|@import|url\(|\bfetch\(|XMLHttp|WebSocket|import\(", own)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|setAttribute\(\"on", own)


def test_the_head_tells_the_numbers_of_the_report(tmp_path: Path) -> None:
    numbers: dict[str, Any] = {
        "cost_usd": 1.5,
        "target": 4,
        "attempts": 7,
        "status": "budget",
        "stopped_because": "the budget leaves no room",
        "requests": {"bought": 1234, "replayed": 5},
        "tokens": {"prompt": 20_000, "completion": 10_000},
        "wall_s": 90.0,
        "started_at": "2026-01-02T03:04:05+00:00",
    }
    text = Seen(read(write_run(tmp_path / "run", [accepted(1), accepted(2)], [rejected(1)], **numbers))).texts
    assert text["h1"] == "demo"
    assert "stopped by its budget" in text["span"]
    assert "The budget leaves no room." in text["p"]
    assert "2026-01-02 03:04" in text["time"]
    assert text["strong"].startswith("211,23430 k$1.502 min")
    for part in ("of 4 wanted", "33.3% of 3 generated", "5 replayed", "20,000 in, 10,000 out", "$0.7500 for each"):
        assert part in text["span"]
    assert "hash-1" in text["code"]
    assert "temperature 0.7" in text["td"]


def test_the_funnel_tells_what_each_stage_left_and_dropped(tmp_path: Path) -> None:
    text = read(write_run(tmp_path / "run", [accepted(i) for i in range(8)], [rejected(1), rejected(2)]))
    (table,) = re.findall(r'<table class="funnel">.*?</table>', text)
    stages = re.findall(
        r'<th scope="row">(\w+)</th>.*?<td class="number">([\d,]+)</td><td class="[a-z ]+">(.*?)</td>', table
    )
    assert stages == [("generate", "10", "–"), ("length", "8", "−2")]
    assert (
        '<button type="button" class="link" data-stage="length" data-reason="too_short">2 too_short</button>' in table
    )


def test_lengths_types_openings_and_distinct_n_are_shown(tmp_path: Path) -> None:
    kept = [accepted(i, task_type=f"type_{i % 14}", language="x" * 99) for i in range(28)]
    seen = Seen(read(write_run(tmp_path / "run", kept)))
    labels = [a["aria-label"] or "" for a in seen.all_of("svg") if a.get("role") == "img"]
    assert [label.split(":")[0] for label in labels] == [
        "instruction in words, 28 records",
        "input in words, 10 records",
        "output in words, 28 records",
    ]
    assert "median 6, mean 6" in labels[0]
    assert "2 more" in seen.texts["th"]
    assert "x" * 59 + "…" in seen.texts["th"]
    assert "x" * 60 not in seen.texts["th"]
    assert "write the" in seen.texts["th"]
    assert "Distinct-1Distinct-2Distinct-3" in seen.texts["dt"]


def test_near_duplicates_are_drawn_with_their_threshold(tmp_path: Path) -> None:
    scores = [0.71, 0.72, 0.9, 1.0, float("nan")]
    lost = [
        accepted(i).dropped("near_duplicate", stage="near_duplicate", score=s, limit=0.7, nearest_text="x")
        for i, s in enumerate(scores)
    ]
    text = read(write_run(tmp_path / "run", [], lost))
    assert "threshold 0.7</text>" in text
    assert "<title>0.70 to 0.72: 1</title>" in text
    assert "<title>0.72 to 0.74: 1</title>" in text
    assert "<title>0.98 to 1.00: 1</title>" in text
    assert "ROUGE-L of 4 rejected near-duplicates" in text
    without = read(write_run(tmp_path / "other", [accepted(1)], [rejected(1)]))
    assert "Nearest neighbours" not in without


def test_a_sample_is_said_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, lost = [accepted(i) for i in range(30)], [rejected(i) for i in range(10)]
    whole = read(write_run(tmp_path / "whole", kept, lost))
    assert "All 30 accepted and all 10 rejected records." in whole
    monkeypatch.setattr(sample, "MOST_ROWS", 24)
    monkeypatch.setattr(sample, "LEAST_ROWS", 1)
    text = read(write_run(tmp_path / "run", kept, lost))
    assert "A sample: 14 of 30 accepted and 10 of 10 rejected records" in text
    assert len(rows_of(text)) == 24


def test_ten_thousand_records_make_a_page_of_a_few_megabytes(tmp_path: Path) -> None:
    kept = [accepted(i, output=f"{i * 7919 % 10007} " * 120) for i in range(6000)]
    text = read(write_run(tmp_path / "run", kept, [rejected(i) for i in range(6000)], together=True))
    assert len(rows_of(text)) == sample.MOST_ROWS
    assert len(text) < 2_000_000


def test_a_run_without_records_has_a_page(tmp_path: Path) -> None:
    text = read(write_run(tmp_path / "run", status="short"))
    assert Seen(text).texts["h1"] == "demo"
    assert rows_of(text) == []
    assert "No record was rejected." in text


def test_equal_runs_have_equal_pages_and_a_lost_page_is_made_anew(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [accepted(i) for i in range(5)], [rejected(1)])
    before = read(run)
    assert page_of(run) == run / "report.html"
    (run / "report.html").unlink()
    assert verify(run).missing == ("report.html",)
    assert read(page_of(run).parent) == before
    assert verify(run).ok
    folder = RunFolder.open(run)
    assert page(MADE_FROM.name, folder, RunReport.model_validate(folder.report())) == before


def test_a_run_that_has_not_ended_has_no_page(tmp_path: Path) -> None:
    RunFolder.create_or_open(tmp_path / "run", {"name": "x"}).close()
    with pytest.raises(StoreError, match=r"has no report\.json yet"):
        page_of(tmp_path / "run")
