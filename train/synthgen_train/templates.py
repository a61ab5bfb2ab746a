"""Chat templates: how a dialogue becomes text, as Jinja that the trained tokenizer carries with it.

Each is one Jinja text for training and for use, so that the two cannot differ. Every turn of the assistant ends with
`eos_token`. `rendering.py` finds in the text itself what the assistant writes; the marks `{% generation %}` say it to
other trainers.
"""

from __future__ import annotations

OWN = "own"
"""The name of the tokenizer's own template."""

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
    "{% if tools and messages[0]['role'] != 'system' %}" + _TOOLS + "{{ '\\n' }}{% endif %}"
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

# The forms of Gemma's, Llama 3's and Phi-3's chat models, whose turn tokens their base models have too. Gemma has no
# system turn: it stands inside the first user turn, as in the makers' later templates.
GEMMA = (
    "{% set found = namespace(system='') %}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{% set found.system = message['content'] + '\\n\\n' %}"
    "{% elif message['role'] == 'assistant' %}{{ '<start_of_turn>model\\n' }}"
    + _ANSWER
    + "{{ '\\n' }}{% else %}{{ '<start_of_turn>' + message['role'] + '\\n' + found.system + message['content'] }}"
    "{% set found.system = '' %}{% if loop.first or (loop.index0 == 1 and messages[0]['role'] == 'system') %}"
    + _TOOLS
    + "{% endif %}{{ '<end_of_turn>\\n' }}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
)


def _turns(begin: str, between: str, end: str, after: str) -> str:
    """A template of turns that are all alike; tools stand in the first one."""
    return (
        "{% for message in messages %}{{ '" + begin + "' + message['role'] + '" + between + "' }}"
        "{% if message['role'] == 'assistant' %}" + _ANSWER + "{{ '" + after + "' }}"
        "{% else %}{{ message['content'] }}{% if loop.first %}" + _TOOLS + "{% endif %}{{ '" + end + after + "' }}"
        "{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '" + begin + "assistant" + between + "' }}{% endif %}"
    )


LLAMA3 = _turns("<|start_header_id|>", "<|end_header_id|>\\n\\n", "<|eot_id|>", "")
PHI3 = _turns("<|", "|>\\n", "<|end|>", "\\n")

TEMPLATES: dict[str, str] = {
    "chatml": CHATML,
    "alpaca": ALPACA,
    "llama": LLAMA,
    "xml": XML,
    "json": JSON,
    "gemma": GEMMA,
    "llama3": LLAMA3,
    "phi3": PHI3,
}

SPECIAL_TOKENS: dict[str, tuple[str, ...]] = {
    "chatml": ("<|im_start|>", "<|im_end|>"),
    "gemma": ("<start_of_turn>", "<end_of_turn>"),
    "llama3": ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    "phi3": ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
}
"""Tokens that a template needs in the vocabulary; the others are made of ordinary text."""

STOPS = {"chatml": "<|im_end|>", "gemma": "<end_of_turn>", "llama3": "<|eot_id|>", "phi3": "<|end|>"}
"""The token that ends a template's turns, where it is not the tokenizer's own."""
