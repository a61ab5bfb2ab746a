"""The part of a reply that a model thinks to itself, kept apart from the part that it shows."""

from __future__ import annotations

import re

from synthgen.requests.template_tokens import without_ends

_TAGS = (
    (r"<(think|thinking|thought|thoughts|reasoning|seed:think)>", r"</(?:{0})>"),
    (r"\[(THINK)\]", r"\[/THINK\]"),
    (r"◁(think)▷", r"◁/think▷"),
    (r"<\|(begin_of_thought)\|>", r"<\|end_of_thought\|>"),
    (r"<\|(START_THINKING)\|>", r"<\|END_THINKING\|>"),
    (r"<\|(?:channel)>(thought)\b", r"<channel\|>"),
)
"""How a thought opens and closes: most models; Magistral; Kimi; OpenThinker; Command-R; Gemma."""
_OPENINGS = [(re.compile(r"\s*" + opening, re.IGNORECASE), closing) for opening, closing in _TAGS]
_CLOSE_ALONE = re.compile(r"</(?:think|seed:think)>|\[/THINK\]|◁/think▷|<\|END_THINKING\|>", re.IGNORECASE)
_JSON = re.compile(r'\s*[\[{"`](?!THINK\])')
_ANSWER_TAGS = re.compile(
    r"\s*(?:<\|begin_of_solution\|>|<\|START_RESPONSE\|>)(.*?)"
    r"(?:<\|end_of_solution\|>|<\|END_RESPONSE\|>|\Z)\s*\Z",
    re.DOTALL,
)

_CHANNEL = re.compile(
    r"(?:<\|start\|>)?(?:assistant)?\s{0,4}<\|channel\|>\s{0,4}(analysis|commentary|final)\b([^<]{0,200})"
    r"(?:<\|constrain\|>[^<]{0,40})?<\|message\|>"
)
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start)\|>")
_FIRST_OPEN = re.compile(r"\s*(analysis|final)\s{0,4}<\|message\|>")
_BARE = re.compile(r"analysis(?=[^a-z\s])")
_BARE_FINAL = "assistantfinal"
_THOUGHTS = 8
"""How many thoughts one after the other are taken apart; more are a loop, and part of the text."""


def split_reasoning(text: str) -> tuple[str | None, str]:
    """The reasoning (None where there is none) and the visible text of a reply.

    Servers without a reasoning parser leave `<think>…</think>` in the text, or, where the chat template opens the
    block in the prompt, the closing tag alone; in a reply that begins as JSON such a tag is content. An open block
    that never closes is all reasoning: the reply was cut in it. Harmony's channels are read in the same way: what
    stands in `final` is shown, what stands in `analysis` is reasoning. Tokens of a chat template that open or end the
    reply are taken off the visible text.
    """
    harmony = _channels(text)
    if harmony is not None:
        return harmony[0], without_ends(harmony[1])
    shown = without_ends(text)
    thoughts: list[str] = []
    while len(thoughts) < _THOUGHTS and (thought := _thought(shown, first=not thoughts)):
        thoughts.append(thought[0])
        shown = thought[1]
    if not thoughts:
        return None, shown
    return "\n\n".join(filter(None, thoughts)), without_ends(_answer(shown))


def _thought(text: str, *, first: bool) -> tuple[str, str] | None:
    """The thought that a text opens with and what follows it, or None where it opens with none."""
    for pattern, closes in _OPENINGS:
        opening = pattern.match(text)
        if opening is not None:
            closing = re.compile(closes.format(re.escape(opening[1])), re.IGNORECASE).search(text, opening.end())
            if closing is None:
                return text[opening.end() :].strip(), ""
            return text[opening.end() : closing.start()].strip(), text[closing.end() :].lstrip()
    if not first or _JSON.match(text):
        return None
    alone = _CLOSE_ALONE.search(text)
    return None if alone is None else (text[: alone.start()].strip(), text[alone.end() :].lstrip())


def _answer(shown: str) -> str:
    """What stands between the tags that some models put around the answer when they have thought."""
    tagged = _ANSWER_TAGS.match(shown)
    return tagged[1].strip() if tagged else shown


def _channels(text: str) -> tuple[str | None, str] | None:
    """Reasoning and answer of a reply in harmony's channels, with its tokens or with their names left over.

    None where it has no channels, or calls a tool in one.
    """
    opening = _FIRST_OPEN.match(text)
    if opening is not None:  # the server took the first token for its own
        text = f"<|channel|>{opening[1]}<|message|>{text[opening.end() :]}"
    marks = list(_CHANNEL.finditer(text)) if "<|channel|>" in text else []
    if not marks:
        if not _BARE.match(text) or _BARE_FINAL not in text:
            return None
        thought, _, shown = text.removeprefix("analysis").rpartition(_BARE_FINAL)
        return thought.strip(), shown.lstrip()
    if text[: marks[0].start()].strip():
        return None
    thoughts: list[str] = []
    shown = ""
    for i, mark in enumerate(marks):
        stop = marks[i + 1].start() if i + 1 < len(marks) else len(text)
        end = _CHANNEL_END.search(text, mark.end(), stop)
        part = text[mark.end() : end.start() if end else stop].strip()
        if "to=" in mark[2]:
            return None
        if mark[1] == "final":
            shown = part
        elif part:
            thoughts.append(part)
    return "\n".join(thoughts) or None, shown
