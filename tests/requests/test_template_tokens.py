from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.requests.template_tokens import find_token, without_ends

ENDS = [
    "<|im_end|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "</s>",
    "<|end|>",
    "<|return|>",
    "<end_of_turn>",
    "<eos>",
    "<|END_OF_TURN_TOKEN|>",
    "<｜end▁of▁sentence｜>",
    "<|end_of_role|>",
    "<|user|>",
    "<|eom_id|>",
    "[/INST]",
    "<turn|>",
    "<|im_end|>\n<|endoftext|>\n",
    "</s></s> ",
    "<|im_e",
    "<|eot_id|",
]


@pytest.mark.parametrize("end", ENDS)
def test_a_token_at_the_end_is_cut_off(end: str) -> None:
    assert without_ends(f"Lima is the capital. {end}") == "Lima is the capital."
    assert without_ends(f"Lima is the capital.\n{end}\n") == "Lima is the capital."


@pytest.mark.parametrize(
    "start",
    [
        "<|im_start|>assistant\n",
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "<s> ",
        "<bos><start_of_turn>model\n",
        "assistant\n\n",
        "[/INST] ",
        "<｜Assistant｜>",
        "<|assistant|>\n",
    ],
)
def test_a_header_that_was_left_is_cut_off(start: str) -> None:
    assert without_ends(f"{start}Lima.") == "Lima."


@pytest.mark.parametrize(
    "text",
    [
        "It was <s>cheap</s>",
        "a < b and c > d",
        "Type `<|im_end|>`",
        "assistant professor",
        "The assistant\n\nhelped.",
        "Model\n\nT",
        "F# has <| and |>",
        "",
        " \n ",
    ],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert without_ends(text) == text
    assert find_token(text) is None


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("One.<|im_end|>\n<|im_start|>user\nTwo?", "<|im_end|>"),
        ("One.assistant\n\nTwo.", "assistant"),
        ("[INST] One [/INST] Two", "[INST]"),
        ("`a` <|eot_id|> `b`", "<|eot_id|>"),
        ("One `\n\n<|eot_id|>\n\n` two", "<|eot_id|>"),
        ("One </s> two", "</s>"),
    ],
)
def test_a_token_in_the_middle_is_found(text: str, token: str) -> None:
    assert find_token(without_ends(text)) == token


@given(st.text(alphabet="ab `~\n"), st.sampled_from(ENDS[:-2]))
def test_what_was_cut_off_once_stays_off(text: str, end: str) -> None:
    once = without_ends(text + end)
    assert without_ends(once) == once
    assert once == text.rstrip() or once == text
