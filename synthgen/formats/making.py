"""The record that a row's cells make: of a dialogue, of a task with its answer, of either with judged answers."""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError

from synthgen.formats.cells import Cells, UnknownLayout, unknown_layout
from synthgen.formats.names import NAMES, plain
from synthgen.formats.row import RowError, holds, number, parsed, shown, text, yes_or_no
from synthgen.formats.turns import Turn, Turns, dialogue_in, same_turns, turns_of
from synthgen.forms.reasoning import split_reasoning
from synthgen.forms.structured import NO_INPUT
from synthgen.records import Answer, Message, Record, from_messages, user_text

_WORDS_FOR_NO_INPUT = frozenset(("<no input>", "not applicable"))
_THOUGHT = re.compile(r"<(?:think|thinking|seed:think)>|\[THINK\]|◁think▷|<\|START_THINKING\|>", re.IGNORECASE)


def dialogue_of(cells: Cells) -> Turns | None:
    """The dialogue of a row, without the answer where that is in a column of its own; None where the row has none.

    Raises:
        RowError: it has one that cannot be read.
    """
    fields = cells.fields
    if "messages" in fields:
        listed = cells.get("messages")
        alone = "instruction" not in fields
        is_text = isinstance(listed, str) and not listed.lstrip().startswith(("[", "{"))
        if is_text and alone and not cells.columns:
            raise UnknownLayout(f"{fields['messages']} holds a text, not a list of messages")
        if alone or (isinstance(listed, (list, dict, str)) and not is_text):
            return turns_of(cells.take("messages"), fields["messages"])
    for field in ("instruction", "input"):
        if (turns := dialogue_in(cells.get(field))) is not None:
            cells.take(field)
            return turns_of(turns, fields[field])
    asked = cells.get("instruction")
    if isinstance(asked, str) and (turns := _spoken(asked)) is not None:
        cells.take("instruction")
        return Turns(turns[:-1] if turns[-1] == {"role": "assistant", "content": ""} else turns)
    chosen, rejected = cells.get("chosen"), cells.get("rejected")
    if "instruction" not in fields and chosen is not None and rejected is not None:
        return _shared_beginning(cells, chosen, rejected)
    return None


def _shared_beginning(cells: Cells, chosen: Any, rejected: Any) -> Turns:
    first, second = _whole(chosen, cells.fields["chosen"]), _whole(rejected, cells.fields["rejected"])
    if first is not None and second is not None and not same_turns(first[:-1], second[:-1]):
        raise RowError("chosen and rejected are answers to different dialogues")
    if not first or not second or not first[:-1]:
        raise RowError("chosen and rejected are answers to no question: there is no prompt")
    return Turns(first[:-1])


def from_turns(cells: Cells, base: Turns, fields: dict[str, Any]) -> Record:
    """The record of a dialogue, with the system prompt, earlier turns and answer that have columns of their own.

    `fields` are those that are not read from turns.
    """
    turns, reasoning = list(base.turns), base.reasoning
    cells.aside += base.aside
    if turns[0]["role"] != "system" and (system := cells.text("system")):
        turns.insert(0, {"role": "system", "content": system})
    at = 1 if turns[0]["role"] == "system" else 0
    turns[at:at] = cells.history()
    if turns[-1]["role"] != "assistant" and "output" in cells.fields:
        more = _answer_turns(cells)
        turns += more.turns
        reasoning = more.reasoning
        cells.aside += more.aside
    return _turns_record(cells, turns, reasoning, fields)


def _turns_record(cells: Cells, turns: list[Turn], reasoning: str | None, fields: dict[str, Any]) -> Record:
    """The record of a whole dialogue; `reasoning` is that of its last turn."""
    try:
        record = from_messages(turns, **fields)
    except ValueError as error:
        if isinstance(error, ValidationError):
            raise
        raise RowError(str(error)) from error
    return _with_reasoning(cells, record, reasoning)


def _answer_turns(cells: Cells) -> Turns:
    """The answer as turns: a text, or messages as TRL's completions are."""
    value, column = cells.take("output"), cells.fields["output"]
    if not isinstance(value, str) and (turns := dialogue_in(value)) is not None:
        return turns_of(turns, column)
    return Turns([{"role": "assistant", "content": text(value, column)}])


def _with_reasoning(cells: Cells, record: Record, reasoning: str | None) -> Record:
    """The record with its reasoning taken out of the answer, out of the turn (`reasoning`), or from a column."""
    column = cells.text("reasoning") or None
    inner, output = _split(record.output)
    thoughts = list(dict.fromkeys(one for one in (column, reasoning, inner) if one))
    if not thoughts and output == record.output:
        return record
    return record.replace(output=output, reasoning="\n\n".join(thoughts) or record.reasoning)


def _split(output: str | None) -> tuple[str | None, str | None]:
    """The reasoning and the answer in an output; one that speaks of such tags further on has none."""
    if not output or not any(mark in output for mark in ("<", "[THINK]", "◁")):
        return None, output
    opening = _THOUGHT.search(output)
    if opening is not None and output[: opening.start()].strip():
        return None, output
    inner, shown = split_reasoning(output)
    return (inner, shown) if inner is not None else (None, output)


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


def message_of(turn: Turn) -> Message:
    """A turn as a message of a record."""
    calls = turn.get("tool_calls")
    return Message(
        role=turn["role"],
        content=turn["content"],
        name=turn.get("name"),
        tool_call_id=turn.get("tool_call_id"),
        tool_calls=tuple(calls) if calls else (),
    )


def task_of(cells: Cells, fields: dict[str, Any]) -> Record:
    """The record of an instruction with its answer; `fields` are those beside them."""
    given = cells.text("input")
    if cells.plan.weak and "output" not in cells.fields:
        raise unknown_layout(cells)
    if "instruction" in cells.fields:
        asked = cells.get("instruction")
        if isinstance(asked, dict) and "output" not in cells.fields:
            raise RowError(f"{cells.fields['instruction']}: expected a text, found {shown(asked)}")
        instruction = cells.text("instruction")
    elif given and "output" in cells.fields:
        instruction, given = given, ""
    else:
        raise unknown_layout(cells)
    return _task_record(cells, instruction, given, _answer(cells), fields)


def instances_of(cells: Cells, fields: dict[str, Any]) -> list[Record]:
    """One record for each instance of a task, as Self-Instruct keeps them."""
    column = cells.fields["instances"]
    found = parsed(cells.take("instances"), column)
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        raise RowError(f"{column}: expected a list of instances with input and output, found {shown(found)}")
    instruction, made = cells.text("instruction"), []
    for count, one in enumerate(found, 1):
        own = dict(fields)
        beside = [f"{column}.{key}" for key, cell in one.items() if key not in ("input", "output") and holds(cell)]
        cells.aside += [name for name in beside if name not in cells.aside]
        if "id" in own and count > 1:
            own["id"] = f"{own['id']}_{count}"
        output = one.get("output")
        answer = None if output is None else text(output, column)
        made.append(_task_record(cells, instruction, text(one.get("input"), column), answer, own))
    return made


def says_none(given: str) -> bool:
    """Whether an input says that there is none, as published datasets and models write it."""
    if not given or len(given) > 40:
        return False
    bare = given.strip()
    return NO_INPUT.fullmatch(bare) is not None or bare.rstrip(".").casefold() in _WORDS_FOR_NO_INPUT


def _answer(cells: Cells) -> Turns | str | None:
    """The answer: text or turns; empty where a column for it is there and blank, None where there is none."""
    if "output" in cells.fields:
        return _answer_turns(cells)
    names = {column for field, column in cells.columns if field == "output"} or NAMES["output"]
    blank = (column for column, value in cells.row.items() if isinstance(value, str) and not holds(value))
    return "" if any(column in names or plain(column) in names for column in blank) else None


def _task_record(
    cells: Cells, instruction: str, given: str, answer: Turns | str | None, fields: dict[str, Any]
) -> Record:
    if says_none(given):
        given = ""
    system, history = cells.text("system"), cells.history()
    if history and history[0]["role"] == "system" and not system:
        system, history = history[0]["content"], history[1:]
    reasoning, output = None, answer
    if isinstance(answer, Turns):
        cells.aside += answer.aside
        reasoning, last = answer.reasoning, answer.turns[-1]
        if len(answer.turns) > 1 or last["role"] != "assistant" or "tool_calls" in last:
            asked = {"role": "user", "content": f"{instruction}\n\n{given}" if given else instruction}
            opening = [{"role": "system", "content": system}] if system else []
            return _turns_record(cells, [*opening, *history, asked, *answer.turns], reasoning, fields)
        output = last["content"]
    record = Record(
        instruction=instruction,
        input=given,
        output=output,
        system=system,
        history=tuple(map(message_of, history)),
        **fields,
    )
    return _with_reasoning(cells, record, reasoning)


def judged(cells: Cells, record: Record) -> Record:
    """The record with the judged answers that its row has; as it is where the row has none."""
    if "chosen" in cells.fields and "rejected" in cells.fields:
        return _preferred(cells, record)
    if cells.get("label") is not None and (labelled := _labelled(cells, record)) is not None:
        return labelled
    listed = cells.get("answers")
    if isinstance(listed, list) and all(isinstance(a, dict) and isinstance(a.get("text"), str) for a in listed):
        cells.take("answers")
        return record.replace(answers=tuple(map(_scored, listed)))
    return record


def _scored(value: dict[str, Any]) -> Answer:
    model = value.get("model")
    return Answer(text=value["text"], score=number(value.get("score")), model=model if isinstance(model, str) else None)


def _preferred(cells: Cells, record: Record) -> Record:
    chosen, rejected = _alternative(cells, "chosen", record), _alternative(cells, "rejected", record)
    better, worse = number(cells.take("score_chosen")), number(cells.take("score_rejected"))
    answers = (
        Answer(text=chosen, score=1.0 if better is None else better),
        Answer(text=rejected, score=0.0 if worse is None else worse),
    )
    return record.replace(output=record.output or chosen, answers=answers)


def _alternative(cells: Cells, field: str, record: Record) -> str:
    """One of two answers: a text, a message, or the whole dialogue that ends with it."""
    value, column = cells.take(field), cells.fields[field]
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


def _labelled(cells: Cells, record: Record) -> Record | None:
    """The record whose answer is good or bad; None where the label says something else, and is left aside."""
    label = cells.get("label")
    good = yes_or_no(label)
    if good is None and _is_of_an_answer(cells) and label in (0, 1):
        good = label == 1
    if good is None or not record.output:
        cells.aside.append(cells.fields["label"])
        return None
    cells.take("label")
    answer = Answer(text=record.output, score=1.0 if good else 0.0)
    return record.replace(answers=(answer,), output=record.output if good else None)


def _is_of_an_answer(cells: Cells) -> bool:
    """Whether the label is that of an answer, and no class: KTO's rows have a completion, or name it."""
    fields = cells.fields
    return plain(fields["label"]) == "kto_tag" or plain(fields.get("output", "")) == "completion"
