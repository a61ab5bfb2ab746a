from __future__ import annotations

import xml.etree.ElementTree as ET

from synthgen.report.charts import HEIGHT, WIDTH, Bin, Line, bar, histogram


def rects(svg: str, kind: str) -> list[dict[str, float]]:
    found = ET.fromstring(svg).iter("rect")
    return [{k: float(v) for k, v in r.attrib.items() if k != "class"} for r in found if r.get("class") == kind]


def test_the_parts_of_a_bar_lie_side_by_side() -> None:
    svg = bar(200, ("kept", 150), ("gone", 20))
    assert rects(svg, "kept") == [{"x": 0, "width": 75, "height": 10}]
    assert rects(svg, "gone") == [{"x": 75, "width": 10, "height": 10}]


def test_a_bar_shows_a_little_of_the_smallest_part_and_never_more_than_all() -> None:
    svg = bar(1_000_000, ("kept", 999_999), ("gone", 1))
    (gone,) = rects(svg, "gone")
    assert gone["width"] > 0
    assert gone["x"] + gone["width"] == 100
    (over,) = rects(bar(10, ("kept", 12)), "kept")
    assert over["width"] == 100
    assert rects(bar(0, ("kept", 0)), "kept") == []


def test_columns_are_as_high_as_their_counts() -> None:
    svg = histogram("of ten", [Bin(10, "a"), Bin(0, "b"), Bin(5, "<c>"), Bin(1, "rest", rest=True)], [(0, "0")])
    tall, none, half = rects(svg, "kept")
    assert tall["height"] == 2 * half["height"]
    assert none["height"] == 0
    assert tall["y"] + tall["height"] == half["y"] + half["height"]
    assert len(rects(svg, "rest")) == 1
    titles = [node.text for node in ET.fromstring(svg).iter("title")]
    assert titles == ["of ten", "a: 10", "b: 0", "<c>: 5", "rest: 1"]
    assert ET.fromstring(svg).get("aria-label") == "of ten"


def test_lines_and_ticks_stand_where_they_should() -> None:
    svg = histogram("x", [Bin(1, str(i)) for i in range(10)], [(5, "middle"), (10, "end")], lines=[Line(5, "here")])
    root = ET.fromstring(svg)
    columns = [float(r.get("x", "")) for r in root.iter("rect") if r.get("class") == "hit"]
    (line,) = [node for node in root.iter("line") if node.get("class") == "mark"]
    assert float(line.get("x1", "")) == columns[5]
    texts = {node.text: float(node.get("x", "")) for node in root.iter("text")}
    assert texts["middle"] == columns[5]
    assert all(0 <= x <= WIDTH for x in texts.values())
    assert all(0 <= float(node.get("y", "")) <= HEIGHT for node in root.iter("text"))


def test_no_bins_no_columns() -> None:
    assert rects(histogram("none", [], []), "kept") == []
