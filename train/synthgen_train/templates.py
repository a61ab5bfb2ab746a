"""Chat templates: how a dialogue becomes text, as Jinja that the trained tokenizer carries with it.

Each is one Jinja text for training and for use, so that the two cannot differ. The parts between
`{% generation %}` and `{% endgeneration %}` are what the assistant writes, its stop token included: they alone are
trained. Every turn of the assistant ends with `eos_token`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Name = Literal["own", "chatml", "alpaca", "llama", "xml", "json"]

_TOOLS = (
    "{% if tools %}{{ '\\nTools:\\n' }}{% for tool in tools %}{{ tool | tojson }}{{ '\\n' }}{% endfor %}{% endif %}"
)
_CALLS = (
    "{% for call in message['tool_calls'] or [] %}"
    "{{ '<tool_call>' + (call['function'] | tojson) + '</tool_call>' }}{% endfor %}"
)
_ANSWER = (
    "{% generation %}{{ message['content'] }}{% if message['tool_calls'] is defined %}"
    + _CALLS
    + "{% endif %}{{ eos_token }}{% endgeneration %}"
)

CHATML = (
    "{% if tools and messages[0]['role'] != 'system' %}{{ '<|im_start|>system' }}"
    + _TOOLS
    + "{{ '<|im_end|>\\n' }}{% endif %}"
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['role'] == 'assistant' %}"
    + _ANSWER
    + "{{ '\\n' }}{% else %}{{ message['content'] }}{% if loop.first and message['role'] == 'system' %}"
    + _TOOLS
    + "{% endif %}{{ '<|im_end|>\\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

# Stanford Alpaca's section heads (2023); the sentence before them is left to the system prompt.
ALPACA = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] }}" + _TOOLS + "{{ '\\n\\n' }}"
    "{% elif message['role'] == 'assistant' %}{{ '### Response:\\n' }}" + _ANSWER + "{{ '\\n\\n' }}"
    "{% elif message['role'] == 'tool' %}{{ '### Tool:\\n' + message['content'] + '\\n\\n' }}"
    "{% else %}{{ '### Instruction:\\n' + message['content'] + '\\n\\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### Response:\\n' }}{% endif %}"
)

# The form of Llama 2's chat models (2307.09288): the system prompt stands inside the first user turn.
LLAMA = (
    "{% set found = namespace(system='') %}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{% set found.system = message['content'] %}"
    "{% elif message['role'] == 'assistant' %}"
    + _ANSWER
    + "{% elif message['role'] == 'tool' %}{{ '[INST] <tool>' + message['content'] + '</tool> [/INST]' }}"
    "{% else %}{{ '[INST] ' }}{% if found.system or (tools and loop.index0 < 2) %}{{ '<<SYS>>\\n' + found.system }}"
    + _TOOLS
    + "{{ '\\n<</SYS>>\\n\\n' }}{% set found.system = '' %}{% endif %}"
    "{{ message['content'] + ' [/INST]' }}{% endif %}{% endfor %}"
)

XML = (
    "{% for message in messages %}{{ '<' + message['role'] + '>\\n' }}"
    "{% if message['role'] == 'assistant' %}"
    + _ANSWER
    + "{{ '\\n' }}{% else %}{{ message['content'] }}{% if loop.first %}"
    + _TOOLS
    + "{% endif %}{{ '\\n</' + message['role'] + '>\\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant>\\n' }}{% endif %}"
)

JSON = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}{{ '{\"role\": \"assistant\"}\\n' }}"
    + _ANSWER
    + "{{ '\\n' }}{% else %}{{ {'role': message['role'], 'content': message['content']} | tojson }}"
    "{% if loop.first %}" + _TOOLS + "{% endif %}{{ '\\n' }}{% endif %}{% endfor %}"
    '{% if add_generation_prompt %}{{ \'{"role": "assistant"}\\n\' }}{% endif %}'
)

TEMPLATES: dict[str, str] = {"chatml": CHATML, "alpaca": ALPACA, "llama": LLAMA, "xml": XML, "json": JSON}

SPECIAL_TOKENS: dict[str, tuple[str, ...]] = {"chatml": ("<|im_start|>", "<|im_end|>")}
"""Tokens that a template needs in the vocabulary; the others are made of ordinary text."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A dialogue as text, and the character spans (start, end) of what the assistant wrote in it."""

    text: str
    spans: tuple[tuple[int, int], ...]


class TemplateError(ValueError):
    """A dialogue that the template cannot show without losing or changing an answer."""


def render(
    tokenizer: Any, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None = None
) -> Rendered:
    """The dialogue as the tokenizer's template shows it, with the spans of the assistant's turns.

    A span runs from the first character of an answer to the end of the stop token behind it. It is found by rendering
    the dialogue up to the answer and up to its end, both of which must be beginnings of the whole.

    Raises:
        TemplateError: they are not (the template rewrites earlier turns), or an answer is not in its span.
    """

    def text_of(turns: Sequence[Mapping[str, Any]], prompt: bool) -> str:
        shown = [dict(turn) for turn in turns]
        text = tokenizer.apply_chat_template(
            shown, tools=list(tools) if tools else None, tokenize=False, add_generation_prompt=prompt
        )
        return str(text)

    whole = text_of(messages, False)
    spans = []
    for i, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before, after = text_of(messages[:i], True), text_of(messages[: i + 1], False)
        if not whole.startswith(before):
            raise TemplateError("the prompt is not a prefix of prompt and answer: the template rewrites earlier turns")
        if not whole.startswith(after):
            raise TemplateError("the template shows an answer differently once the dialogue goes on")
        end = _stop_end(after, len(before), tokenizer)
        if str(message["content"]).strip() not in after[len(before) : end]:
            raise TemplateError("the template loses the answer, or part of it")
        spans.append((len(before), end))
    return Rendered(whole, tuple(spans))


def _stop_end(text: str, start: int, tokenizer: Any) -> int:
    """Where the answer's stop token ends: what the template writes behind it (a line feed, say) is not trained."""
    stop = tokenizer.eos_token
    at = text.rfind(stop, start) if stop else -1
    return at + len(stop) if at >= 0 else len(text)
