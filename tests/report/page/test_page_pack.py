from __future__ import annotations

import base64
import gzip
import json
import re

from synthgen.report.page.sample import pack

ROWS = [{"id": "1", "instruction": "</script><b>\x00\u202e 写"}, {"id": "2", "score": 0.5, "parents": ["1"]}]


def test_rows_come_back() -> None:
    for rows in (ROWS, ROWS[:1], []):
        assert json.loads(gzip.decompress(base64.b64decode(pack(rows)))) == rows


def test_equal_rows_give_equal_text_that_ends_no_element() -> None:
    assert pack(ROWS) == pack(iter(ROWS))
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", pack(ROWS))
