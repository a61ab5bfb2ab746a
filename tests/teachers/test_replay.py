"""Recorded replies: the same bytes, without a server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.api import run_recipe
from synthgen.config import load
from synthgen.errors import ConfigError, StoreError, TeacherError
from synthgen.journal.journal import Journal
from synthgen.protocols import Teacher
from synthgen.requests.request import Choice, Completion, Draining, Request, Sampling, Usage
from synthgen.teachers import replay
from synthgen.teachers.replay import Replay

RECIPE = """
name: recorded
stop: {attempts: 6}
teacher: {TEACHER}
source: {use: seeds, path: builtin, human: 2, machine: 1}
stages:
  - {use: generate, prompt: alpaca/tasks, form: tasks, count: 4}
  - {use: near_duplicate}
  - {use: respond}
  - {use: empty}
"""


def request(text: str, model: str = "m", **fields: Any) -> Request:
    return Request(model, ({"role": "user", "content": text},), **fields)


def record(path: Path, *pairs: tuple[Request, Completion]) -> Path:
    async def work() -> None:
        with Journal(path) as journal:
            for asked, completion in pairs:
                await journal.put(asked.key, asked, completion)

    asyncio.run(work())
    return path


def replayed(path: Path, *asked: Request, **options: Any) -> list[Completion]:
    async def work() -> list[Completion]:
        teacher = Replay(journal=str(path), **options)
        await teacher.open()
        try:
            return [await teacher.complete(one) for one in asked]
        finally:
            await teacher.close()

    return asyncio.run(work())


def test_it_is_a_teacher() -> None:
    assert isinstance(Replay(journal="x"), Teacher)


def test_what_was_recorded_comes_back_whole(tmp_path: Path) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    completion = Completion(
        (Choice("a", "stop", "hm", "no", (call,), {"content": [1]}), Choice(None, None)), Usage(3, 2, 1), "m-2", "id"
    )
    path = record(tmp_path / "journal.sqlite", (request("x"), completion))
    (found,) = replayed(path, request("x"))
    assert found.to_dict() == completion.to_dict()
    assert found.choices == completion.choices


@settings(max_examples=20)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(["12", "007", "1e5", "", "null"]),
        max_size=5,
    )
)
def test_numbers_empty_texts_and_any_text_come_back_as_they_were(texts: list[str]) -> None:
    import tempfile

    pairs = [(request(f"{i}"), Completion((Choice(text),))) for i, text in enumerate(texts)]
    with tempfile.TemporaryDirectory() as folder:
        path = record(Path(folder) / "j.sqlite", *pairs, (request("last"), Completion((Choice("end"),))))
        found = replayed(path, *(asked for asked, _ in pairs))
    assert [c.choices[0].text for c in found] == texts


def test_a_request_that_was_not_recorded_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = record(tmp_path / "journal.sqlite", (request("x"), Completion((Choice("a"),))))
    monkeypatch.setattr(replay, "QUIET_S", 0.01)
    with pytest.raises(TeacherError, match=r"sample 3, try 2, \{\"temperature\": 0.5\}\): 'who goes there'") as caught:
        replayed(path, request("who goes\nthere", sampling=Sampling(temperature=0.5), sample=3, retry=1))
    assert "recorded run" in str(caught.value.hint)


def test_a_request_beyond_the_recorded_end_waits_for_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "QUIET_S", 0.2)
    path = record(tmp_path / "journal.sqlite", (request("x"), Completion((Choice("a"),))))

    async def work() -> Replay:
        teacher = Replay(journal=str(path))
        await teacher.open()
        beyond = asyncio.create_task(teacher.complete(request("beyond")))
        for _ in range(8):
            await asyncio.sleep(0.05)
            assert (await teacher.complete(request("x"))).text == "a"
            assert not beyond.done()
        teacher.drain()
        with pytest.raises(Draining):
            await beyond
        await teacher.close()
        return teacher

    asyncio.run(work())


def test_one_of_several_models_must_be_named(tmp_path: Path) -> None:
    path = record(
        tmp_path / "journal.sqlite",
        (request("x", "writer"), Completion((Choice("a"),))),
        (request("x", "judge"), Completion((Choice("b"),))),
    )
    with pytest.raises(ConfigError, match="2 models") as caught:
        replayed(path)
    assert "judge | writer" in str(caught.value)
    assert replayed(path, request("x", "judge"), model="judge")[0].text == "b"
    with pytest.raises(ConfigError, match="no replies of the model 'other'"):
        replayed(path, model="other")


def test_no_journal_and_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no journal at"):
        replayed(tmp_path / "nowhere.sqlite")
    with pytest.raises(ConfigError, match="holds no replies"):
        replayed(record(tmp_path / "journal.sqlite"))


def test_requests_before_opening_are_refused() -> None:
    with pytest.raises(TeacherError, match="not open"):
        asyncio.run(Replay(journal="x").complete(request("x")))


def dataset(path: Path) -> bytes:
    (parquet,) = (path / "dataset").rglob("*.parquet")
    return parquet.read_bytes() + (path / "rejected.parquet").read_bytes()


def test_a_run_replayed_gives_the_same_bytes(tmp_path: Path) -> None:
    sampling = "sampling: {temperature: 0.8, max_tokens: 900}"
    for name, teacher in (
        ("bought", f"{{use: procedural, {sampling}}}"),
        ("replayed", f"{{use: synthgen.teachers.replay:Replay, journal: {tmp_path / 'bought'}}}"),
    ):
        (tmp_path / f"{name}.yaml").write_text(RECIPE.replace("{TEACHER}", teacher))
        report = asyncio.run(run_recipe(load(tmp_path / f"{name}.yaml"), out=tmp_path / name))
        assert report.accepted > 5
    assert dataset(tmp_path / "replayed") == dataset(tmp_path / "bought")
    report_of = {name: (tmp_path / name / "report.json").read_text() for name in ("bought", "replayed")}
    assert '"temperature": 0.8' in report_of["replayed"]


def test_a_report_that_cannot_be_read_asks_for_the_sampling(tmp_path: Path) -> None:
    path = record(tmp_path / "journal.sqlite", (request("x"), Completion((Choice("a"),))))
    (tmp_path / "report.json").write_text('{"teachers": {}}')
    with pytest.raises(ConfigError, match="does not tell the sampling"):
        replayed(path)
    assert replayed(path, request("x"), sampling=Sampling())[0].text == "a"
