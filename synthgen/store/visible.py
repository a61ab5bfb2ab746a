"""Text of models made safe to look at."""

from __future__ import annotations

import json


def visible(text: str) -> str:
    """The text with control, bidirectional and other invisible characters as `\\uXXXX`, but for line feeds and tabs.

    A terminal would obey some of them (colours, cursor, title), and a reader could not see others.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else json.dumps(c)[1:-1] for c in text)
