from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("trl", reason="the train extra is not installed")

from synthgen_train.examples import Example
from synthgen_train.loading import load_student, parameters_of
from synthgen_train.plan import SCRATCH_RATE, launch_line, memory_of, resolve, steps_of
from synthgen_train.train import train

pytestmark = pytest.mark.filterwarnings("default")

Recipe = Callable[..., Any]


@pytest.mark.parametrize(
    ("rows", "batch", "accumulation", "devices", "epochs", "steps"),
    [
        (100, 10, 1, 1, 1, 10),
        (101, 10, 1, 1, 1, 11),
        (101, 10, 2, 1, 3, 18),
        (101, 10, 1, 4, 1, 3),
        (10, 4, 1, 1, 0.5, 2),
    ],
)
def test_steps(rows: int, batch: int, accumulation: int, devices: int, epochs: float, steps: int) -> None:
    assert steps_of(rows, batch, accumulation, devices, epochs) == steps


def test_memory_holds_weights_gradients_and_moments(recipe: Recipe) -> None:
    config = recipe()
    student = load_student(config, [])
    settings = resolve(config, student)
    parameters, trainable = parameters_of(student.model)
    assert parameters == trainable

    def memory(length: int, trained: int) -> int:
        labels = [-100] * (length - trained) + [1] * trained
        rows = [Example([token] * length, labels) for token in range(9)]
        return memory_of(student.model, config, settings, rows) - 16 * parameters

    assert memory(0, 0) == 0
    assert memory(96, 0) == 2 * memory(48, 0)
    assert memory(96, 40) - memory(96, 0) == 4 * 40 * 8 * len(student.tokenizer)


def test_the_rate_follows_from_method_and_model_and_says_so(recipe: Recipe, tmp_path: Path) -> None:
    config = recipe()
    student = load_student(config, [])
    scratch = resolve(config, student)
    assert (scratch["learning_rate"], scratch.origins["learning_rate"]) == (
        SCRATCH_RATE,
        "default of a model from scratch",
    )
    student.model.save_pretrained(tmp_path / "m")
    student.tokenizer.save_pretrained(tmp_path / "m")
    rates = {"full": 1e-5, "lora": 2e-4, "adapter": 1e-3, "prefix": 1e-3, "prompt": 1e-2, "bitfit": 1e-3, "ia3": 3e-3}
    for use, rate in rates.items():
        config = recipe(model=str(tmp_path / "m"), method={"use": use})
        assert resolve(config, load_student(config, []))["learning_rate"] == rate
    given = resolve(recipe(learning_rate=0.5), student)
    assert (given["learning_rate"], given.origins["learning_rate"]) == (0.5, "recipe")


def test_the_printed_line_starts_as_many_processes_as_there_are_gpus() -> None:
    assert launch_line(2, ["train", "r.yaml"]) == "accelerate launch --num_processes 2 -m synthgen train r.yaml"


def test_a_lora_student_is_served_by_the_transformers_teacher(recipe: Recipe) -> None:
    import asyncio

    from synthgen_train.generation import answer, load_trained

    from synthgen.requests.request import Request, Sampling
    from synthgen.teachers.transformers import Transformers

    report = train(recipe(method={"use": "lora"}, merge=True, max_steps=60, learning_rate=2e-2), say=lambda line: None)
    messages = ({"role": "user", "content": "say 3"},)
    expected = answer(*load_trained(report.model), [messages], max_tokens=8)[0].text

    async def ask(path: Path) -> str | None:
        teacher = Transformers(path=str(path), dtype="float32")
        await teacher.open()
        try:
            request = Request("student", messages, sampling=Sampling(max_tokens=8, temperature=0.0))
            return (await teacher.complete(request)).choices[0].text
        finally:
            await teacher.close()

    assert report.merged is not None
    assert asyncio.run(ask(report.model)) == expected
    assert asyncio.run(ask(report.merged)) == expected
