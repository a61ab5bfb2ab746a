"""The part of a reply that a model thinks to itself, kept apart from the part that it shows."""

from __future__ import annotations

import re

_OPEN = re.compile(r"\s*<(think|thinking|reasoning)>", re.IGNORECASE)
_CLOSE = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
_CLOSE_ALONE = re.compile(r"</think>", re.IGNORECASE)
_JSON = re.compile(r'\s*[\[{"`]')


def split_reasoning(text: str) -> tuple[str | None, str]:
    """The reasoning (None where there is none) and the visible text of a reply.

    Servers without a reasoning parser leave `<think>…</think>` in the text, or, where the chat template opens the
    block in the prompt, the closing tag alone; in a reply that begins as JSON such a tag is content. An open block
    that never closes is all reasoning: the reply was cut in it.
    """
    opening = _OPEN.match(text)
    if opening is not None:
        closing = _CLOSE.search(text, opening.end())
        if closing is None:
            return text[opening.end() :].strip(), ""
        return text[opening.end() : closing.start()].strip(), text[closing.end() :].lstrip()
    if _JSON.match(text):
        return None, text
    alone = _CLOSE_ALONE.search(text)
    if alone is None:
        return None, text
    return text[: alone.start()].strip(), text[alone.end() :].lstrip()
