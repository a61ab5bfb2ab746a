"""When a reply cannot be used, why, and what could help: then it is asked for again, or rejected as that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from functools import cache

from synthgen.forms import split_reasoning
from synthgen.requests.finish_reasons import finish_of
from synthgen.requests.request import Choice, Completion
from synthgen.requests.template_tokens import find_token
from synthgen.safety.outward import logger

log = logger("synthgen")

FINAL = frozenset({"bad_request", "context_length", "server_error", "timeout"})
"""Finish reasons that a teacher of ours gives, without a text, to a request that it has given up."""

DETAILS = {
    "bad_request": "the server refuses this request, and takes others",
    "context_length": "the prompt is longer than the model's context",
    "empty_reply": "the reply is empty",
    "refused": "the teacher refused",
    "server_error": "the server failed at this request again and again",
    "template_token": "the text holds a token of a chat template, so that another turn follows in it",
    "timeout": "no reply to this request came in time, again and again",
    "truncated": "the reply was cut for want of tokens: a larger max_tokens would help",
    "unknown_finish_reason": "it is not known why the reply ended, and it looks cut",
}
"""A sentence for each reason; `sentence` says more of a choice."""

BLANK = 0.9
"""A cut reply of which this share is white space was going to say nothing more …"""
BLANK_RUN = 100
"""… nor was one that ends in so many characters of it."""
SHOWN = 40
"""Characters of a server's word that are shown."""
_CLOSED = tuple(".!?…。！？।؟\"'”’»」』)]}>*`|~_:;")
"""How a text ends that is not cut in a sentence."""


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
    if finish_of(first.finish_reason) == "refused" and not completion.usage.total and not first.text:
        return Remedy.NONE  # the provider's filter took the prompt away before the model saw it
    if is_cut(first) and not is_full(first):
        return Remedy.NO_SCHEMA if is_blank(first) else Remedy.TOKENS
    return Remedy.SAMPLE


def choices_of(completion: Completion) -> tuple[Choice, ...]:
    """The completion's choices as they are to be read; an empty one where there is none."""
    return tuple(map(read, completion.choices)) or (Choice(None, None),)


def read(choice: Choice) -> Choice:
    """The choice with what the model thought in `reasoning`, and in `text` what it shows, without template tokens at
    its ends. What came from the server stays in the journal as it is.
    """
    if not choice.text:
        return choice
    thought, shown = split_reasoning(choice.text)
    if thought is None and shown == choice.text:
        return choice
    return replace(choice, text=shown, reasoning=choice.reasoning or thought or None)


def is_final(choice: Choice) -> bool:
    """Whether the teacher itself gave the request up."""
    return choice.finish_reason in FINAL and not choice.text and not choice.reasoning


def is_cut(choice: Choice) -> bool:
    """Whether the reply ended for want of tokens, whatever the server calls that."""
    return finish_of(choice.finish_reason) == "cut"


def is_full(choice: Choice) -> bool:
    """Whether a cut reply ended where the model's context does: a larger `max_tokens` would end there too."""
    return is_cut(choice) and "context" in (choice.finish_reason or "").lower()


def is_blank(choice: Choice) -> bool:
    """Whether a text is nearly all white space, or ends in a long run of it."""
    text = choice.text or ""
    ends_blank = len(text) - len(text.rstrip()) >= BLANK_RUN
    return ends_blank or (len(text) >= BLANK_RUN and sum(map(len, text.split())) <= (1 - BLANK) * len(text))


def why_unusable(choice: Choice) -> str | None:
    """The reason why there is nothing to use in a choice (one of `choices_of`), or only a part; None where it is
    whole.
    """
    if is_final(choice):
        return choice.finish_reason
    finish = finish_of(choice.finish_reason)
    text = (choice.text or "").strip()
    if choice.refusal or finish == "refused":
        return "refused"
    if finish == "failed":
        return "server_error"
    if finish == "cut":
        return "truncated"
    if not text:
        return None if choice.tool_calls else "empty_reply"
    if finish == "unknown":
        if not text.endswith(_CLOSED):
            return "unknown_finish_reason"
        _tell_unknown(_shown(choice.finish_reason))
    return "template_token" if find_token(text) else None


@cache
def _tell_unknown(name: str) -> None:
    log.warning(
        "a server ends replies with the finish reason %s, which is not known here: those that end like a whole text "
        "are kept, the others rejected as unknown_finish_reason",
        name,
    )


def _shown(word: str | None) -> str:
    """A server's word, short and without characters that a terminal would obey."""
    return ascii((word or "")[:SHOWN])


def is_free_text(choice: Choice) -> bool:
    """Whether a text, whole or cut, is no JSON object or list: no server wrote it that holds replies to a schema."""
    choice = read(choice)
    text = (choice.text or "").strip()
    return bool(text) and not (text[0] in "{[" and (is_cut(choice) or text[-1] in "}]"))


def why_again(completion: Completion, why: Callable[[Choice], str | None] = why_unusable) -> str | None:
    """The reason to ask again: that of the first choice, where no choice can be used and another try may help."""
    choices = choices_of(completion)
    reasons = [why(choice) for choice in choices]
    return None if None in reasons or is_final(choices[0]) else reasons[0]


def sentence(reason: str, choice: Choice) -> str:
    """A sentence on why a choice cannot be used, with the next step or the server's words where there are any."""
    text, word = choice.text or "", _shown(choice.finish_reason)
    if reason in ("truncated", "empty_reply") and choice.reasoning and not text.strip():
        return (
            f"the model wrote {len(choice.reasoning):,} characters of reasoning and no answer: raise max_tokens, or "
            "start the server without a reasoning parser (--reasoning-format none)"
        )
    if reason == "truncated" and is_blank(choice):
        return (
            f"the reply was cut in white space ({len(text):,} characters in all): the server's grammar lets the model "
            "write white space without end; structured: off asks without a schema"
        )
    if reason == "truncated" and is_full(choice):
        return f"the reply was cut where the model's context ends ({word}): a larger one or a shorter prompt would help"
    if reason == "server_error" and not is_final(choice):
        return f"the server broke the reply off (finish reason {word})"
    if reason == "unknown_finish_reason":
        return f"the reply ended with the finish reason {word}, which is not known here, and its text looks cut"
    if reason == "template_token" and (token := find_token(text)):
        return f"the text holds {token}, a token of a chat template, so that another turn follows in it"
    said = DETAILS.get(reason, reason)
    return f"{said}: {choice.refusal}" if choice.refusal and reason in (*FINAL, "refused") else said


def detail(reason: str, completion: Completion, text: str | None = None) -> str:
    """A sentence on why a completion was rejected, with how often it was asked for."""
    said = text or sentence(reason, choices_of(completion)[0])
    return said if completion.tries == 1 else f"{said}; asked {completion.tries} times"
