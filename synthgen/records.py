"""The record: one item of the pipeline, frozen, with how it came to be and why it was dropped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Role = Literal["system", "user", "assistant", "tool"]


def clean_text(value: object) -> object:
    """The same text with lone surrogates replaced by U+FFFD, so that it can be written as UTF-8."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value


Text = Annotated[str, BeforeValidator(clean_text)]


class Frozen(BaseModel):
    """A value that never changes and knows no other fields than its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's, in a quarter of the time: records are copied several times on their way."""
        if deep or self.__pydantic_private__ is not None:
            return super().model_copy(update=update, deep=deep)
        changes = update or {}
        copy = self.__class__.__new__(self.__class__)
        for name, value in (
            ("__dict__", {**self.__dict__, **changes}),
            ("__pydantic_fields_set__", self.__pydantic_fields_set__ | changes.keys()),
            ("__pydantic_extra__", None),
            ("__pydantic_private__", None),
        ):
            object.__setattr__(copy, name, value)
        return copy


class Message(Frozen):
    """One turn of a dialogue; `tool_calls` are as the OpenAI API has them, arguments as a JSON string.

    `tool_call_id` is on the answers of tools: which call they answer.
    """

    role: Role
    content: Text
    name: str | None = None
    tool_call_id: str | None = None
    tool_calls: tuple[dict[str, Any], ...] = ()


class Answer(Frozen):
    """An alternative answer to a record, for ranking and preference pairs; a higher score is better."""

    text: Text
    score: float | None = None
    model: str | None = None


class Drop(Frozen):
    """Why a record was dropped: the snake_case `reason` and the evidence for it.

    `score` is what was measured and `limit` what it was held against; `nearest` and `nearest_text` name the neighbour
    of a near-duplicate; `stage` is filled in by the engine; `detail` is a sentence for people.
    """

    reason: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    score: float | None = None
    limit: float | None = None
    nearest: str | None = None
    nearest_text: Text | None = None
    detail: Text | None = None
    stage: str | None = None

    def __init__(self, reason: str, **evidence: Any) -> None:
        super().__init__(reason=reason, **evidence)  # type: ignore[call-arg]


class Provenance(Frozen):
    """How a record came to be.

    `attempt` and `index` (its number among the attempt's records) are stamped by the engine, as is `round`;
    `requests` are the journal keys of the completions it was made from, in order; `demonstrations` and `parents` are
    record ids; `source` says where a record that no teacher wrote came from (`seeds/x.jsonl:12`).
    """

    attempt: int | None = None
    index: int | None = None
    round: int = 0
    model: str | None = None
    requests: tuple[str, ...] = ()
    demonstrations: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    source: str | None = None


class Record(Frozen):
    """One task with its answer, as it travels through the stages.

    `None` means not yet, empty means empty. `id` is a content hash (16 hex digits) of the record as it was born and of
    where it was born (attempt and index); it stays the same when a stage fills in or rewrites a field.
    """

    id: str = ""
    instruction: Text
    input: Text = ""
    output: Text | None = None
    system: Text = ""
    history: tuple[Message, ...] = ()
    tools: tuple[dict[str, Any], ...] = ()
    reasoning: Text | None = None
    task_type: str | None = None
    is_classification: bool | None = None
    language: str | None = None
    answers: tuple[Answer, ...] = ()
    scores: dict[str, float] = Field(default_factory=dict)
    provenance: Provenance = Provenance()
    drop: Drop | None = None

    @model_validator(mode="after")
    def _born(self) -> Record:
        if not self.id:
            object.__setattr__(self, "id", content_id(self))
        return self

    @property
    def text(self) -> str:
        """All that a reader sees of the record: system, history, instruction, input and output, one per line."""
        parts = [self.system, *(m.content for m in self.history), self.instruction, self.input, self.output or ""]
        return "\n".join(p for p in parts if p)

    def replace(self, **changes: Any) -> Record:
        """The same record (same id) with other field values; unknown names raise `TypeError`.

        The values are not validated again, except that lone surrogates are replaced in texts.
        """
        if not changes.keys() <= _FIELDS:
            raise TypeError(f"a Record has no field {sorted(changes.keys() - _FIELDS)}")
        return self.model_copy(update={k: clean_text(v) for k, v in changes.items()})

    def child(self, **changes: Any) -> Record:
        """A new record made from this one: the engine gives it its own id, and its parent is this record."""
        provenance = changes.pop("provenance", self.provenance)
        return self.replace(
            **changes, id="", provenance=provenance.model_copy(update={"index": None, "parents": (self.id,)})
        )

    def dropped(self, drop: Drop | str, **evidence: Any) -> Record:
        """The same record marked as dropped, with the reason and its evidence."""
        return self.replace(drop=drop if isinstance(drop, Drop) else Drop(drop, **evidence))

    def scored(self, **scores: float) -> Record:
        """The same record with further scores."""
        return self.replace(scores={**self.scores, **scores})


_FIELDS = Record.model_fields.keys()
_CONTENT = json.JSONEncoder(separators=(",", ":"), default=str)  # `json.dumps` would make one at every call


def content_id(record: Record, provenance: Provenance | None = None) -> str:
    """The id of a record: 16 hex digits over its content and its attempt and index (or those of `provenance`)."""
    born = provenance or record.provenance
    content = [
        record.instruction,
        record.input,
        record.output,
        record.system,
        [[m.role, m.content] for m in record.history],
        record.tools,
        born.round,
        born.attempt,
        born.index,
    ]
    return hashlib.blake2b(_CONTENT.encode(content).encode(), digest_size=8).hexdigest()


def to_alpaca(record: Record) -> dict[str, str]:
    """`instruction`, `input`, `output`: the Alpaca columns; a system prompt and history are left out."""
    return {"instruction": record.instruction, "input": record.input, "output": record.output or ""}


def user_text(record: Record) -> str:
    """The user's turn: the instruction, and the input after a blank line where there is one."""
    return f"{record.instruction}\n\n{record.input}" if record.input else record.instruction


def asked_in_history(record: Record) -> bool:
    """Whether the user's turn stands in the history already, since calls of tools and their results follow it."""
    if not record.history or not (record.history[-1].role == "tool" or record.history[-1].tool_calls):
        return False
    last = next((turn for turn in reversed(record.history) if turn.role == "user"), None)
    return last is not None and last.content == user_text(record)


def answered_by_call(record: Record) -> bool:
    """Whether the answer is a call of tools that nothing follows: the history ends with it, and there is no output."""
    return (
        record.output is None
        and bool(record.history)
        and bool(record.history[-1].tool_calls)
        and asked_in_history(record)
    )


def to_messages(record: Record) -> list[dict[str, Any]]:
    """The dialogue as OpenAI messages: system, history, the user's turn, and the answer where there is one.

    Where calls of tools and their results follow the user's turn, the history holds it and them; see `from_messages`.
    """
    messages: list[dict[str, Any]] = []
    if record.system:
        messages.append({"role": "system", "content": record.system})
    for turn in record.history:
        message: dict[str, Any] = {"role": turn.role, "content": turn.content}
        if turn.name is not None:
            message["name"] = turn.name
        if turn.tool_call_id is not None:
            message["tool_call_id"] = turn.tool_call_id
        if turn.tool_calls:
            message["tool_calls"] = list(turn.tool_calls)
        messages.append(message)
    if not asked_in_history(record):
        messages.append({"role": "user", "content": user_text(record)})
    if record.output is not None:
        messages.append({"role": "assistant", "content": record.output})
    return messages


def to_prompt_completion(record: Record) -> dict[str, list[dict[str, Any]]]:
    """`prompt` (all but the answer) and `completion` (the answer): what TRL trains on with the right mask."""
    messages = to_messages(record)
    answered = messages[-1]["role"] == "assistant"  # by a text, or by a call that nothing follows
    return (
        {"prompt": messages[:-1], "completion": messages[-1:]} if answered else {"prompt": messages, "completion": []}
    )


def from_alpaca(row: Mapping[str, Any], **fields: Any) -> Record:
    """A record from `instruction`, `input` (may be missing), `output` (may be missing) and `system`."""
    return Record(
        instruction=row["instruction"],
        input=row.get("input") or "",
        output=row.get("output"),
        system=row.get("system") or "",
        **fields,
    )


def from_messages(messages: list[dict[str, Any]], **fields: Any) -> Record:
    """A record from OpenAI messages: the last user turn is the instruction, the last answer after it the output.

    Where the assistant calls tools before it answers, the history has the user's turn, the calls and their results, in
    their order (see `asked_in_history`); a call may be written out as text, as long as a result follows it. A dialogue
    that ends with a call has no output (see `answered_by_call`).

    Raises:
        ValueError: there is no user turn, or what follows the last of them is neither one answer nor calls of tools
            with their results and at most one answer at the end.
    """
    turns = [
        Message(
            role=m["role"],
            content=m.get("content") or "",
            name=m.get("name"),
            tool_call_id=m.get("tool_call_id"),
            tool_calls=tuple(m.get("tool_calls") or ()),
        )
        for m in messages
    ]
    system = ""
    if turns and turns[0].role == "system":
        system, turns = turns[0].content, turns[1:]
    last = max((i for i, t in enumerate(turns) if t.role == "user"), default=None)
    if last is None:
        raise ValueError("the messages hold no user turn")
    steps = turns[last + 1 :]
    answer = steps.pop() if steps and steps[-1].role == "assistant" and not steps[-1].tool_calls else None
    if steps and not _calls_and_results(steps):
        raise ValueError(
            "after the last user turn comes one assistant turn, before it calls of tools and their results"
        )
    return Record(
        instruction=turns[last].content,
        output=answer.content if answer else None,
        system=system,
        history=tuple(turns if answer is None else turns[:-1]) if steps else tuple(turns[:last]),
        **fields,
    )


def _calls_and_results(steps: list[Message]) -> bool:
    """Whether these turns are calls of tools, each with its results behind it; only the last may lack them."""
    following = [*(turn.role for turn in steps[1:]), ""]
    return steps[0].role == "assistant" and all(
        turn.role == "tool" or (turn.role == "assistant" and (turn.tool_calls or after == "tool"))
        for turn, after in zip(steps, following, strict=True)
    )
