"""Plain values as YAML that means the same by YAML 1.1, whose rules PyYAML has, and 1.2, whose rules configs have."""

from __future__ import annotations

import re
from typing import Any

_NUMBER_OF_1_2 = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+")
"""Texts that 1.2 takes for numbers where they are not quoted; 1.1 takes `1e5` and `0o10` for texts."""


def yaml_text(value: Any, *, width: int = 120) -> str:
    """The values as YAML, mappings in their order."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Quotes what either version would take for something else."""

    def text(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
        style = "'" if _NUMBER_OF_1_2.fullmatch(data) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Dumper.add_representer(str, text)
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=width)
