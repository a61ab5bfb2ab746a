"""The page in a real browser: what a reader sees, does and is kept safe from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import PROGRAM, Page, browsing
from hostile import TEXTS, hostile_run
from store_parts import accepted, rejected, write_run

from synthgen.records import Provenance, Record

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no chromium-headless-shell, chromium or google-chrome here")

READY = "!document.getElementById('browser').hidden"


@pytest.fixture
def page() -> Iterator[Page]:
    with browsing() as opened:
        yield opened


def show(page: Page, run: Path, *, dark: bool = False) -> None:
    page.open(run / "report.html", dark=dark)
    page.wait(READY)


def texts(page: Page, selector: str) -> list[str]:
    found: list[str] = page.value(f"[...document.querySelectorAll({selector!r})].map((node) => node.textContent)")
    return found


def near(number: int) -> Record:
    born = Provenance(attempt=number, requests=(f"key{number}", "ab" * 32), demonstrations=("classification_012",))
    text = f"Name {number} red, small animals; of the sea."
    record = accepted(number, instruction=text, output="fish", provenance=born)
    return record.dropped(
        "near_duplicate",
        stage="near_duplicate",
        score=0.8,
        limit=0.7,
        nearest=accepted(1).id,
        nearest_text=f"name {number} blue animals of the SEA now",
    )


def test_hostile_records_show_and_nothing_of_them_runs(tmp_path: Path, page: Page) -> None:
    show(page, hostile_run(tmp_path / "run"))
    elements = "document.querySelectorAll('img, iframe, object, embed, base, #record style, #list style').length"
    for number in range(2 * len(TEXTS)):
        assert page.value("document.getElementById('record').textContent.length") > 100
        assert page.value(elements) == 0
        shown = texts(page, "#record pre")
        wanted = TEXTS[number % len(TEXTS)]
        if wanted.isprintable():
            assert shown.count(wanted) >= 3
        page.press("j")
        shown_text = page.value("document.getElementById('browser').textContent")
        assert not set(shown_text) & set("\0\x1b\x07\r\x0c\x7f\u202e\u2066\u200b\ufeff\U000e0041\u2028\u2029")
    assert page.value("document.documentElement.dataset.owned") is None
    assert page.value("window.owned") is None
    assert page.events_of("Runtime.exceptionThrown") == []
    assert page.events_of("Log.entryAdded") == []
    assert page.events_of("Runtime.consoleAPICalled") == []
    requested = [event["request"]["url"] for event in page.events_of("Network.requestWillBeSent")]
    assert requested == [(tmp_path / "run" / "report.html").resolve().as_uri()]


def test_characters_that_cannot_be_seen_are_labels(tmp_path: Path, page: Page) -> None:
    show(page, hostile_run(tmp_path / "run"))
    for _ in range(6):
        page.press("j")
    assert texts(page, "#record pre:last-of-type .unseeable")[:6] == [
        "U+0000", "U+001B", "U+0007", "U+000D", "U+000C", "U+007F",
    ]  # fmt: skip
    page.press("j")
    assert texts(page, "#record pre:last-of-type .unseeable")[:5] == [
        "U+202E", "U+2066", "U+200B", "U+FEFF", "U+E0041",
    ]  # fmt: skip
    page.press("j")
    assert set(texts(page, "#record .unseeable")) == {"U+2028", "U+2029"}, "joiners in words and emoji are no danger"


def test_search_filters_and_keys(tmp_path: Path, page: Page) -> None:
    kept = [accepted(i) for i in range(120)]
    show(page, write_run(tmp_path / "run", kept, [rejected(i) for i in range(3)] + [near(1)]))
    count = "document.getElementById('count').textContent"
    current = "document.querySelector('#record header code').textContent"
    assert page.value(count) == "124 of 124 records"
    assert len(texts(page, "#list li")) == 50
    page.press("j")
    page.press("ArrowRight")
    page.press("k")
    assert page.value(current) == kept[1].id
    page.value("for (let i = 0; i < 49; i++) document.getElementById('next').click()")
    assert page.value(current) == kept[50].id
    assert page.value("document.getElementById('place').textContent") == "51–100"
    page.press("/")
    for character in "jk 77":
        page.press(character)
    assert page.value("document.getElementById('search').value") == "jk 77", "keys that are typed do not turn pages"
    page.wait(f"{count} === '0 of 124 records'")
    assert texts(page, "#record") == ["No record is like this."]
    page.press("Escape")
    page.value("document.getElementById('clear').click()")
    page.press("/")
    for character in "WORDS number 77":
        page.press(character)
    page.wait(f"{count} === '1 of 124 records'")
    assert page.value(current) == kept[77].id
    page.press("Escape")
    page.value("document.getElementById('clear').click()")
    page.press("/")
    for character in kept[5].id[:8]:
        page.press(character)
    page.wait(f"{count} === '1 of 124 records' && {current} === '{kept[5].id}'")
    page.value("document.querySelector('.funnel [data-reason=too_short]').click()")
    assert page.value(count) == "3 of 124 records"
    assert texts(page, "#record .why") == ["too_short by length: score 2, limit 42 words; 4 are needed"]
    page.value("document.querySelector('[data-task=reasoning]').click()")
    assert page.value(count) == "60 of 124 records"
    options = page.value("[...document.getElementById('reason').options].map((option) => option.text)")
    assert options == ["All", "too_short (3)", "near_duplicate (1)"]


def test_the_nearest_neighbour_is_compared_word_by_word_and_leads_to_its_record(tmp_path: Path, page: Page) -> None:
    show(page, write_run(tmp_path / "run", [accepted(i) for i in range(3)], [near(9)]))
    page.value("document.querySelector('#outcome').value = 'rejected'; document.querySelector('#controls')"
               ".dispatchEvent(new Event('change'))")  # fmt: skip
    assert texts(page, ".pair pre") == ["Name 9 red, small animals; of the sea.", "name 9 blue animals of the SEA now"]
    assert {"key9", "classification_012", f"{'ab' * 8}…"} <= set(texts(page, ".facts code"))
    assert texts(page, "mark.mine") == ["red,", "small"]
    assert texts(page, "mark.other") == ["blue", "now"]
    page.value("document.querySelector('.pair button').click()")
    assert page.value("document.querySelector('#record header').textContent") == f"accepted{accepted(1).id}2 of 4"


def test_both_colour_schemes(tmp_path: Path, page: Page) -> None:
    run = write_run(tmp_path / "run", [accepted(1)])
    ground = "getComputedStyle(document.body).backgroundColor"
    show(page, run)
    light = page.value(ground)
    with browsing() as other:
        show(other, run, dark=True)
        assert other.value(ground) != light


def test_an_old_browser_says_so(tmp_path: Path, page: Page) -> None:
    run = write_run(tmp_path / "run", [accepted(1)])
    text = (run / "report.html").read_text()
    broken = text.replace('"DecompressionStream" in window', '"NoSuchThing" in window')
    policy = 'http-equiv="Content-Security-Policy"'
    assert policy in broken
    (tmp_path / "old.html").write_text(broken.replace(policy, ""))
    page.open(tmp_path / "old.html")
    page.wait("document.getElementById('state').textContent.includes('too old')")
