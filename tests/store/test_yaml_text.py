from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from synthgen.config.document import parse_document
from synthgen.store.files import yaml_text


@pytest.mark.parametrize(
    "text", ["1e5", "0o10", "0x1F", "1.", ".5", "+3", "no", "on", "null", "~", "2024-01-01", "1:30"]
)
def test_a_text_stays_one_by_both_rules(text: str) -> None:
    written = yaml_text({"model": text, "list": [text]})
    assert yaml.safe_load(written) == {"model": text, "list": [text]}
    assert parse_document(written, "c.yaml").data == {"model": text, "list": [text]}


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
        st.from_regex(r"[-+.0-9eExo_:a-f]{1,8}", fullmatch=True) | st.integers(-9, 99) | st.booleans() | st.none(),
        min_size=1,
    )
)
def test_what_is_written_is_read_as_it_was(values: dict[str, Any]) -> None:
    assert parse_document(yaml_text(values), "c.yaml").data == values
    assert yaml.safe_load(yaml_text(values)) == values
