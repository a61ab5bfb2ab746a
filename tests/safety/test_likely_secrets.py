from __future__ import annotations

import base64
import random
import string
from typing import Any

import pytest

from synthgen.safety.likely_secrets import likely_secrets, may_hold_secret, secrets_at

KEY = "sk-test-1234567890abcdef"
LETTERS = string.ascii_letters + string.digits


@pytest.mark.parametrize("length", [24, 32, 40, 64])
def test_random_letters_and_digits_are_told(length: int) -> None:
    rng = random.Random(length)
    keys = ["".join(rng.choices(LETTERS, k=length)) for _ in range(500)]
    assert sum(bool(likely_secrets(key)) for key in keys) >= 0.95 * len(keys)
    encoded = [base64.urlsafe_b64encode(rng.randbytes(length)).decode() for _ in range(500)]
    assert sum(bool(likely_secrets(text)) for text in encoded) >= 0.95 * len(encoded)


HEADER = ("teacher", "headers")
SECRETS: list[tuple[tuple[str | int, ...], Any]] = [
    *(((*HEADER, name), KEY) for name in ("Authorization", "Cookie", "X-Foo", "Ocp-Apim-Subscription-Key", "X-Trace")),
    ((*HEADER, "X-Password"), "hunter2"),
    ((*HEADER, "Ocp-Apim-Subscription-Key"), "0123456789abcdef0123456789abcdef"),
    ((*HEADER, "api-key"), "abc"),
    ((*HEADER, "X-Secret"), 12345678),
    ((*HEADER, "X-Foo"), "0123456789abcdef0123456789abcdef"),
    ((*HEADER, "Authorization"), "${WORD} " + KEY),
    ((*HEADER, "X-Foo"), "${WORD} " + KEY),
    ((*HEADER, "Authorization"), "Basic dXNlcjpwYXNz"),
    ((*HEADER, "Authorization"), "${WORD} hunter2hunter2"),
    (("teacher", "default_headers", "X-Auth-Token"), "q"),
    (("teacher", "api_key_env"), KEY),
    (("teacher", "api_key_env"), "a3f9b1c2d3e4f5061728394a5b6c7d8e"),
    (("teacher", "api_key_env"), "k3j5h2g4f6d8s9a1q7w2e4r6t8y0"),
    (("teacher", "api_key_env"), "hunter2-xyz"),
    (("teacher", "organization"), KEY),
    (("teacher", "sampling", "extra", "api_key"), "hunter2"),
    (("teacher", "sampling", "extra", "x"), KEY),
    (("teacher", "sampling", "extra", "list", 0), "Bearer abcdef123456"),
    (("teacher", "base_url"), "http://user:pass@h/v1"),
    (("teacher", "base_url"), "https://h/v1?key=abcdef"),
    (("teacher", "base_url", 0), "https://h/v1?api-key=abcdef"),
    (("teacher", "password"), "x y"),
    (("a",), "eyJhbGciOiJIUzI1.eyJzdWIiOiIx.SflKxwRJSMeKKF2QT4"),
    *((("a",), text) for text in ("hf_AbCdEfGhIjKlMnOpQrSt", "AKIAIOSFODNN7ABCDEFG", "xoxb-1234567890-abc")),
    (("a",), "ghp_0123456789abcdef0123456789abcdef0123"),
    (("a",), "AIzaSyA1234567890abcdefghijklmnopqrstuv"),
    (("a",), "-----BEGIN OPENSSH PRIVATE KEY-----"),
]
NONE: list[tuple[tuple[str | int, ...], Any]] = [
    ((*HEADER, "X-Team"), "data"),
    ((*HEADER, "Authorization"), "Bearer ${TOKEN}"),
    ((*HEADER, "Authorization"), "${WORD}"),
    ((*HEADER, "Authorization"), "AWS4-HMAC-SHA256 Credential=${A}, SignedHeaders=host, Signature=${B}"),
    ((*HEADER, "Cookie"), "session=${S}; theme=dark"),
    ((*HEADER, "X-Trace-Id"), "0123456789abcdef0123456789abcdef"),
    ((*HEADER, "traceparent"), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ((*HEADER, "X-Project-Id"), "550e8400-e29b-41d4-a716-446655440000"),
    ((*HEADER, "X-Token-Limit"), "4096"),
    ((*HEADER, "X-Max-Tokens"), 4096),
    ((*HEADER, "X-Auth-Mode"), "oauth2"),
    ((*HEADER, "X-Debug"), True),
    ((*HEADER, "HTTP-Referer"), "https://my-site.example.com/some/page"),
    ((*HEADER, "User-Agent"), "my-agent/1.0 (linux; x86_64)"),
    ((*HEADER, "Idempotency-Key"), "run-seven"),
    (("teacher", "api_key_env"), "OPENAI_API_KEY"),
    (("teacher", "api_key_env"), "MY_VERY_LONG_COMPANY_TOKEN_FOR_OPENAI_2"),
    (("teacher", "organization"), "org-AbCdEf1234567890AbCdEf12"),
    (("teacher", "project"), "proj_AbCdEf1234567890AbCdEf12"),
    (("teacher", "model"), "ft:gpt-4o-mini-2024-07-18:my-org:custom:9mXy7Zab"),
    (("teacher", "model"), "unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit"),
    (("teacher", "model"), "Qwen3-VL-30B-A3B-Thinking-FP8"),
    (("teacher", "model"), "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-4-v1:0"),
    (("teacher", "base_url"), "http://user@host:8000/v1"),
    (("teacher", "base_url"), "http://user:${PW}@host/v1"),
    (("teacher", "base_url"), "https://h/v1?api-version=2024-10-21"),
    (("source", "path"), "/data/AbC1dEf2GhI3jKl4MnO5pQr6/x.parquet"),
    (("source", "path"), "hf://datasets/org/name@e3b0c44298fc1c149afbf4c8996fb92427ae41e4"),
    (("train", "model"), "/data/models--a--b/snapshots/e3b0c44298fc1c149afbf4c8996fb92427ae41e4"),
    (("source", "revision"), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4"),
    (("teacher", "sampling", "stop", 0), "<|im_end|>"),
    (("teacher", "sampling", "extra", "user"), "550e8400-e29b-41d4-a716-446655440000"),
    (("teacher", "sampling", "extra", "guided_regex"), "[A-Za-z0-9]{3,20}-[A-Z0-9]+/x"),
    (("train", "seed"), 123456789012),
    (("stages", 0, "token"), "<eos>"),
    (("stages", 0, "words", 1), "sk-learn-classifier-based-on-embeddings-v2-large"),
    (("stages", 0, "words", 2), "Donaudampfschifffahrtsgesellschaft"),
    (("stages", 0, "words", 3), "password"),
    (("stages", 0, "system"), "Bearer authentication needs a basic understanding of tokens; the secret is practice."),
    (("name",), "MyVeryLongExperimentNameVersion2WithLora"),
]


@pytest.mark.parametrize(("key", "value"), SECRETS)
def test_secrets_in_plain_text(key: tuple[str | int, ...], value: object) -> None:
    found = secrets_at(key, value)
    assert found
    assert all(part in str(value) for part in found)


@pytest.mark.parametrize(("key", "value"), NONE)
def test_names_hashes_and_variables_are_no_secrets(key: tuple[str | int, ...], value: object) -> None:
    assert secrets_at(key, value) == []


def test_where_a_wrong_value_may_be_a_secret() -> None:
    assert all(
        may_hold_secret(key) for key in [("headers",), ("teacher", "headers", "X"), ("api_key_env",), ("token",)]
    )
    assert not any(
        may_hold_secret(key) for key in [(), ("target",), ("stages", 0, "limit"), ("sampling", "max_tokens")]
    )
