from __future__ import annotations

from synthgen.filters.wording import urls
from synthgen.records import Record


def test_links_are_counted_over_the_fields() -> None:
    record = Record(instruction="Read https://a.org/x, www.b.net/y", input="http://c.io?q=1", output="https://d.dev/z")
    drop = urls(record)
    assert drop is not None
    assert (drop.reason, drop.score, drop.limit) == ("too_many_urls", 3, 0)
    assert urls(record, limit=2) is not None
    assert urls(record, limit=3) is None
    assert urls(record, fields=("output",), limit=1) is None


def test_names_and_references_need_no_reading() -> None:
    text = 'The host "https://abc.com", www.b.net/. Dates follow [ISO 8601](https://c.org/wiki/iso), (see http://d.io).'
    assert urls(Record(instruction=text)) is None
    assert urls(Record(instruction="Sum up [this article](https://a.org/x).")) is not None


def test_reserved_names_and_other_dots_are_no_links() -> None:
    text = (
        "https://example.com/a http://shop.example.org http://localhost:8000 a.b@www.mail.com e.g. node.js http status"
    )
    assert urls(Record(instruction=text)) is None


def test_links_end_where_chinese_text_goes_on() -> None:
    drop = urls(Record(instruction="请总结https://a.cn/文。谢谢"))
    assert drop is not None
    assert drop.detail == "https://a.cn/文"
