"""A dialogue as text by its chat template, with the spans of the answers; control tokens written out stay text."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jinja2

REFUSALS = (
    *(jinja2.TemplateError, ArithmeticError, AssertionError, AttributeError),
    *(LookupError, RuntimeError, TypeError, ValueError),
)
"""What a template may raise: its own `raise_exception`, a syntax error, and whatever its expressions come to."""

HIDDEN = 0xF0000
"""The first of the characters that stand for control tokens; a private plane, which texts do not use."""


class LeftOut(ValueError):
    """A record that cannot be trained on: the `cause` that it is counted under, and the reason as the message."""

    def __init__(self, cause: str, why: str) -> None:
        super().__init__(why)
        self.cause = cause


class TemplateError(LeftOut):
    """A dialogue that the template refuses, or does not show without losing or changing a part of it."""

    def __init__(self, why: str) -> None:
        super().__init__("template", why)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A dialogue as text, and the character spans (start, end) of what the assistant wrote in it.

    `literals` knows the control tokens that its texts write out, where there are any.
    """

    text: str
    spans: tuple[tuple[int, int], ...]
    literals: Literals | None = None


@dataclass(slots=True)
class Literals:
    """Keeps text text: a control token that a record writes out (`<|im_end|>`, say) never becomes the token.

    A tokenizer finds its control tokens wherever they stand. So each one in a record's texts is put behind a character
    of its own while the template is applied, and put back as the tokens of its letters.
    """

    pattern: re.Pattern[str]
    hidden: dict[str, str] = field(default_factory=dict)
    """Texts by the characters that stand for them."""

    @classmethod
    def of(cls, tokenizer: Any) -> Literals:
        """Those of the tokenizer, of which none is used so far."""
        special = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
        # The characters that hide them are hidden too where a text has one.
        hiding = f"[{chr(HIDDEN)}-{chr(HIDDEN + 0xFFFD)}]"
        return cls(re.compile("|".join([longest_of({*special, *tokenizer.all_special_tokens} - {""}), hiding])))

    def fresh(self) -> Literals:
        """The same for another record."""
        return Literals(self.pattern)

    @property
    def used(self) -> list[str]:
        """The control tokens that the texts write out."""
        return [text for text in self.hidden.values() if len(text) > 1 or ord(text) < HIDDEN]

    def hide(self, value: Any) -> Any:
        """The same messages or tools, each control token in their texts behind its character."""
        if isinstance(value, str):
            return self.pattern.sub(self._hidden, value)
        if isinstance(value, Mapping):
            return {key: self.hide(item) for key, item in value.items()}
        if isinstance(value, Sequence):
            return [self.hide(item) for item in value]
        return value

    def _hidden(self, found: re.Match[str]) -> str:
        known = next((c for c, text in self.hidden.items() if text == found[0]), None)
        if known is None:
            known = chr(HIDDEN + len(self.hidden))
            self.hidden[known] = found[0]
        return known

    def put_back(
        self, tokenizer: Any, text: str, ids: Sequence[int], offsets: Sequence[tuple[int, int]]
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """Ids and offsets with the letters of the control tokens in place of the characters that hid them.

        Raises:
            LeftOut: the tokenizer does not keep such a character apart from its neighbours.
        """
        places = {at: self.hidden[c] for at, c in enumerate(text) if c in self.hidden}
        new_ids: list[int] = []
        new_offsets: list[tuple[int, int]] = []
        done: set[int] = set()
        for token, (start, end) in zip(ids, offsets, strict=True):
            inside = [at for at in range(start, end) if at in places]
            if not inside:
                new_ids.append(token)
                new_offsets.append((start, end))
            elif len(inside) < end - start or len(inside) > 1:
                raise LeftOut("special_token", f"the text writes out {places[inside[0]]}")
            elif inside[0] not in done:  # several tokens may make one character
                done.add(inside[0])
                letters = _letters(tokenizer, places[inside[0]])
                new_ids += letters
                new_offsets += [(start, end)] * len(letters)
        if len(done) < len(places):
            raise LeftOut("special_token", f"the text writes out {next(iter(self.hidden.values()))}")
        return new_ids, new_offsets


def longest_of(words: Collection[str]) -> str:
    """A pattern of the longest of the words that begins at a place, as a tree by their letters.

    A tokenizer may have thousands of control tokens (Gemma has 6,000), and one after another they would all be tried
    at each character of a text.
    """
    branches: dict[str, list[str]] = {}
    for word in sorted(words):
        if word:
            branches.setdefault(word[0], []).append(word[1:])
    tree = "|".join(re.escape(first) + longest_of(rest) for first, rest in branches.items())
    if "" in words and branches:
        return f"(?:{tree})?"
    return f"(?:{tree})" if len(branches) > 1 else tree


def _letters(tokenizer: Any, token: str) -> list[int]:
    """The token ids of a control token's letters, as they stand behind other text."""
    control = set(tokenizer.all_special_ids) | {i for i, t in tokenizer.added_tokens_decoder.items() if t.special}

    def text_ids(text: str, start: int = 0) -> list[int]:
        found = tokenizer(text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True)
        pairs = zip(found["input_ids"], found["offset_mapping"], strict=True)
        return [i for i, offset in pairs if offset[1] > start]

    # Behind a full stop, so that a tokenizer that begins texts with a space does not put one here.
    for ids in (text_ids(f".{token}", 1), text_ids(token), text_ids(token[:1]) + text_ids(token[1:])):
        if ids and not control & set(ids) and tokenizer.decode(ids).strip() == token:
            return ids
    raise LeftOut("special_token", f"the text writes out {token}, which the tokenizer knows only as itself")


def show(
    tokenizer: Any,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None = None,
    *,
    prompt: bool = False,
) -> str:
    """The dialogue as the tokenizer's template shows it; with `prompt` up to where the assistant is to answer.

    Raises:
        TemplateError: the template refuses the dialogue, in its own words.
    """
    try:
        return str(
            tokenizer.apply_chat_template(
                [dict(turn) for turn in messages],
                tools=list(tools) if tools else None,
                tokenize=False,
                add_generation_prompt=prompt,
            )
        )
    except REFUSALS as error:
        raise TemplateError(" ".join(str(error).split()) or type(error).__name__) from error


def render(
    tokenizer: Any,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None = None,
    literals: Literals | None = None,
) -> Rendered:
    """The dialogue as the tokenizer's template shows it, with the spans of the assistant's turns.

    A span runs from the first character of an answer to the end of the stop token behind it. It is found by rendering
    the dialogue up to the answer and up to its end, both of which must be beginnings of the whole.

    Raises:
        TemplateError: they are not (the template rewrites earlier turns), the template refuses the dialogue, or an
            answer, a call, a tool's result or the tools themselves are not in what it shows.
    """
    whole = show(tokenizer, messages, tools)
    if lost := [tool for tool in tools or () if _name(tool) not in whole]:
        raise TemplateError(f"the template does not show the tools, such as {_name(lost[0])}")
    spans = []
    for i, message in enumerate(messages):
        if message["role"] == "tool" and str(message["content"]).strip() not in whole:
            raise TemplateError("the template loses what a tool returned")
        if message["role"] != "assistant":
            continue
        before = show(tokenizer, messages[:i], tools, prompt=True)
        after = whole if i + 1 == len(messages) else show(tokenizer, messages[: i + 1], tools)
        if not whole.startswith(before):
            raise TemplateError("the prompt is not a prefix of prompt and answer: the template rewrites earlier turns")
        if not whole.startswith(after):
            raise TemplateError("the template shows an answer differently once the dialogue goes on")
        end = _stop_end(after, len(before), tokenizer)
        answer = after[len(before) : end]
        if str(message["content"]).strip() not in answer:
            raise TemplateError("the template loses the answer, or part of it")
        for call in message.get("tool_calls") or ():
            if not _shows(answer, call["function"]):
                raise TemplateError(f"the template does not show the call of {call['function'].get('name')}")
        spans.append((len(before), end))
    return Rendered(whole, tuple(spans), literals if literals and literals.hidden else None)


def _name(tool: Mapping[str, Any]) -> str:
    return str(tool.get("function", tool).get("name") or "")


def _shows(answer: str, function: Mapping[str, Any]) -> bool:
    """Whether the name and the values of a call are in what the assistant says, in whatever form."""
    return all(value in answer for value in (str(function.get("name") or ""), *_values(function.get("arguments"))))


def _values(arguments: Any) -> Iterator[str]:
    """The texts and numbers in the arguments of a call, as any notation writes them."""
    if isinstance(arguments, Mapping):
        for value in arguments.values():
            yield from _values(value)
    elif isinstance(arguments, list):
        for value in arguments:
            yield from _values(value)
    elif isinstance(arguments, str):
        yield json.dumps(arguments, ensure_ascii=False)[1:-1].partition("\\")[0]
    elif isinstance(arguments, int | float) and not isinstance(arguments, bool):
        yield str(arguments)


def _stop_end(text: str, start: int, tokenizer: Any) -> int:
    """Where the answer's stop token ends: what the template writes behind it (a line feed, say) is not trained."""
    stop = tokenizer.eos_token
    at = text.rfind(stop, start) if stop else -1
    return at + len(stop) if at >= 0 else len(text)
