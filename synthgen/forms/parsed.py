"""What a parser gives back: the items of a reply, and the pieces that could not be read, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Item = dict[str, str]
"""One item by field name: `{"instruction": …, "input": …, "output": …}`."""

PIECE_LIMIT = 2000
"""Characters of an unreadable piece that are kept; the journal has the whole reply."""


MOST_ITEMS, MOST_PIECES = 1000, 50
"""What one reply may yield. A loop of a model fills megabytes with beginnings of items."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A piece of a reply that is no item. `reason` is `malformed`, `truncated` where the reply was cut in it, or
    `template_token` where another turn follows in it.
    """

    text: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """All of a reply: items in order, broken pieces in order. One of the two always holds something."""

    items: tuple[Item, ...] = ()
    broken: tuple[Broken, ...] = ()


def broken(text: str, detail: str, *, cut: bool = False) -> Broken:
    """The piece with its text bounded; `cut` says that the reply ended in it for want of tokens."""
    return Broken(text.strip()[:PIECE_LIMIT], "truncated" if cut else "malformed", detail)


def bounded(items: Sequence[Item], pieces: Sequence[Broken]) -> Parsed:
    """Items and pieces up to `MOST_ITEMS` and `MOST_PIECES`; one piece more says how many are left out."""
    kept, left = items[:MOST_ITEMS], len(items) - MOST_ITEMS
    shown = list(pieces[:MOST_PIECES])
    if left > 0:
        shown.append(broken("", f"{left:,} more items are left out: one reply may yield {MOST_ITEMS:,}"))
    if len(pieces) > MOST_PIECES:
        more = len(pieces) - MOST_PIECES
        shown.append(broken(pieces[MOST_PIECES].text, f"{more:,} more pieces like this one are left out"))
    return Parsed(tuple(kept), tuple(shown))


class Form(Protocol):
    """A form that a reply can have: how it is asked for, read and written.

    `sentence` stands in the prompt; `{count}` in it is the number of items asked for. `response_format` is the OpenAI
    `json_schema` form, or None where a reply of this form is plain text.
    """

    @property
    def name(self) -> str:
        """The name, which is also the schema's."""
        ...

    @property
    def sentence(self) -> str:
        """What the prompt says of the form, with `{count}` where the number goes."""
        ...

    @property
    def response_format(self) -> dict[str, object] | None:
        """The `json_schema` response format."""
        ...

    def parse(self, text: str, *, cut: bool = False, first: int = 1) -> Parsed:
        """The items in a reply; never raises. `cut`: it ended for want of tokens; `first`: the first item's number."""
        ...

    def write(self, items: list[Item], first: int = 1) -> str:
        """The reply that holds the items: what `parse` reads back."""
        ...
