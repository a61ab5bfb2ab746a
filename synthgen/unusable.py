"""When a reply cannot be used, why, and what could help: then it is asked for again, or rejected as that."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from synthgen.exchange import Choice, Completion
from synthgen.finish_reasons import finish_of

FINAL = frozenset({"context_length", "server_error", "timeout"})
"""Finish reasons that a teacher of ours gives, without a text, to a request that it has tried as often as makes sense."""

DETAILS = {
    "context_length": "the prompt is longer than the model's context",
    "empty_reply": "the reply is empty",
    "refused": "the teacher refused",
    "server_error": "the server failed at this request again and again",
    "timeout": "no reply to this request came in time, again and again",
    "truncated": "the reply was cut for want of tokens: a larger max_tokens would help",
}
"""A sentence for each reason."""

BLANK = 0.98
"""A reply of which this share is white space says nothing."""


class Remedy(StrEnum):
    """What the next request must change, so that it can bring more than the last one did."""

    NONE = "none"
    """Nothing helps: the same request ends in the same way."""
    SAME = "same"
    """The same request may do: it was the server that failed, not the model."""
    SAMPLE = "sample"
    """Another sample, which a temperature above 0 gives."""
    TOKENS = "tokens"
    """A larger `max_tokens`."""
    NO_SCHEMA = "no_schema"
    """No schema: it keeps the model from ending its reply. Without a schema in the request, as `TOKENS`."""


def remedy_of(reason: str, completion: Completion) -> Remedy:
    """What could help against `reason` (what a check said of the completion), in the next request for it."""
    first = choices_of(completion)[0]
    if is_final(first) or reason == "context_length":
        return Remedy.NONE
    if finish_of(first.finish_reason) == "failed":
        return Remedy.SAME
    if reason == "refused" and not completion.usage.total and not first.text:
        return Remedy.NONE  # the provider's filter took the prompt away before the model saw it
    if is_cut(first):
        return Remedy.NO_SCHEMA if is_blank(first) else Remedy.TOKENS
    return Remedy.SAMPLE


def choices_of(completion: Completion) -> tuple[Choice, ...]:
    """The completion's choices; an empty one where there is none."""
    return completion.choices or (Choice(None, None),)


def is_final(choice: Choice) -> bool:
    """Whether the teacher itself gave the request up."""
    return choice.finish_reason in FINAL and not choice.text and not choice.reasoning


def is_cut(choice: Choice) -> bool:
    """Whether the reply ended for want of tokens, whatever the server calls that."""
    return finish_of(choice.finish_reason) == "cut"


def is_blank(choice: Choice) -> bool:
    """Whether a choice has a text, and nearly all of it is white space."""
    text = choice.text or ""
    return bool(text) and sum(map(len, text.split())) <= (1 - BLANK) * len(text)


def why_unusable(choice: Choice) -> str | None:
    """The reason why there is nothing to use in a choice, or only a part; None where it is whole."""
    if is_final(choice):
        return choice.finish_reason
    finish = finish_of(choice.finish_reason)
    if choice.refusal or finish == "refused":
        return "refused"
    if finish == "failed":
        return "server_error"
    if finish == "cut":
        return "truncated"
    return None if choice.tool_calls or (choice.text or "").strip() else "empty_reply"


def is_free_text(choice: Choice) -> bool:
    """Whether a text, whole or cut, is no JSON object or list: no server wrote it that holds replies to a schema."""
    text = (choice.text or "").strip()
    return bool(text) and not (text[0] in "{[" and (is_cut(choice) or text[-1] in "}]"))


def why_again(completion: Completion, why: Callable[[Choice], str | None] = why_unusable) -> str | None:
    """The reason to ask again: that of the first choice, where no choice can be used and another try may help."""
    choices = choices_of(completion)
    reasons = [why(choice) for choice in choices]
    return None if None in reasons or is_final(choices[0]) else reasons[0]


def detail(reason: str, completion: Completion, text: str | None = None) -> str:
    """A sentence on why a completion was rejected, with how often it was asked for."""
    said = text or DETAILS.get(reason, reason)
    return said if completion.tries == 1 else f"{said}; asked {completion.tries} times"
