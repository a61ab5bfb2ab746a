"""What servers call the end of a reply: whole, cut, refused or failed, in every spelling that is known.

The journal keeps a server's own word. It is understood when a reply is read, so that a reply in an old journal gains
from every spelling that is added here.
"""

from __future__ import annotations

import re
from typing import Literal

Finish = Literal["whole", "cut", "refused", "failed", "unknown"]
"""`cut`: for want of tokens, or by a guard against repetition; `failed`: the server broke off, and may not again."""

_SPELLINGS: dict[Finish, str] = {
    # OpenAI, its responses API, Anthropic, Gemini, Bedrock, Cohere, Mistral, vLLM, SGLang, TGI, llama.cpp, Ollama
    "whole": """
        stop end_turn stop_sequence tool_calls tool_call tool_use function_call function_calls completed complete eos
        eos_token eos_token_id stop_token end_of_turn end_of_text end_of_sequence finished finish done success stop_str
        stop_word stop_words matched_stop matched_token matched_str finish_matched_token finish_matched_str eot eom
    """,
    "cut": """
        length max_tokens max_token max_length max_new_tokens max_output_tokens max_completion_tokens max_output_reached
        model_length model_context_window_exceeded context_window_exceeded context_window_full context_length_exceeded
        context_full token_limit token_limit_reached limit finish_length length_limit error_limit truncated
        repetition_truncation repetition max_time time_limit incomplete thinking_budget_exceeded
        pause_turn
    """,
    "refused": """
        content_filter content_filtered content_filter_error content_policy content_policy_violation refusal refused
        safety recitation blocklist prohibited_content spii sensitive guardrail_intervened guardrail guardrails blocked
        error_toxic toxic moderation moderated language image_safety image_prohibited_content image_recitation
        model_armor policy_violation violation data_inspection_failed risk flagged
    """,
    "failed": """
        error failed failure abort aborted cancel cancelled canceled user_cancel client_cancelled interrupted
        insufficient_system_resource network_error connection_error internal_error server_error timeout timed_out
        deadline_exceeded overloaded malformed_function_call unexpected_tool_call malformed_tool_call
        malformed_tool_use malformed_model_output too_many_tool_calls missing_thought_signature malformed_response
        no_image image_other other finish_abort load unload shutdown preempted evicted unavailable rate_limit
        expired queued in_progress
    """,
}
_KNOWN: dict[str, Finish] = {word.replace("_", ""): kind for kind, text in _SPELLINGS.items() for word in text.split()}
_UNSPECIFIED = frozenset({"null", "none", "finishreasonunspecified", "unspecified"})
"""A server that says nothing at all, in one way or another, says nothing against the reply either."""

# What a spelling nobody has met says by the words in it. The order matters: `max_tokens_error` is a failure.
_HINTS: tuple[tuple[Finish, re.Pattern[str]], ...] = (
    (
        "refused",
        re.compile(r"filter|safety|unsafe|refus|prohibit|block|polic|moderat|sensitiv|guard|toxic|harm|copyright"),
    ),
    (
        "failed",
        re.compile(
            r"error|fail|abort|cancel|time_?d?_?out|except|invalid|malform|disconnect|unavailab|overload|resourc"
        ),
    ),
    ("cut", re.compile(r"length|max|limit|truncat|token|context|budget|exceed|incomplete|quota")),
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_APART = re.compile(r"[^a-z0-9]+")
MOST = 200
"""Characters of a finish reason that are looked at."""


def finish_of(reason: str | None) -> Finish:
    """What a finish reason says of its reply; `whole` where the server gives none.

    Case, and whether words are parted by `_`, `-`, a space, a dot or a capital, make no difference; of `kind: detail`
    (`content_filter: PROHIBITED_CONTENT`) and of a qualified name (`FinishReason.STOP`) any known part decides.
    """
    if reason is None:
        return "whole"
    words = _APART.sub("_", _CAMEL.sub("_", reason[:MOST].strip()).lower()).strip("_")
    plain = words.replace("_", "")
    if plain in _UNSPECIFIED or not reason.strip():
        return "whole"
    if plain in _KNOWN:
        return _KNOWN[plain]
    for prefix in ("finishreason", "stopreason", "finish", "stop"):
        if plain.startswith(prefix) and plain[len(prefix) :] in _KNOWN:
            return _KNOWN[plain[len(prefix) :]]
    for part in re.split(r"[:.;,|/=]", reason[:MOST]):
        known = _KNOWN.get(_APART.sub("", part.lower()))
        if known is not None and known != "whole":
            return known
    return next((kind for kind, pattern in _HINTS if pattern.search(words)), "unknown")
