from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the transformers extra is not installed")
pytest.importorskip("transformers", reason="the transformers extra is not installed")

sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny_model import make

from synthgen.checkpoints.checkpoint import checkpoint_hash
from synthgen.errors import ConfigError, TeacherError
from synthgen.requests.request import Completion, Request, Sampling
from synthgen.teachers.transformers import Transformers

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("tiny"))


def chat(text: str, **fields: object) -> Request:
    fields.setdefault("sampling", Sampling(max_tokens=12, temperature=1.0))
    return Request("tiny", ({"role": "user", "content": text},), **fields)  # type: ignore[arg-type]


def ask(path: Path, requests: list[Request], **settings: object) -> list[Completion]:
    async def body() -> list[Completion]:
        teacher = Transformers(path=str(path), **settings)  # type: ignore[arg-type]
        await teacher.open()
        try:
            return list(await asyncio.gather(*(teacher.complete(r) for r in requests)))
        finally:
            await teacher.close()

    return asyncio.run(body())


def texts(completions: list[Completion]) -> list[str | None]:
    return [c.choices[0].text for c in completions]


def test_the_same_request_gives_the_same_reply_in_any_company_and_order(checkpoint: Path) -> None:
    requests = [chat("word " * (i % 7) + str(i), sample=i) for i in range(24)]
    reference = texts(ask(checkpoint, requests, batch_size=8))
    assert len(set(reference)) > 20
    order = list(range(24))
    random.Random(1).shuffle(order)
    shuffled = texts(ask(checkpoint, [requests[i] for i in order], batch_size=8))
    assert [reference[i] for i in order] == shuffled
    assert texts(ask(checkpoint, requests[5:6], batch_size=8)) == reference[5:6]


def test_sampling_follows_its_settings(checkpoint: Path) -> None:
    greedy = Sampling(max_tokens=12, temperature=0)
    one, two = ask(checkpoint, [chat("hello", sampling=greedy, sample=i) for i in range(2)])
    assert one.text == two.text
    nucleus = ask(checkpoint, [chat("hello", sampling=Sampling(max_tokens=12, temperature=1.0, top_p=1e-6))])
    assert texts(nucleus) == [one.text]
    top_1 = ask(checkpoint, [chat("hello", sampling=Sampling(max_tokens=12, extra={"top_k": 1}))])
    assert texts(top_1) == [one.text]
    forced = ask(checkpoint, [chat("hello", sampling=Sampling(max_tokens=5, temperature=0, logit_bias={"70": 100.0}))])
    assert len(set(forced[0].text)) == 1
    spread = Sampling(
        max_tokens=5, temperature=0, logit_bias={"70": 100.0}, frequency_penalty=2.0, presence_penalty=200.0
    )
    assert len(set(ask(checkpoint, [chat("hello", sampling=spread)])[0].text)) > 1


def test_finish_reasons_stop_strings_and_usage(checkpoint: Path) -> None:
    cut = ask(checkpoint, [chat("hello", sampling=Sampling(max_tokens=3))])[0]
    assert cut.finish_reason == "length"
    assert cut.usage.completion_tokens == 3
    ends = ask(checkpoint, [chat("hello", sampling=Sampling(max_tokens=9, logit_bias={"2": 100.0}))])[0]
    assert (ends.finish_reason, ends.text, ends.usage.completion_tokens) == ("stop", "", 1)
    plain = ask(checkpoint, [chat("hello", sampling=Sampling(max_tokens=12, temperature=0))])[0].text
    stop = plain[4]
    stopped = ask(checkpoint, [chat("hello", sampling=Sampling(max_tokens=12, temperature=0, stop=(stop,)))])[0]
    assert stopped.text == plain[: plain.index(stop)]
    assert stopped.finish_reason == "stop"
    assert stopped.usage.completion_tokens < 12


def test_n_logprobs_and_raw_completions(checkpoint: Path) -> None:
    several = ask(checkpoint, [chat("hello", sampling=Sampling(max_tokens=8, n=4, logprobs=True, top_logprobs=2))])[0]
    assert len({c.text for c in several.choices}) > 1
    for choice in several.choices:
        assert len(choice.logprobs) == 8
        assert all(step["logprob"] <= 0 and len(step["top_logprobs"]) == 2 for step in choice.logprobs)
    raw = Request(
        "tiny", ({"role": "user", "content": "<|im_start|>user\n"},), Sampling(max_tokens=4), api="completions"
    )
    assert ask(checkpoint, [raw])[0].usage.prompt_tokens == len("user\n") + 1


def test_a_prompt_beyond_the_context_is_told(checkpoint: Path) -> None:
    completion = ask(checkpoint, [chat("x" * 600)])[0]
    assert completion.finish_reason == "context_length"
    near = ask(checkpoint, [chat("x" * 470, sampling=Sampling(max_tokens=400))])[0]
    assert near.finish_reason == "length"


def test_the_model_is_named_by_its_weights(checkpoint: Path, tmp_path: Path) -> None:
    other = make(tmp_path / checkpoint.name, seed=1)
    names = {Transformers(path=str(p)).model for p in (checkpoint, other)}
    assert len(names) == 2
    assert checkpoint_hash([tmp_path / "none"]) == ""


def test_what_cannot_be_loaded_is_told(tmp_path: Path, checkpoint: Path) -> None:
    with pytest.raises(ConfigError, match="cannot load a model"):
        ask(tmp_path, [chat("x")])
    teacher = Transformers(path=str(checkpoint))
    with pytest.raises(TeacherError, match="not open"):
        asyncio.run(teacher.complete(chat("x")))
