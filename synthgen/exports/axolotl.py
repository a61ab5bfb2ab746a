"""The export `axolotl`."""

from __future__ import annotations

from synthgen.exports.messages import messages
from synthgen.formats.exporting import Files, Row, compact
from synthgen.records import Record

_CONFIG = """\
# for an axolotl config; `path` is seen from where axolotl is started
datasets:
  - path: train.jsonl
    ds_type: json
    type: chat_template
    field_messages: messages
    roles_to_train: [assistant]
    train_on_eos: turn
"""


class Axolotl:
    """Chat lines for axolotl, and the `datasets:` part of its config."""

    def files(self) -> Files:
        """The lines and their config."""
        return {"train.jsonl": axolotl, "datasets.yml": _CONFIG}


def axolotl(record: Record) -> Row | str:
    """A chat line whose tools carry their `parameters` as JSON text, so that all rows have columns of one type."""
    row = messages(record)
    if isinstance(row, str) or not record.tools:
        return row
    tools = []
    for tool in record.tools:
        function = dict(tool.get("function", tool))
        tools.append(
            {"type": "function", "function": function | {"parameters": compact(function.get("parameters", {}))}}
        )
    return row | {"tools": tools}
