"""A LoRA student, merged by the trainer, served by real vLLM. Run by `make test-vllm`."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")

pytest.importorskip("vllm", reason="vLLM is not installed: make test-vllm")

from synthgen.requests.request import Completion, Request, Sampling
from synthgen.teachers.vllm import Vllm

STUDENT = os.environ.get("SYNTHGEN_STUDENT")
"""The folder that tests/make_student.py has filled, in an environment with the trainer."""

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.filterwarnings("default"),
    pytest.mark.skipif(not STUDENT, reason="there is no student: run make test-train before make test-vllm"),
]


def test_vllm_answers_as_the_trainer_does() -> None:
    folder = Path(STUDENT or "")
    known = json.loads((folder / "answers.json").read_text())
    assert all(row["stopped"] for row in known)
    greedy = Sampling(max_tokens=12, temperature=0)

    async def ask() -> list[Completion]:
        teacher = Vllm(
            path=str(folder / "merged"),
            dtype="float32",
            max_context=128,
            gpu_memory_share=0.2,
            options={"enforce_eager": True, "max_num_seqs": 64},
        )
        await teacher.open()
        try:
            requests = [Request("student", ({"role": "user", "content": row["prompt"]},), greedy) for row in known]
            return list(await asyncio.gather(*(teacher.complete(request) for request in requests)))
        finally:
            await teacher.close()

    replies = asyncio.run(ask())
    assert [reply.text for reply in replies] == [row["text"] for row in known]
    assert {reply.finish_reason for reply in replies} == {"stop"}
    assert len({row["text"] for row in known}) > 1
