"""`transformers serve`, a server of few capabilities: no schemas, no list of models, greedy text. `make test-train`."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="transformers serve is not installed: make test-train")
pytest.importorskip("fastapi", reason="transformers serve is not installed: make test-train")

sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny_model import make

from synthgen.api import run_recipe
from synthgen.config import load
from synthgen.errors import TeacherError
from synthgen.forms import TASKS
from synthgen.requests.request import Request, Sampling
from synthgen.teachers.openai import OpenAI

pytestmark = pytest.mark.filterwarnings("default")

RECIPE = """
name: few
teacher: {{use: openai, base_url: "{url}", model: "{model}", give_up_after_s: 20, sampling: {{max_tokens: 8}}}}
source: {{use: seeds, path: builtin}}
stages:
  - {{use: generate, prompt: alpaca/tasks, form: tasks, count: 2, tries: 2}}
concurrency: 4
stop: {{attempts: 3}}
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = make(tmp_path_factory.mktemp("few") / "tiny", context=16384)
    template = folder / "chat_template.jinja"  # untrained, it repeats the prompt's last character: one that can be seen
    template.write_text("{% for message in messages %}{{ message['content'] }}{% endfor %}:")
    return str(folder)


@pytest.fixture(scope="module")
def url(model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("serve")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "cache").mkdir()
    command = [str(Path(sys.executable).with_name("transformers")), "serve", model, "--host", "127.0.0.1"]
    command += ["--port", str(port), "--device", "cpu", "--dtype", "float32"]
    environment = {**os.environ, "HF_HUB_CACHE": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
    log = folder / "log"
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out, env=environment) as process:
        try:
            for _ in range(240):
                if process.poll() is not None:
                    pytest.fail(f"transformers serve ended:\n{log.read_text()[-3000:]}")
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
                        break
                except OSError:
                    time.sleep(0.5)
            else:
                pytest.fail(f"transformers serve does not answer:\n{log.read_text()[-3000:]}")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def asked(model: str, text: str, **fields: Any) -> Request:
    sampling = fields.pop("sampling", Sampling(max_tokens=8))
    return Request(model, ({"role": "user", "content": text},), sampling, **fields)


def test_chat_and_completions(url: str, model: str) -> None:
    async def work() -> None:
        teacher = OpenAI(base_url=url, model=model, give_up_after_s=20)
        await teacher.open()
        try:
            many = await asyncio.gather(*(teacher.complete(asked(model, f"say {i}")) for i in range(8)))
            assert all(c.text and c.finish_reason == "length" and c.usage.completion_tokens == 8 for c in many)
            raw = await teacher.complete(asked(model, "Once upon", api="completions"))
            assert raw.text
            assert raw.usage.prompt_tokens == len("Once upon")
        finally:
            await teacher.close()

    run(work())


def test_a_schema_that_is_not_kept_is_found_out_once(url: str, model: str, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        teacher = OpenAI(base_url=url, model=model, give_up_after_s=20)
        await teacher.open()
        try:
            for text in ("one", "two", "three"):
                completion = await teacher.complete(asked(model, text, response_format=TASKS.response_format))
                assert not completion.text.startswith("{")
        finally:
            await teacher.close()

    with caplog.at_level(logging.WARNING):
        run(work())
    assert caplog.text.count("takes a JSON schema and does not keep to it") == 1


def test_a_server_that_lists_no_model_wants_one_to_be_named(url: str) -> None:
    with pytest.raises(TeacherError, match="lists no model"):
        run(OpenAI(base_url=url, give_up_after_s=20).open())


def test_responses_come_whole_where_the_server_would_stream_them(url: str, model: str) -> None:
    async def work() -> None:
        teacher = OpenAI(base_url=url, model=model, give_up_after_s=20)
        await teacher.open()
        try:
            assert (await teacher.complete(asked(model, "hi", api="responses"))).text
        finally:
            await teacher.close()

    run(work())


def test_a_run_takes_what_comes_and_counts_it(url: str, model: str, tmp_path: Path) -> None:
    config = tmp_path / "few.yaml"
    config.write_text(RECIPE.format(url=url, model=model))
    report = run(run_recipe(load(config), out=tmp_path / "run"))
    assert report.attempts == 3
    assert report.accepted == 0
    assert report.requests.bought == 6
    assert report.requests.retried == 3
    assert report.requests.unstructured == 6
    assert sum(report.requests.unusable.values()) == 6
    assert json.loads((tmp_path / "run" / "report.json").read_text())["requests"]["unstructured"] == 6
