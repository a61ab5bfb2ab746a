"""Replies as JSON, the form that every stage asks for by default, with a reader that takes what models really send."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

from synthgen.forms.parsed import PIECE_LIMIT, Broken, Item, Parsed, bounded, broken
from synthgen.forms.reasoning import split_reasoning
from synthgen.forms.salvage import Number, encode, scan
from synthgen.requests.template_tokens import find_token, may_stand_in, without_ends

NO_INPUT = re.compile(
    r"[<(\[]?\s*(?:no\s*-?\s*input(?:\s+(?:is\s+)?(?:needed|required|necessary))?|n/a|none)\s*[>)\]]?\.?", re.IGNORECASE
)
"""Spellings of "this task needs no input" that models write where an empty string was asked for."""

_TYPE = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, eq=False)
class JsonForm:
    """A JSON object that holds one item, or a list of them under `container`.

    `fields` are an item's keys in the order in which a model is to write them; `required` ones must be there, `filled`
    ones must not be blank either. `strings` says that an item is a bare string. `words` maps what the last field may
    say to what is understood. `fallback` reads a reply that holds no JSON at all.
    """

    name: str
    sentence: str
    fields: tuple[str, ...]
    required: tuple[str, ...]
    filled: tuple[str, ...] = ()
    container: str | None = None
    strings: bool = False
    words: Mapping[str, str] = field(default_factory=dict)
    fallback: Callable[[str, bool], Parsed] | None = None

    @cached_property
    def response_format(self) -> dict[str, object]:
        """The strict `json_schema` response format."""
        texts: dict[str, object] = {name: {"type": "string"} for name in self.fields}
        if self.words:
            texts[self.fields[-1]] = {"type": "string", "enum": sorted(set(self.words.values()))}
        item = {"type": "string"} if self.strings else _object(texts)
        schema = _object({self.container: {"type": "array", "items": item}}) if self.container else item
        return {"type": "json_schema", "json_schema": {"name": self.name, "strict": True, "schema": schema}}

    def parse(self, text: str, *, cut: bool = False, first: int = 1) -> Parsed:
        """The items in a reply; the cut or broken ones as pieces. Never raises.

        What follows a template's token behind whole items is another turn, which is not read.
        """
        _, text = split_reasoning(text)
        items: list[Item] = []
        pieces: list[Broken] = []
        tokens = may_stand_in(text)
        end = 0
        for found in scan(text, strings=self.strings):
            elements = self._elements(found.value)
            if elements:
                gap = text[end : found.start]
                if items and find_token(gap):
                    text, cut = text[:end], False
                    break
                pieces += self._gap(gap, head=end == 0)
                end = found.end
                self._sort(elements, items, pieces, tokens=tokens)
        tail = [] if items and find_token(text[end:]) else self._gap(text[end:], head=end == 0)
        if tail and cut:
            tail[-1] = broken(tail[-1].text, "the reply was cut in this item", cut=True)
        pieces += tail
        if not items and not pieces and self.fallback is not None:
            plain = self.fallback(text, cut)
            pieces += plain.broken
            self._sort(plain.items, items, pieces, tokens=True)
        if not items and not pieces:
            pieces.append(broken(text, f"the reply holds no {self.name.replace('_', ' ')}", cut=cut))
        return bounded(items, pieces)

    def write(self, items: list[Item], first: int = 1) -> str:
        """The items as the JSON object that the sentence asks for."""
        shown: list[Any] = [self.shown(item) for item in items]
        return encode({self.container: shown} if self.container else shown[0]) or ""

    def shown(self, item: Item) -> Item | str:
        """The item as it stands in a reply: all fields in order, or the bare string."""
        return item[self.fields[0]] if self.strings else {name: item.get(name, "") for name in self.fields}

    def _elements(self, value: Any, wrappers: int = 3) -> list[Any]:
        """What in a decoded value claims to be an item; empty where the value has nothing to do with the form.

        Objects of one key, which models like to wrap a reply in, are opened up to that depth.
        """
        if isinstance(value, dict):
            value = _lower(value)
            if self.container in value:
                inner = value[self.container]
                return inner if isinstance(inner, list) else [inner]
            if self._likely(value):
                return [value]
            value = list(value.values())
            if len(value) == 1 and isinstance(value[0], (dict, list)) and wrappers:
                return self._elements(value[0], wrappers - 1)
        if isinstance(value, list):
            return value if any(self._likely(element) for element in value) else []
        return [value] if self._likely(value) else []

    def _likely(self, element: Any) -> bool:
        if isinstance(element, dict):
            return any(name in self.fields for name in _lower(element))
        return self.strings and isinstance(element, str) and not isinstance(element, Number)

    def _sort(self, elements: Any, items: list[Item], pieces: list[Broken], *, tokens: bool) -> None:
        """Takes elements as items or as pieces. `tokens`: there may be tokens of chat templates in them."""
        for element in elements:
            item = self._item(element, tokens=tokens)
            if isinstance(item, str):
                pieces.append(broken(encode(element) or "", item))
            elif not tokens:
                items.append(item)
            elif found := next(((name, token) for name in item if (token := find_token(item[name]))), None):
                said = f"{found[0]} holds {found[1]}, a token of a chat template"
                pieces.append(Broken((encode(item) or "")[:PIECE_LIMIT], "template_token", said))
            else:
                items.append(item)

    def _item(self, element: Any, *, tokens: bool) -> Item | str:
        """The item, or what is wrong with it."""
        if self.strings and isinstance(element, str):
            element = {self.fields[0]: element}
        if not isinstance(element, dict):
            return f"not an object with {' and '.join(self.required)}"
        values = _lower(element)
        item: Item = {}
        for name in self.fields:
            value = values.get(name)
            if value is None and name in self.required:
                return f"{name} is missing"
            text = _text(value)
            if text is None:
                return f"{name} is nested too deep"
            if name in self.filled and not text.strip():
                return f"{name} is blank"
            item[name] = without_ends(text) if tokens else text
        return self._understood(item)

    def _understood(self, item: Item) -> Item | str:
        if NO_INPUT.fullmatch(item.get("input", "").strip()):
            item["input"] = ""
        if item.get("task_type"):
            name = re.sub(r"[\s-]+", "_", item["task_type"].strip().lower())
            item["task_type"] = name if _TYPE.fullmatch(name) else ""
        if self.words:
            last = self.fields[-1]
            word = self.words.get(item[last].strip().strip(".").lower())
            if word is None:
                return f"{last} is none of {', '.join(sorted(set(self.words.values())))}"
            item[last] = word
        return item

    def _gap(self, text: str, *, head: bool) -> list[Broken]:
        """The broken items in a stretch of text around whole ones: one for each place where one seems to begin.

        `head`: nothing whole stands before, so that the text may open with chatter and with the list's own brackets.
        """
        starts = [match.start() for match in self._beginning.finditer(text)]
        anchored = (r'\[\s*(")' if head else r'[\s,]*(")') if self.strings else (None if head else r"[\s,]*(\{)")
        if not starts and anchored is not None:
            opening = re.search(anchored, text) if head else re.match(anchored, text)
            starts = [opening.start(1)] if opening else []
        return [broken(text[a:b], "not readable as JSON") for a, b in pairwise([*starts, len(text)])]

    @cached_property
    def _beginning(self) -> re.Pattern[str]:
        return re.compile(rf"\{{\s*[\"'“]?(?:{'|'.join(self.fields)})\b", re.IGNORECASE)


def _object(properties: dict[str, object]) -> dict[str, object]:
    """A strict object schema: every property required, no others."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _lower(value: dict[Any, Any]) -> dict[str, Any]:
    return {str(key).strip().lower(): element for key, element in value.items()}


def _text(value: Any) -> str | None:
    """The value as text, null as an empty one; None for what is nested too deep."""
    if value is None:
        return ""
    return str(value) if isinstance(value, str) else encode(value)


_SCORE = re.compile(
    r"\b(?:score|total|rating)\b[^\d\n]{0,24}?(?:[\d +]{1,40}= {0,2})?"
    r"(-?\d{1,4}(?:\.\d{1,4})?)(?! {0,2}[+\d])(?: {0,2}(?:/|out of) {0,2}(\d{1,4}))?",
    re.IGNORECASE,
)


def score_form(highest: int) -> JsonForm:
    """The form that asks for 0 to `highest` points. In free text the last number that is called a score counts.

    A number beyond the scale, with a fraction, or given on another scale (`8/10`) is not read as a score.
    """
    points = [str(n) for n in range(highest + 1)]
    words = {form: n for n in points for form in (n, f"{n}.0", f"{n}/{highest}", f"{n} out of {highest}")}

    def fallback(text: str, cut: bool) -> Parsed:
        found = [(m[1], m[2]) for m in _SCORE.finditer(text)]
        if cut or not found or found[-1][1] not in (None, str(highest)):
            return Parsed()
        return Parsed(({"reasoning": text.strip(), "score": found[-1][0]},))

    return JsonForm(
        name="score",
        sentence='Reply with one JSON object and nothing else, of this shape: {"reasoning": "...", "score": "..."}. The'
        f' "score" is a whole number from 0 to {highest}.',
        fields=("reasoning", "score"),
        required=("score",),
        words=words,
        fallback=fallback,
    )
