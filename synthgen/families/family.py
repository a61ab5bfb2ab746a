"""What the families give: tasks, solutions and verdicts; and when two answers are the same."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from synthgen.families.closings import BARE, CLOSINGS, closing, wrapped
from synthgen.families.framing import capital, opened
from synthgen.families.template import Slot, Template

Values = Mapping[str, Any]
"""What a task is about, by slot name; `op` says which of the family's kinds of task it is."""


class Unprovable(Exception):
    """The text has the form of a task of ours, but asks for something that has no answer (the ninth of five words)."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task with its true answer. `input` is empty where the instruction holds the data; `labels` are the classes."""

    instruction: str
    input: str
    output: str
    reasoning: str | None
    family: str
    task_type: str
    is_classification: bool = False
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Solution:
    """The answer worked out from a task's text alone, with the steps where the family writes them."""

    output: str
    reasoning: str | None
    family: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`proved`, `refuted` (with the `expected` answer and a `reason` for people) or `unknown` (with the reason)."""

    status: Literal["proved", "refuted", "unknown"]
    expected: str | None = None
    reason: str = ""
    family: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """An instruction as read: its family, its values, and what its last sentences ask of the answer's form.

    `complete` says that the data is there; if not, it has to come from the input.
    """

    family: str
    values: dict[str, Any]
    closings: tuple[tuple[str, str], ...] = ()
    complete: bool = True


Closings = Literal["bare", "plain", "letters"]
"""Which closing sentences a family's tasks may have: those that ask for the bare answer only, all but capitals, all."""

Same = Literal["exact", "caseless", "number", "json"]
"""What is no difference between two answers: nothing, case, commas between thousands, white space outside strings."""

TRIES = 100
"""How often values are drawn before a phrasing is given up; nearly all have one answer at the first."""

INLINE = 0.45
"""Share of the tasks whose data may stand in either place that have it in the instruction."""

_END = r"(?=\s*(?:[.:?!]+(?:\s|$)|$)|\s*\n)"


@dataclass(frozen=True)
class Phrasing:
    """One phrasing of one kind of task (`op`) of a family."""

    family: Family
    op: str
    template: Template

    @cached_property
    def kind(self) -> str:
        """`do` (an imperative), `ask` (a question) or `tell` (a statement first), for the opening that fits."""
        if not self.template.text.lstrip("[")[0].islower():
            return "tell"
        return "ask" if "?" in self.template.text else "do"

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """Reads the phrasing, without its end mark, from plain text."""
        core = Template(self.template.text.rstrip(".?"))
        return re.compile(core.pattern({name: slot.pattern for name, slot in self.family.slots.items()}) + _END)


@dataclass(frozen=True)
class Family:
    """Tasks of one sort.

    `phrasings` are by `op`, the kinds of task in the family. `draw` gives the values of the slots; those of the slot
    `data`, which may stand in the input instead, come from `draw_data`, given the others. `answer` works the answer out
    from the values (which may be anybody's: it raises `Unprovable` where there is none). `steps` writes the reasoning,
    `also` gives further right answers, `labels` the label set where the family classifies. `strict` says that the form
    of the answer is what the task is about, so that the same words in another form are wrong.
    """

    name: str
    task_type: str
    phrasings: Mapping[str, tuple[str, ...]]
    slots: Mapping[str, Slot]
    answer: Callable[[Values], str]
    draw: Callable[[random.Random, str], dict[str, Any]] = lambda rng, op: {}
    data: str | None = None
    draw_data: Callable[[random.Random, Values], Any] = lambda rng, values: None
    steps: Callable[[Values], str] | None = None
    also: Callable[[Values], tuple[str, ...]] = lambda values: ()
    labels: Callable[[Values], tuple[str, ...]] | None = None
    closings: Closings = "plain"
    same: Same = "exact"
    strict: bool = False
    all_phrasings: tuple[Phrasing, ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        phrasings = tuple(Phrasing(self, op, Template(text)) for op, texts in self.phrasings.items() for text in texts)
        object.__setattr__(self, "all_phrasings", phrasings)

    @cached_property
    def _by_op(self) -> tuple[tuple[Phrasing, ...], ...]:
        return tuple(tuple(p for p in self.all_phrasings if p.op == op) for op in self.phrasings)

    def sample(self, rng: random.Random) -> Task:
        """A task with its answer; kinds of task are drawn evenly, then phrasings."""
        phrasing = rng.choice(rng.choice(self._by_op))
        for _ in range(TRIES):
            try:
                values = {"op": phrasing.op, **self.draw(rng, phrasing.op)}
                if self.data is not None:
                    values[self.data] = self.draw_data(rng, values)
                return self._written(rng, phrasing, values)
            except Unprovable:
                continue
        raise Unprovable(f"no values with one answer found for {phrasing.template.text!r}")

    def task(self, instruction: str, input: str, values: Values, closings: tuple[tuple[str, str], ...]) -> Task:
        """The task with this text, answered from its values."""
        return Task(
            instruction=instruction,
            input=input,
            output=wrapped(self.answer(values), closings),
            reasoning=self.steps(values) if self.steps else None,
            family=self.name,
            task_type=self.task_type,
            is_classification=self.labels is not None,
            labels=self.labels(values) if self.labels else (),
        )

    def allows(self, closings: tuple[tuple[str, str], ...]) -> bool:
        """Whether this family's answers can take these forms."""
        if self.closings == "bare":
            return all(name == BARE.name for name, _ in closings)
        return self.closings == "letters" or not any(CLOSINGS[name].letters for name, _ in closings)

    def data_text(self, rng: random.Random, value: Any) -> str:
        """A data value as it stands in an input."""
        slot = self.slots[self.data or ""]
        return (slot.write_bare or slot.write)(value, rng)

    def read_data(self, text: str) -> Any:
        """The data value that an input holds; raises `ValueError` where it holds none."""
        slot = self.slots[self.data or ""]
        if not slot.alone.fullmatch(text.lower()):
            raise ValueError("not the data that the instruction speaks of")
        return slot.read(text.strip())

    def _written(self, rng: random.Random, phrasing: Phrasing, values: dict[str, Any]) -> Task:
        template = phrasing.template
        texts: dict[str, str] = {}

        def fill(name: str) -> str:
            if name not in texts:
                texts[name] = self.slots[name].write(values[name], rng)
            return texts[name]

        core = template.write(rng, fill)
        core = core.rstrip(".")
        mark = "" if core.endswith("?") else "."
        attached = False
        input_text = ""
        if self.data is not None and self.data not in template.holes:
            slot = self.slots[self.data]
            if slot.attach and rng.random() < INLINE:
                core += (" " if core.endswith("?") else ": ") + slot.write(values[self.data], rng)
                mark = "."
                attached = True
            else:
                input_text = self.data_text(rng, values[self.data])
        instruction = opened(rng, core + mark, phrasing.kind, asking=not attached)
        asked = closing(rng, letters=self.closings == "letters", share=0.0 if self.closings == "bare" else 0.25)
        closings: tuple[tuple[str, str], ...] = ()
        if asked is not None:
            instruction += f" {asked[0]}"
            closings = (asked[1:],)
        task = self.task(instruction, input_text, values, closings)
        if task.output == input_text:
            raise Unprovable("there is nothing to do")
        return task


_THOUSANDS = re.compile(r"(?<![\d.,])(\d{1,3}(?:,\d{3})+)(?![\d,])")
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[^\s"]')
"""A string, or any other character; a string that never ends is one token with all that follows it."""

_ABOUT = re.compile(r"\b(?:is|are|was|were|answer|result|equals|gives|makes|becomes|total)\b|=", re.IGNORECASE)

_MARKER = re.compile(r"^[^\S\n]*+(?:\d{1,2}[.)]|[-*•])\s+", re.MULTILINE)
_AROUND = "\"'`*_()[]{}<>.:$“”‘’"

VERBOSE = 3
"""An answer with at least this many words more than the expected one may be a sentence about it."""


def agrees(output: str, expected: str, same: Same) -> bool:
    """Whether the output is the expected answer, but for surrounding white space and what `same` calls no difference.

    `caseless` takes the answer as it is, all small, all capitals, or with a capital first.

    A final full stop is no difference either where the answer holds none and is one line.
    """
    output, expected = output.strip(), expected.strip()
    if same == "json":
        return _JSON_TOKEN.findall(output) == _JSON_TOKEN.findall(expected)
    if same == "number":
        output, expected = _plain_number(output), _plain_number(expected)
    right = {expected}
    if same == "caseless":
        right |= {expected.lower(), expected.upper(), capital(expected.lower())}
    if "." not in expected and "\n" not in expected:
        right |= {f"{text}." for text in right}
    return output in right


def mentions(output: str, expected: str, same: Same) -> bool:
    """Whether the output is a sentence about the expected answer: neither right nor wrong for certain."""
    output, expected = output.strip(), expected.strip()
    flags = re.IGNORECASE if same == "caseless" else re.NOFLAG
    whole = rf"(?<!\w){re.escape(expected)}(?!\w)"
    if re.search(rf"[=:]\s*{whole}\.?$", output, flags):
        return True
    if len(output.split()) < len(expected.split()) + VERBOSE or not output[0].isalnum():
        return False
    found = re.search(whole, output, flags)
    return found is not None and _ABOUT.search(output[: found.start()] + " " + output[found.end() :]) is not None


def rearranged(output: str, expected: str, same: Same) -> bool:
    """Whether the output holds the same words in another layout: a list with bullets, quotation marks, asterisks."""
    one, other = _chunks(output), _chunks(expected)
    if same == "caseless":
        one, other = [word.casefold() for word in one], [word.casefold() for word in other]
    return one == other


def _chunks(text: str) -> list[str]:
    parts = (part.strip(_AROUND) for part in re.split(r"[\s,;]+", _MARKER.sub("", text)))
    return [part for part in parts if any(map(str.isalnum, part))]


def _plain_number(text: str) -> str:
    return _THOUSANDS.sub(lambda match: match.group().replace(",", ""), text)
