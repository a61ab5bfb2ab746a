"""Real vLLM, in this process and as a server, on a tiny model made from scratch. Run by `make test-vllm`."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")

pytest.importorskip("vllm", reason="vLLM is not installed: make test-vllm")

sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny_model import make

from synthgen.requests.request import Completion, Request, Sampling
from synthgen.teachers.vllm import Vllm

pytestmark = [pytest.mark.vllm, pytest.mark.filterwarnings("default")]

# On a CPU: float32, since bfloat16 kernels need instructions that virtual machines may lack; eager, since compiling
# takes longer than these tests.
OPTIONS = {"enforce_eager": True, "max_num_seqs": 64}
SCHEMA = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}, "n": {"type": "integer", "minimum": 0, "maximum": 9}},
    "required": ["ok", "n"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "t", "strict": True, "schema": SCHEMA}}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("tiny"))


def chat(text: str, **fields: object) -> Request:
    fields.setdefault("sampling", Sampling(max_tokens=12, temperature=1.0))
    return Request("tiny", ({"role": "user", "content": text},), **fields)  # type: ignore[arg-type]


async def check_all(teacher: object) -> None:
    """What must hold of vLLM in both its forms."""

    async def ask(*requests: Request) -> list[Completion]:
        return list(await asyncio.gather(*(teacher.complete(r) for r in requests)))  # type: ignore[attr-defined]

    many = await ask(*(chat(f"say {i}", sample=i) for i in range(64)))
    assert all(c.usage.prompt_tokens > 0 and c.finish_reason in ("length", "stop") for c in many)
    assert len({c.text for c in many}) > 50
    greedy = Sampling(max_tokens=12, temperature=0)
    one, two = await ask(chat("hello", sampling=greedy), chat("hello", sampling=greedy, sample=1))
    assert one.text == two.text
    several = (await ask(chat("hello", sampling=Sampling(max_tokens=8, temperature=1.0, n=4))))[0]
    assert len(several.choices) == 4
    assert len({c.text for c in several.choices}) > 1
    with_logprobs = (await ask(chat("hello", sampling=Sampling(max_tokens=4, logprobs=True, top_logprobs=2))))[0]
    assert with_logprobs.choices[0].logprobs
    shaped = (await ask(chat("hello", sampling=Sampling(max_tokens=400, temperature=1.0), response_format=FORMAT)))[0]
    if shaped.finish_reason == "stop":  # an untrained model may write blanks until the limit
        value = json.loads(shaped.text)
        assert set(value) == {"ok", "n"}
    prompt = {"role": "user", "content": "<|im_start|>user\n"}
    raw = (await ask(Request("tiny", (prompt,), Sampling(max_tokens=4, temperature=1.0), api="completions")))[0]
    assert raw.usage.completion_tokens <= 4
    long = (await ask(chat("x" * 600)))[0]
    assert long.finish_reason == "context_length"


def test_in_process(checkpoint: Path) -> None:
    async def body() -> None:
        teacher = Vllm(path=str(checkpoint), dtype="float32", max_context=512, gpu_memory_share=0.2, options=OPTIONS)
        await teacher.open()
        try:
            assert teacher.model.startswith(checkpoint.name)
            await check_all(teacher)
        finally:
            await teacher.close()

    asyncio.run(body())


@pytest.fixture(scope="module")
def server(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    command = [
        *(sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(checkpoint)),
        *("--served-model-name", "tiny", "--host", "127.0.0.1", "--port", str(port), "--dtype", "float32"),
        *("--max-model-len", "512", "--enforce-eager", "--gpu-memory-utilization", "0.2", "--max-num-seqs", "64"),
    ]
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            if process.poll() is not None:
                pytest.fail(f"vLLM's server ended:\n{log.read_text()[-3000:]}")
            try:
                with urllib.request.urlopen(f"{url}/health", timeout=1):
                    break
            except OSError:
                time.sleep(1)
        else:
            pytest.fail(f"vLLM's server does not answer:\n{log.read_text()[-3000:]}")
        yield f"{url}/v1"
    finally:
        process.terminate()
        process.wait(60)


def test_as_a_server(server: str) -> None:
    from synthgen.teachers.openai import OpenAI

    async def body() -> None:
        teacher = OpenAI(base_url=server)
        await teacher.open()
        try:
            assert teacher.model == "tiny"
            await check_all(teacher)
        finally:
            await teacher.close()

    asyncio.run(body())
