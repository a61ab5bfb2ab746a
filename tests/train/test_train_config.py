from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

from synthgen_train.config import parse

from synthgen.errors import ConfigError

pytestmark = pytest.mark.filterwarnings("default")

BASE: dict[str, Any] = {"model": "m", "data": "d.jsonl"}


def test_one_path_several_paths_and_sources_mean_the_same() -> None:
    for data in ("d.jsonl", ["d.jsonl"], {"path": "d.jsonl"}, [{"path": "d.jsonl"}]):
        config = parse({"model": "m", "data": data})
        assert [s.path for s in config.data] == ["d.jsonl"]
        assert config.data[0].label == "d.jsonl"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lr": 1}, "train.lr: Extra inputs"),
        ({"data": []}, "at least one source"),
        ({"data": [{"path": "a", "share": 0.5}, {"path": "b"}]}, "either no source has a share"),
        ({"data": [{"path": "a", "share": 0.5}, {"path": "b", "share": 0.4}]}, "add up to 1"),
        ({"data": ["x/a", "y/a"]}, "same name"),
        ({"mix": {"replay": 0.1}}, "earlier: true"),
        ({"epochs": 1, "max_steps": 5}, "one of them"),
        ({"packing": True, "method": {"use": "prompt"}}, "ignore positions"),
        ({"packing": True, "curriculum": {}}, "reorders"),
        ({"merge": True, "method": {"use": "adapter"}}, "cannot be merged"),
        ({"keep": {"l2": 1}, "method": {"use": "lora"}}, "method full"),
        ({"objective": "kto", "batch_size": 1}, "batch_size of 2"),
        ({"objective": "dpo", "keep": {"kl": 1}}, "beta keeps"),
        ({"method": {"use": "lora", "rank": 3}}, "Extra inputs"),
        ({"method": {"use": "qlora"}}, "train.method"),
        ({"model": {"from_scratch": {"hidden": 1}}}, "greater than or equal to 8"),
    ],
)
def test_settings_that_do_not_go_together_are_told(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse({**BASE, **changes})
