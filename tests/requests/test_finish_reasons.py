from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.requests.finish_reasons import Finish, finish_of

KNOWN: dict[Finish, str] = {
    "whole": "stop end_turn stop_sequence tool_use tool_calls COMPLETE STOP_SEQUENCE STOP eos_token completed "
    "FinishReason.STOP endTurn FINISH_REASON_STOP FINISH_REASON_UNSPECIFIED none null",
    "cut": "length LENGTH max_tokens MAX_TOKENS maxTokens MaxTokens max-tokens model_length "
    "model_context_window_exceeded limit max_output_tokens pause_turn ERROR_LIMIT repetition_truncation "
    "FinishReason.MAX_TOKENS token_limit_reached max_new_tokens_reached out_of_tokens",
    "refused": "content_filter contentFilter SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII LANGUAGE IMAGE_SAFETY "
    "refusal guardrail_intervened content_filtered ERROR_TOXIC sensitive content-filter unsafe_content",
    "failed": "error ERROR failed cancelled canceled abort aborted USER_CANCEL insufficient_system_resource "
    "network_error MALFORMED_FUNCTION_CALL OTHER load unload internalServerError upstream_error provider_timeout",
    "unknown": "banana 7 Ω",
}


@pytest.mark.parametrize(("kind", "reason"), [(kind, word) for kind, text in KNOWN.items() for word in text.split()])
def test_spellings_of_servers(kind: Finish, reason: str) -> None:
    assert finish_of(reason) == kind


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (None, "whole"),
        ("", "whole"),
        (" ", "whole"),
        ("content_filter: PROHIBITED_CONTENT", "refused"),
        ("stop: max_tokens", "cut"),
        ("Max Tokens", "cut"),
        ("END TURN", "whole"),
    ],
)
def test_spaces_details_and_nothing(reason: str | None, kind: Finish) -> None:
    assert finish_of(reason) == kind


@given(st.text())
def test_any_text_is_one_of_them(reason: str) -> None:
    assert finish_of(reason) in ("whole", "cut", "refused", "failed", "unknown")
    assert finish_of(reason * 100) in ("whole", "cut", "refused", "failed", "unknown")


@given(st.sampled_from(KNOWN["cut"].split()), st.sampled_from(["upper", "lower"]), st.sampled_from("-_ "))
def test_case_and_what_parts_words_make_no_difference(word: str, case: str, between: str) -> None:
    if word.isupper() or word.islower():
        assert finish_of(getattr(word.replace("_", between), case)()) == "cut"
