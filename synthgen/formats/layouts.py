"""Rows to records: instruction data in the columns that people, datasets and trainers keep it in.

A layout is told by the columns that hold something; null, NaN and blank ones are not there. What carries text of a task
and has no place in the record makes the row unusable (`LostText`), with the `columns` that would read it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from synthgen.formats.names import NAMES, SIDE, Plan, plain, plan
from synthgen.formats.turns import Turn, Turns, dialogue_in, history_of, same_turns, tools_of, turns_of
from synthgen.formats.values import RowError, holds, kind, number, parsed, shown, text, yes_or_no
from synthgen.forms.reasoning import split_reasoning
from synthgen.forms.structured import NO_INPUT
from synthgen.records import Answer, Message, Provenance, Record, from_messages, user_text

Row = Mapping[str, Any]

KNOWN = (
    "instruction/input/output, question/answer, prompt/completion, messages, conversations, prompt/chosen/rejected, or"
    " those that a run or an export writes"
)
"""The columns that are read, in a few words; `NAMES` has them all."""

_OWN = frozenset(("instruction", "output", "tools_json", "index_in_attempt"))
_WORDS_FOR_NO_INPUT = frozenset(("<no input>", "not applicable"))
_OUR_ID = re.compile(r"[0-9a-f]{16}")
_THOUGHT = re.compile(r"<(?:think|thinking|seed:think)>|\[THINK\]|◁think▷|<\|START_THINKING\|>", re.IGNORECASE)
_TEMPLATE = frozenset(("text",))
_SIDE_FIELDS = frozenset(("task_type", "language", "is_classification", "tools", "scores"))
_TEXTS = ("instruction", "input", "output", "reasoning")


class LostText(RowError):
    """A row with text that would be dropped; `fix` is the setting that reads the row, or says to leave that aside."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.args[0]}; {self.fix}"


class UnknownLayout(RowError):
    """A row whose columns are none of the known ones."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a row gave: its record (several where it has several instances), and the columns that were left aside."""

    records: tuple[Record, ...]
    aside: tuple[str, ...] = ()


def read_row(
    row: Row,
    source: str | None = None,
    *,
    columns: tuple[tuple[str, str], ...] = (),
    keep_ids: bool = False,
    losing: bool = False,
) -> Read:
    """The record in a row.

    `columns` says where fields are that have other names, as (field, column): a row that lacks an optional one has none
    of it. `keep_ids` takes over ids; without it, a record that a run wrote comes as a new one whose parent is the old.
    With `losing`, text that has no place in the record is left aside.

    Raises:
        RowError: the row cannot be used, and why.
    """
    provenance = Provenance(source=source)
    try:
        if row.keys() >= _OWN and not columns:
            return Read((_own(row, provenance, keep_ids),))
        if keep_ids and _as_dumped(row):
            return Read((Record.model_validate({**row, "provenance": provenance}),))
        return _read(row, provenance, columns, keep_ids, losing)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise RowError(f"{place}: {_expected(first['type'])}, found {shown(first['input'])}") from error
    except RecursionError as error:
        raise RowError("the row is nested too deeply") from error


def _read(row: Row, provenance: Provenance, columns: tuple[tuple[str, str], ...], keep_ids: bool, losing: bool) -> Read:
    held = tuple(
        [
            c
            for c, v in row.items()
            if (v and not v.isspace() if v.__class__ is str else holds(v)) and c.__class__ is str
        ]
    )
    found = plan(held, columns)
    if found.plain and (record := _plain(row, found, provenance)) is not None:
        return Read((record,), found.aside)
    for field, column in columns:
        if column not in row and field in ("instruction", "messages"):
            raise UnknownLayout(f"it has no column {column!r} to take {field} from")
    reading = _Reading(row, found, columns)
    records = reading.records(provenance, keep_ids)
    if not losing:
        reading.nothing_lost(records)
    return Read(records, tuple(reading.aside))


def _plain(row: Row, found: Plan, provenance: Provenance) -> Record | None:
    """The record of a row of nothing but an instruction, maybe an input, and an output, all of them text; else None."""
    cells = [row[found.fields[field]] for field in ("instruction", "output")]
    given = row[found.fields["input"]] if "input" in found.fields else ""
    instruction, output = cells
    if instruction.__class__ is not str or output.__class__ is not str or given.__class__ is not str:
        return None
    if instruction[0] in "[ \n" or any(mark in output for mark in "<[◁") or _says_none(given):
        return None  # JSON of a dialogue, reasoning in the answer: there is more to look at
    return Record(instruction=instruction, input=given, output=output, provenance=provenance)


class _Reading:
    """One row on its way to a record."""

    def __init__(self, row: Row, found: Plan, columns: tuple[tuple[str, str], ...]) -> None:
        self._row = row
        self._plan = found
        self._columns = columns
        self._used: set[str] = set()
        self._is_dialogue = False
        self.aside = list(found.aside)

    def records(self, provenance: Provenance, keep_ids: bool) -> tuple[Record, ...]:
        """The records, from the first of: dialogue, instances, instruction."""
        fields = self._side_fields()
        own_id = self._take("id")
        if keep_ids and isinstance(own_id, (str, int)) and str(own_id).strip():
            fields["id"] = str(own_id).strip()
        elif "id" in self._plan.fields:
            self.aside.append(self._plan.fields["id"])
        base = self._dialogue()
        if base is None and "instances" in self._plan.fields and "instruction" in self._plan.fields:
            made = self._instances(fields, provenance)
        elif base is not None:
            self._is_dialogue = True
            made = [self._from_turns(base, fields, provenance)]
        else:
            made = [self._from_pair(fields, provenance)]
        return tuple(map(self._judged, made))

    def nothing_lost(self, records: tuple[Record, ...]) -> None:
        """Leaves the columns beside aside.

        Raises:
            LostText: one of them carries text that the record does not have.
        """
        rest = [(column, field) for field, column in self._plan.fields.items() if column not in self._used]
        rest = [(c, f) for c, f in rest if c not in self.aside] + list(self._plan.rivals)
        if not rest and not (self.aside and records[0].output is None):
            return
        whole = "\n".join(f"{r.text}\n{r.reasoning or ''}\n" + "\n".join(a.text for a in r.answers) for r in records)
        parts = [part for r in records for part in (r.instruction, r.output) if part]
        lost = []
        for column, field in rest:
            value = self._row[column]
            number_too = field in _TEXTS and plain(column) in NAMES[field]
            carries = field not in SIDE and (isinstance(value, (str, list, dict)) or number_too)
            if self._columns or not carries or _contained(value, whole, parts):
                self.aside.append(column)
            else:
                lost.append((column, field))
        if records[0].output is None and not records[0].answers and not self._columns:
            lost += [
                (column, "output")
                for column in self.aside
                if plain(column) in _TEMPLATE and not _contained(self._row[column], whole, parts)
            ]
        if lost:
            raise self._lost(lost, records[0])

    def _lost(self, lost: list[tuple[str, str]], record: Record) -> LostText:
        taken = {f: c for f, c in self._plan.fields.items() if f in (*_TEXTS, "messages") and c in self._used}
        column, field = lost[0]
        names = " and ".join(repr(name) for name, _ in lost)
        if field == "instruction" and "input" not in taken:
            field = "input"
        if field in ("answers", "chosen"):
            field = "output"
        readable = field in _TEXTS and (field == "reasoning" or not self._is_dialogue or record.output is None)
        readable = readable and _one_text(self._row[column], field) and [f for _, f in lost].count(lost[0][1]) < 3
        reads = f"say where the fields are: {_setting({**taken, field: column})}" if readable else ""
        leaves = f"{_setting(taken)} leaves {'it' if len(lost) == 1 else 'them'} aside"
        if not reads:
            which = "it is" if len(lost) == 1 else "they are"
            return LostText(f"{names} would be dropped", f"{leaves}; if {which} needed, write one text into one column")
        if field == "output" and field not in taken:
            return LostText(f"{names} would be dropped", reads)
        return LostText(f"{names} would be dropped", f"{reads} reads {column!r}, {leaves}")

    def _cell(self, field: str) -> Any:
        column = self._plan.fields.get(field)
        return None if column is None else self._row[column]

    def _take(self, field: str) -> Any:
        """The cell of a field, which counts as used."""
        column = self._plan.fields.get(field)
        if column is None:
            return None
        self._used.add(column)
        return self._row[column]

    def _text(self, field: str) -> str:
        value = self._take(field)
        if field == "system" and (turns := dialogue_in(value)) is not None:
            return "\n\n".join(turn["content"] for turn in turns_of(turns, self._plan.fields[field]).turns)
        return value if isinstance(value, str) else text(value, self._plan.fields.get(field, field))

    def _side_fields(self) -> dict[str, Any]:
        """Fields that say something of a task; those of another type are left aside."""
        fields: dict[str, Any] = {}
        if self._plan.fields.keys().isdisjoint(_SIDE_FIELDS):
            return fields
        for name in ("task_type", "language"):
            value = self._take(name)
            if isinstance(value, str):
                fields[name] = value
            elif value is not None:
                self.aside.append(self._plan.fields[name])
        if (value := self._take("is_classification")) is not None:
            fields["is_classification"] = yes_or_no(value)
            if fields["is_classification"] is None:
                self.aside.append(self._plan.fields["is_classification"])
        if (value := self._take("tools")) is not None:
            fields["tools"] = tools_of(value, self._plan.fields["tools"])
        if (value := self._take("scores")) is not None:
            scores = parsed(value, self._plan.fields["scores"])
            if isinstance(scores, dict) and all(isinstance(s, (int, float, str)) or s is None for s in scores.values()):
                fields["scores"] = {
                    str(name): score for name, cell in scores.items() if (score := _score(cell)) is not None
                }
            else:
                self.aside.append(self._plan.fields["scores"])
        return fields

    def _dialogue(self) -> Turns | None:
        """The dialogue where the row has one: messages, or a prompt that is a list of messages."""
        fields = self._plan.fields
        if "messages" in fields:
            listed = self._cell("messages")
            is_text = isinstance(listed, str) and not listed.lstrip().startswith(("[", "{"))
            if is_text and "instruction" not in fields and not self._columns:
                raise UnknownLayout(f"{fields['messages']} holds a text, not a list of messages")
            if isinstance(listed, (list, dict)) or (not is_text and isinstance(listed, str)):
                return turns_of(self._take("messages"), fields["messages"])
            if "instruction" not in fields:
                return turns_of(self._take("messages"), fields["messages"])
        for field in ("instruction", "input"):
            if (turns := dialogue_in(self._cell(field))) is not None:
                self._take(field)
                return turns_of(turns, fields[field])
        asked = self._cell("instruction")
        if isinstance(asked, str) and (turns := _spoken(asked)) is not None:
            self._take("instruction")
            return Turns(turns[:-1] if turns[-1] == {"role": "assistant", "content": ""} else turns)
        chosen, rejected = self._cell("chosen"), self._cell("rejected")
        if "instruction" not in self._plan.fields and chosen is not None and rejected is not None:
            return self._common(chosen, rejected)
        return None

    def _common(self, chosen: Any, rejected: Any) -> Turns:
        """The beginning that two whole dialogues share."""
        first, second = _whole(chosen, self._plan.fields["chosen"]), _whole(rejected, self._plan.fields["rejected"])
        if first is None or second is None:
            raise RowError("chosen and rejected are answers to no question: there is no prompt")
        if not same_turns(first[:-1], second[:-1]):
            raise RowError("chosen and rejected are answers to different dialogues")
        if not first[:-1]:
            raise RowError("chosen and rejected are answers to no question: there is no prompt")
        return Turns(first[:-1])

    def _from_turns(self, base: Turns, fields: dict[str, Any], provenance: Provenance) -> Record:
        turns, reasoning = list(base.turns), base.reasoning
        self.aside += base.aside
        if turns[0]["role"] != "system" and (system := self._text("system")):
            turns.insert(0, {"role": "system", "content": system})
        if "history" in self._plan.fields:
            earlier = history_of(self._take("history"), self._plan.fields["history"])
            at = 1 if turns[0]["role"] == "system" else 0
            turns[at:at] = earlier.turns
        if turns[-1]["role"] != "assistant" and "output" in self._plan.fields:
            more = self._answer_turns("output")
            turns += more.turns
            reasoning = more.reasoning
            self.aside += more.aside
        try:
            record = from_messages(turns, **fields, provenance=provenance)
        except ValueError as error:
            if isinstance(error, ValidationError):
                raise
            raise RowError(str(error)) from error
        return self._thought(record, reasoning)

    def _from_pair(self, fields: dict[str, Any], provenance: Provenance) -> Record:
        given = self._text("input")
        if self._plan.weak and "output" not in self._plan.fields:
            raise self._unknown()
        if "instruction" in self._plan.fields:
            asked = self._cell("instruction")
            if isinstance(asked, dict) and "output" not in self._plan.fields:
                raise RowError(f"{self._plan.fields['instruction']}: expected a text, found {shown(asked)}")
            instruction = self._text("instruction")
        elif given and "output" in self._plan.fields:
            instruction, given = given, ""
        else:
            raise self._unknown()
        return self._made(instruction, given, self._output(), fields, provenance)

    def _output(self) -> Any:
        """The answer: text or turns; empty where a column for it is there and blank, None where there is none."""
        if "output" in self._plan.fields:
            return self._answer_turns("output")
        names = {column for field, column in self._columns if field == "output"} or NAMES["output"]
        blank = (column for column, value in self._row.items() if isinstance(value, str) and not holds(value))
        return "" if any(column in names or plain(column) in names for column in blank) else None

    def _answer_turns(self, field: str) -> Turns:
        value, column = self._take(field), self._plan.fields[field]
        if not isinstance(value, str) and (turns := dialogue_in(value)) is not None:
            return turns_of(turns, column)
        return Turns([{"role": "assistant", "content": text(value, column)}])

    def _made(
        self, instruction: str, given: str, output: Any, fields: dict[str, Any], provenance: Provenance
    ) -> Record:
        if _says_none(given):
            given = ""
        system = self._text("system")
        history: list[Turn] = []
        if "history" in self._plan.fields:
            earlier = history_of(self._take("history"), self._plan.fields["history"])
            history = earlier.turns
            self.aside += earlier.aside
        if history and history[0]["role"] == "system" and not system:
            system, history = history[0]["content"], history[1:]
        reasoning = None
        if isinstance(output, Turns):
            if len(output.turns) > 1 or output.turns[-1]["role"] != "assistant" or "tool_calls" in output.turns[-1]:
                asked = f"{instruction}\n\n{given}" if given else instruction
                base = Turns(
                    [*history, {"role": "user", "content": asked}, *output.turns], output.reasoning, output.aside
                )
                self._used.add(self._plan.fields.get("system", ""))
                return self._from_turns(base, fields, provenance).replace(system=system)
            reasoning = output.reasoning
            self.aside += output.aside
            output = output.turns[0]["content"]
        record = Record(
            instruction=instruction,
            input=given,
            output=output,
            system=system,
            history=tuple(map(_message, history)),
            provenance=provenance,
            **fields,
        )
        return self._thought(record, reasoning)

    def _instances(self, fields: dict[str, Any], provenance: Provenance) -> list[Record]:
        """One record for each instance of a task, as Self-Instruct keeps them."""
        column = self._plan.fields["instances"]
        found = parsed(self._take("instances"), column)
        if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
            raise RowError(f"{column}: expected a list of instances with input and output, found {shown(found)}")
        instruction, made = self._text("instruction"), []
        for count, one in enumerate(found, 1):
            own = dict(fields)
            beside = [f"{column}.{key}" for key, cell in one.items() if key not in ("input", "output") and holds(cell)]
            self.aside += [name for name in beside if name not in self.aside]
            if "id" in own and count > 1:
                own["id"] = f"{own['id']}_{count}"
            output = one.get("output")
            answer = None if output is None else Turns([{"role": "assistant", "content": text(output, column)}])
            made.append(self._made(instruction, text(one.get("input"), column), answer, own, provenance))
        return made

    def _thought(self, record: Record, reasoning: str | None) -> Record:
        """The record with its reasoning taken out of the answer, out of the turn, or from a column."""
        column = self._text("reasoning") or None
        inner, output = _split(record.output)
        thoughts = list(dict.fromkeys(one for one in (column, reasoning, inner) if one))
        if not thoughts and output == record.output:
            return record
        return record.replace(output=output, reasoning="\n\n".join(thoughts) or record.reasoning)

    def _judged(self, record: Record) -> Record:
        """The record with its judged answers: chosen and rejected, a label, or those of a record."""
        if "chosen" in self._plan.fields and "rejected" in self._plan.fields:
            chosen, rejected = self._alternative("chosen", record), self._alternative("rejected", record)
            better, worse = number(self._take("score_chosen")), number(self._take("score_rejected"))
            answers = (
                Answer(text=chosen, score=1.0 if better is None else better),
                Answer(text=rejected, score=0.0 if worse is None else worse),
            )
            return record.replace(output=chosen if not record.output else record.output, answers=answers)
        label = self._cell("label")
        if label is not None:
            good = yes_or_no(label)
            if good is None and self._is_kto() and label in (0, 1):
                good = label == 1
            if good is None or not record.output:
                self.aside.append(self._plan.fields["label"])
            else:
                self._take("label")
                answer = Answer(text=record.output, score=1.0 if good else 0.0)
                return record.replace(answers=(answer,), output=record.output if good else None)
        listed = self._cell("answers")
        if isinstance(listed, list) and all(isinstance(a, dict) and isinstance(a.get("text"), str) for a in listed):
            self._take("answers")
            return record.replace(
                answers=tuple(
                    Answer(text=a["text"], score=number(a.get("score")), model=_name(a.get("model"))) for a in listed
                )
            )
        return record

    def _is_kto(self) -> bool:
        """Whether the label is that of an answer, and no class: KTO's rows have a completion, or name it."""
        fields = self._plan.fields
        return plain(fields["label"]) == "kto_tag" or plain(fields.get("output", "")) == "completion"

    def _alternative(self, field: str, record: Record) -> str:
        """One of two answers: a text, a message, or the whole dialogue that ends with it."""
        value, column = self._take(field), self._plan.fields[field]
        turns = _whole(value, column)
        if turns is None:
            return text(value, column)
        last, before = turns[-1], [turn for turn in turns[:-1] if turn["role"] != "system"]
        if last["role"] != "assistant" or last.get("tool_calls"):
            raise RowError(f"{column} does not end with an answer")
        said = [*(m.content for m in record.history), user_text(record)]
        if before and [turn["content"] for turn in before] != said[-len(before) :]:
            raise RowError(f"{column} has several turns, of which an answer has one")
        return str(last["content"])

    def _unknown(self) -> RowError:
        columns = [c for c in self._row if isinstance(c, str)]
        held = [c for c in columns if holds(self._row[c])]
        listed = ", ".join(columns) or "none"
        if not held and columns:
            return RowError(f"all its columns are empty ({listed})")
        asking = (*NAMES["instruction"], *NAMES["messages"])
        blank = next((c for c in columns if c not in held and plain(c) in asking), None)
        if blank is not None and "instruction" not in self._plan.fields:
            return RowError(f"{blank} is empty")
        if [plain(c) for c in held] == ["text"]:
            return UnknownLayout(
                "it holds text alone, with nothing that says what is asked and what is answered; columns:"
                f" {{instruction: {held[0]}}} would read each text as a task"
            )
        return UnknownLayout(f"its columns ({listed}) fit no known layout")


def _own(row: Row, provenance: Provenance, keep_ids: bool) -> Record:
    """A record as a run's dataset has it."""
    history = history_of(row.get("history"), "history").turns
    scores = parsed(row.get("scores_json"), "scores_json") or {}
    answers = parsed(row.get("answers"), "answers") or []
    tools = parsed(row["tools_json"], "tools_json") or []
    if not isinstance(scores, dict) or not isinstance(answers, list) or not all(isinstance(a, dict) for a in answers):
        raise RowError("its scores or answers are not as a run writes them")
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise RowError(f"tools_json: expected a list of tools, found {shown(tools)}")
    old = str(row.get("id") or "")
    if not keep_ids and old:
        provenance = provenance.model_copy(update={"parents": (old,)})
    return Record(
        id=old if keep_ids else "",
        instruction=text(row["instruction"], "instruction"),
        input=text(row.get("input"), "input"),
        output=None if row["output"] is None else text(row["output"], "output"),
        system=text(row.get("system"), "system"),
        history=tuple(map(_message, history)),
        tools=tuple(tools),
        reasoning=row.get("reasoning"),
        task_type=row.get("task_type"),
        is_classification=row.get("is_classification"),
        language=row.get("language"),
        answers=tuple(Answer(text=a.get("text") or "", score=a.get("score"), model=a.get("model")) for a in answers),
        scores={str(name): score for name, cell in scores.items() if (score := _score(cell, finite=False)) is not None},
        provenance=provenance,
    )


def _as_dumped(row: Row) -> bool:
    """Whether the row is a record that synthgen itself wrote as JSON: its id is one, and so are all its keys."""
    own = row.get("id")
    return isinstance(own, str) and _OUR_ID.fullmatch(own) is not None and row.keys() <= _DUMPED


_DUMPED = Record.model_fields.keys() - {"provenance", "drop"}


def _message(turn: Turn) -> Message:
    calls = turn.get("tool_calls")
    return Message(
        role=turn["role"],
        content=turn["content"],
        name=turn.get("name"),
        tool_call_id=turn.get("tool_call_id"),
        tool_calls=tuple(calls) if calls else (),
    )


def _whole(value: Any, column: str) -> list[Turn] | None:
    """The turns of an answer that is a message, a list of them, or a text with `Human:` and `Assistant:` in it."""
    if (turns := dialogue_in(value)) is not None:
        return turns_of(turns, column).turns
    return _spoken(value) if isinstance(value, str) else None


def _spoken(said: str) -> list[Turn] | None:
    """The turns of a text with `Human:` and `Assistant:` in it, as Anthropic's are; None where it is another text."""
    if not said.startswith("\n\nHuman:"):
        return None
    parts = re.split(r"\n\n(Human|Assistant):", said)[1:]
    roles = {"Human": "user", "Assistant": "assistant"}
    return [{"role": roles[who], "content": part.strip()} for who, part in zip(parts[::2], parts[1::2], strict=True)]


def _split(output: str | None) -> tuple[str | None, str | None]:
    """The reasoning and the answer in an output; one that speaks of such tags further on has none."""
    if not output or not any(mark in output for mark in ("<", "[THINK]", "◁")):
        return None, output
    opening = _THOUGHT.search(output)
    if opening is not None and output[: opening.start()].strip():
        return None, output
    inner, shown = split_reasoning(output)
    return (inner, shown) if inner is not None else (None, output)


def _one_text(value: Any, field: str) -> bool:
    """Whether the cell could be the field: a text, a number, or a list of texts (for an answer, of one)."""
    if isinstance(value, list):
        return all(isinstance(one, str) for one in value) and (field != "output" or len(value) == 1)
    return not isinstance(value, (dict, bytes))


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _says_none(given: str) -> bool:
    """Whether an input says that there is none, as published datasets and models write it."""
    if not given or len(given) > 40:
        return False
    bare = given.strip()
    return NO_INPUT.fullmatch(bare) is not None or bare.rstrip(".").casefold() in _WORDS_FOR_NO_INPUT


def _score(cell: Any, *, finite: bool = True) -> float | None:
    """A score, which may be kept as the name of a float that JSON does not know."""
    if isinstance(cell, str) and not finite:
        try:
            return float(cell)
        except ValueError:
            return None
    return number(cell)


def _contained(value: Any, whole: str, parts: list[str]) -> bool:
    """Whether the record has the text of a cell, or the cell all texts of the record, as a filled-in template has."""
    if isinstance(value, dict):
        return _contained(list(value.values()), whole, parts)
    if isinstance(value, list):
        return all(_contained(inner, whole, parts) for inner in value)
    said = text(value, "").strip()
    if said in whole:
        return True
    return len(parts) > 1 and all(part in said for part in parts)


def _expected(type_: str) -> str:
    """What a field expects, for the kinds of errors that pydantic names."""
    return {
        "string_type": "expected a text",
        "bool_type": "expected true or false",
        "bool_parsing": "expected true or false",
        "float_type": "expected a number",
        "float_parsing": "expected a number",
        "literal_error": "not one of the values it can have",
        "missing": "it is missing",
        "extra_forbidden": "there is no such field",
    }.get(type_, "not what is expected")


def _setting(fields: Mapping[str, str]) -> str:
    """The setting that maps fields to columns, as a recipe has it."""
    order = ("messages", *_TEXTS)
    pairs = [(field, fields[field]) for field in order if field in fields]
    shown_pairs = [f"{field}: {name if name.isidentifier() else json.dumps(name)}" for field, name in pairs]
    return f"columns: {{{', '.join(shown_pairs)}}}"


__all__ = ["KNOWN", "LostText", "Read", "RowError", "UnknownLayout", "kind", "read_row"]
