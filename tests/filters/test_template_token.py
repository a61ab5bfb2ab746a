from __future__ import annotations

import pytest

from synthgen.filters.incomplete import template_token
from synthgen.records import Message, Record

TOKENS = [
    "<|im_end|>",
    "<|im_start|>user",
    "<|eot_id|>",
    "<|start_header_id|>assistant<|end_header_id|>",
    "<end_of_turn>",
    "[INST] and",
    "<<SYS>>",
    "<｜end▁of▁sentence｜>",
    "<|END_OF_TURN_TOKEN|>",
    "<|channel|>final<|message|>",
    "<|end_of_role|>",
    "<|assistant|>",
    "<|endoftext|>",
    "[gMASK]<sop>",
    "<eos>",
    "</s>",
]


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_is_found_in_every_field(token: str) -> None:
    text = f"It ends. {token} More."
    records = {
        "instruction": Record(instruction=text),
        "input": Record(instruction="x", input=text),
        "output": Record(instruction="x", output=text),
        "reasoning": Record(instruction="x", output="y", reasoning=text),
        "system": Record(instruction="x", system=text),
        "history, turn 1": Record(instruction="x", history=(Message(role="user", content=text),)),
    }
    for field, record in records.items():
        drop = template_token(record)
        assert drop is not None, field
        assert (drop.reason, (drop.detail or "").split(":")[0]) == ("template_token", field)


@pytest.mark.parametrize(
    "text",
    [
        "ChatML ends a turn with `<|im_end|>` and begins one with `<|im_start|>`.",
        "```\n<|im_start|>user\nHi<|im_end|>\n```\nThat is a turn.",
        "Use <s>old</s> <b>new</b> for text that is struck out.",
        "x |> f <| y",
        "a <|> b and f <$> g",
        "See [1], [INSTALL] and <sos>.",
        "Ask the assistant\n\nfor help.",
        "An array [0][1] < 3",
    ],
)
def test_text_about_tokens_and_text_like_them_is_kept(text: str) -> None:
    assert template_token(Record(instruction="x", output=text)) is None


def test_a_fence_that_is_never_closed_is_no_code() -> None:
    assert template_token(Record(instruction="x", output="```\nprint(1)\n<|im_end|>\n<|im_start|>user")) is not None
