"""When a reply cannot be used, and why: then it is asked for again, within a limit, and at last rejected as that."""

from __future__ import annotations

from collections.abc import Callable

from synthgen.exchange import Choice, Completion

FINAL = frozenset({"bad_request", "context_length", "server_error", "timeout"})
"""Finish reasons of requests that would end in the same way again: the teacher has tried what makes sense."""

DETAILS = {
    "bad_request": "the server refuses this request, and takes others",
    "context_length": "the prompt is longer than the model's context",
    "empty_reply": "the reply is empty",
    "refused": "the teacher refused",
    "server_error": "the server failed at this request again and again",
    "timeout": "no reply to this request came in time, again and again",
    "truncated": "the reply was cut for want of tokens: a larger max_tokens would help",
}
"""A sentence for each reason."""


def choices_of(completion: Completion) -> tuple[Choice, ...]:
    """The completion's choices; an empty one where there is none."""
    return completion.choices or (Choice(None, None),)


def why_unusable(choice: Choice) -> str | None:
    """The reason why there is nothing to use in a choice, or only a part; None where it is whole."""
    if choice.finish_reason in FINAL:
        return choice.finish_reason
    if choice.refusal or choice.finish_reason == "content_filter":
        return "refused"
    if choice.finish_reason == "length":
        return "truncated"
    return None if choice.tool_calls or (choice.text or "").strip() else "empty_reply"


def is_free_text(choice: Choice) -> bool:
    """Whether a text, whole or cut, is no JSON object or list: no server wrote it that holds replies to a schema."""
    text = (choice.text or "").strip()
    return bool(text) and not (text[0] in "{[" and (choice.finish_reason == "length" or text[-1] in "}]"))


def why_again(completion: Completion, why: Callable[[Choice], str | None] = why_unusable) -> str | None:
    """The reason to ask again: that of the first choice, where no choice can be used and another try may help."""
    reasons = [why(choice) for choice in choices_of(completion)]
    return None if None in reasons or reasons[0] in FINAL else reasons[0]


def sentence(reason: str, choice: Choice) -> str:
    """The sentence for a reason, with the server's own words where it has any."""
    said = DETAILS.get(reason, reason)
    return f"{said}: {choice.refusal}" if choice.refusal and reason in (*FINAL, "refused") else said


def detail(reason: str, completion: Completion, text: str | None = None) -> str:
    """A sentence on why a completion was rejected, with how often it was asked for."""
    said = text or sentence(reason, choices_of(completion)[0])
    return said if completion.tries == 1 else f"{said}; asked {completion.tries} times"
