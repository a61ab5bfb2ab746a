"""Small models of five architectures, with trained byte-level tokenizers whose special tokens are their makers'.

And every method, with settings that fit them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

TEXTS = [
    "Name the colour of the red cup on the table, and say why it is there.",
    "What is the weather in Oslo today? It snows, and it is colder than it was.",
    "user model assistant system tool\nThe answer is 4, since 2 and 2 make 4.",
    "Der Zug fährt um acht Uhr ab. Le train part à huit heures. 数学很难。",
    *(f"say {i} {i}" for i in range(40)),
]

GEMMA = (
    "{{ bos_token }}"
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
)
LLAMA3 = (
    "{% for message in messages %}"
    "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim"
    " + '<|eot_id|>' %}"
    "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
QWEN = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

KINDS: dict[str, dict[str, Any]] = {
    "llama": {"special": ["<|begin|>", "<|end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]},
    "gemma": {"special": ["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"]},
    "mistral": {"special": ["<s>", "</s>"]},
    "qwen": {"special": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]},
    "gpt2": {"special": ["<|endoftext|>"]},
}
TEMPLATES = {"llama": LLAMA3, "gemma": GEMMA, "mistral": MISTRAL, "qwen": QWEN, "gpt2": None}
STOPS = {"llama": "<|eot_id|>", "gemma": "<end_of_turn>", "mistral": "</s>", "qwen": "<|im_end|>", "gpt2": None}


def tokenizer_of(kind: str, *, chat: bool = True, texts: list[str] = TEXTS) -> Any:
    """A tokenizer of the kind; those of Llama, Gemma and Mistral begin every text with a token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", *KINDS[kind]["special"]]
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=len(special) + 340, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    core.train_from_iterator(texts, trainer)
    begins = kind in ("llama", "gemma", "mistral")
    names = {"pad_token": "<pad>", "eos_token": special[2] if begins else special[1]}
    if begins:
        names["bos_token"] = special[1]
        core.post_processor = processors.TemplateProcessing(
            single=f"{special[1]} $A", pair=f"{special[1]} $A $B", special_tokens=[(special[1], 1)]
        )
    extra = [token for token in special if token not in names.values()]
    made = PreTrainedTokenizerFast(
        tokenizer_object=core, additional_special_tokens=extra, model_max_length=128, **names
    )
    if chat and TEMPLATES[kind] is not None:
        made.chat_template = TEMPLATES[kind]
        made.eos_token = STOPS[kind]
    return made


def model_of(kind: str, tokenizer: Any, *, tied: bool = True, width: int = 32) -> Any:
    """An untrained model of two layers of the kind's architecture."""
    import torch
    import transformers

    torch.manual_seed(0)
    ids = {
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "tie_word_embeddings": tied,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 128,
        "initializer_range": 0.3,  # so that what it says hangs on what it is asked
    }
    shape = {
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": width // 2,
    }
    if kind == "gpt2":
        still = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
        config = transformers.GPT2Config(n_embd=width, n_layer=2, n_head=2, n_positions=128, **still, **ids)
    elif kind == "gemma":
        config = transformers.Gemma3TextConfig(**shape, **ids, sliding_window=16, query_pre_attn_scalar=width // 2)
    elif kind == "qwen":
        config = transformers.Qwen3Config(**shape, **ids)
    elif kind == "mistral":
        config = transformers.MistralConfig(**shape, **ids)
    else:
        config = transformers.LlamaConfig(**shape, **ids)
    model = transformers.AutoModelForCausalLM.from_config(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


def checkpoint(kind: str, folder: Path, *, chat: bool = True, tied: bool = True, width: int = 32) -> Path:
    """The folder of such a model with its tokenizer."""
    tokenizer = tokenizer_of(kind, chat=chat)
    model_of(kind, tokenizer, tied=tied, width=width).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


METHODS: list[dict[str, Any]] = [
    {"use": "full"},
    {"use": "lora", "r": 2, "dropout": 0.1},
    {"use": "lora", "r": 2, "dora": True},
    {"use": "adapter", "size": 4},
    {"use": "prefix", "virtual_tokens": 3},
    {"use": "prompt", "virtual_tokens": 3},
    {"use": "bitfit"},
    {"use": "ia3"},
]
PAIRS = [{"prompt": f"say {i}", "chosen": f"{i} {i}", "rejected": f"no {i}"} for i in range(12)]


def named(method: dict[str, Any]) -> str:
    """What tests call the method."""
    return "-".join(str(value) for key, value in method.items() if key != "dropout")
