from __future__ import annotations

import asyncio
import json
import random
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny_gguf import make

from synthgen.errors import ConfigError
from synthgen.prompting import foreign
from synthgen.protocols import Context, Preparation, Teacher, adapted
from synthgen.records import Record
from synthgen.requests.request import Choice, Completion, Sampling
from synthgen.stages.pre_query import ROUND, PreQuery, around_task

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
TRAINED = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] }}"
    "{% endgeneration %}{% else %}### Task:\\n{{ m['content'] }}\\n\\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}### Answer:\\n{% endif %}"
)


def checkpoint(folder: Path, template: str, **tokens: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer_config.json").write_text(json.dumps(tokens))
    (folder / "chat_template.jinja").write_text(template)
    return folder


def made(stage: PreQuery, teacher: Any, choices: list[Choice], attempt: int = 3) -> tuple[list[Record], dict[str, Any]]:
    asked: dict[str, Any] = {}

    async def ask(prompt: str, **options: Any) -> Completion:
        asked.update(options, prompt=prompt)
        return Completion(tuple(choices), model="student@1", key="k")

    ctx = cast(Context, SimpleNamespace(ask=ask, attempt=attempt, round=2, rng=random.Random(0)))
    stage.prepare(Preparation(render=str, seeds=(), seed=0, base=".", teachers={"teacher": adapted(teacher, Teacher)}))
    return asyncio.run(stage.run([], ctx)), asked


def test_the_template_is_read_from_the_checkpoint(tmp_path: Path) -> None:
    assert around_task(checkpoint(tmp_path, CHATML)) == ("<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n")
    folder = checkpoint(tmp_path, TRAINED.replace("\\n", "\n"), bos_token={"content": "<s>"})
    assert around_task(folder) == ("<s>### Task:\n", "\n\n### Answer:\n")


def test_older_checkpoints_hold_the_template_in_the_tokenizers_config(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": CHATML}))
    assert around_task(tmp_path)[0] == "<|im_start|>user\n"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ messages[0]['content'] }}", "puts nothing before"),
        ("{% if %}", "cannot be rendered"),
        ("{{ raise_exception('no') }}", "cannot be rendered: TemplateError: no"),
        ("{{ messages[0]['content'] + 1 }}", "cannot be rendered: TypeError"),
        ("{{ 1 / 0 }}", "cannot be rendered: ZeroDivisionError"),
        ("{{ ''.__class__.__mro__ }}", "cannot be rendered: SecurityError"),
        ("{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}", "cannot be rendered: RecursionError"),
        ("{{ 'a' * 10**10 }}", "cannot be rendered: the template takes more than 1,000 MB of memory"),
        ("{{ 'a' * 2 * 10**6 }}", "cannot be rendered: the template writes more than 1,000,000 characters"),
    ],
)
def test_templates_that_cannot_be_used_are_refused(template: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        around_task(checkpoint(tmp_path, template))


def test_a_template_without_an_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "MOST_S", 2)
    loops = "{% for a in range(99999) %}" * 4 + "{% endfor %}" * 4
    with pytest.raises(ConfigError, match="no end within 2 s"):
        around_task(checkpoint(tmp_path, f"x {loops}"))


@pytest.mark.parametrize(
    "text", ["[", "[]", "3", '{"chat_template": {}}', '{"chat_template": [1]}', "[" * 10**5, "\xff"]
)
def test_a_damaged_tokenizer_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokenizer_config.json").write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError, match=r"cannot be read|has no chat template"):
        around_task(tmp_path)


def test_of_several_templates_the_default_one_is_taken(tmp_path: Path) -> None:
    named = [{"name": "tool_use", "template": "x"}, {"name": "default", "template": CHATML}]
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": named, "bos_token": {"x": 1}}))
    assert around_task(tmp_path)[0] == "<|im_start|>user\n"


def test_a_folder_without_a_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no chat template"):
        around_task(tmp_path)


def test_task_input_and_answer_are_told_apart(tmp_path: Path) -> None:
    teacher = SimpleNamespace(path=str(checkpoint(tmp_path, TRAINED.replace("\\n", "\n"))), model="m")
    texts = ["Add.\n\n### Answer:\n3", "Sort this:\n\nb a\n\n### Answer:\na b", "Name a sea. "]
    records, asked = made(PreQuery(count=3), teacher, [Choice(t) for t in texts])
    assert [(r.instruction, r.input, r.output) for r in records] == [
        ("Add.", "", "3"),
        ("Sort this:", "b a", "a b"),
        ("Name a sea.", "", None),
    ]
    assert (asked["prompt"], asked["api"], asked["sampling"].n) == ("### Task:\n", "completions", 3)
    assert asked["sample"] == 2 * ROUND + 3
    assert (records[0].provenance.model, records[0].provenance.requests) == ("student@1", ("k",))


def test_each_reason() -> None:
    stage = PreQuery(before="Q: ", between="\nA: ", sampling=Sampling(max_tokens=4))
    choices = [
        Choice("", "stop"),
        Choice("x\nA: ", "stop"),
        Choice("x\nA: y", "length"),
        Choice(None, "context_length"),
        Choice("x\nA: y"),
    ]
    records, _ = made(stage, SimpleNamespace(model="m"), choices)
    assert [r.drop.reason if r.drop else None for r in records] == [
        "empty_reply",
        "empty_reply",
        "truncated",
        "context_length",
        None,
    ]


def test_openings_lead_the_student_in_turn() -> None:
    stage = PreQuery(before="Q: ", between="\nA: ", openings=("Sort ", "Add "), count=1)
    for attempt, opening in ((0, "Sort "), (1, "Add "), (2, "Sort ")):
        records, asked = made(stage, SimpleNamespace(model="m"), [Choice("it\nA: y")], attempt)
        assert (asked["prompt"], records[0].instruction) == (f"Q: {opening}", f"{opening}it")
        assert asked["sampling"].n is None


def test_a_teacher_without_a_checkpoint_needs_to_be_told_what_stands_before_a_task() -> None:
    with pytest.raises(ConfigError, match="no checkpoint to read a chat template from"):
        made(PreQuery(), SimpleNamespace(model="m"), [])
    with pytest.raises(ConfigError, match="no teacher 'other'"):
        made(PreQuery(teacher="other"), SimpleNamespace(model="m"), [])


def test_an_opening_that_ends_with_a_space_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    teacher = SimpleNamespace(model="m", sampling=None, complete=None)
    for openings, warned in ((("What is", "Why"), False), (("What is ", "Why"), True)):
        caplog.clear()
        made(PreQuery(before="Q: ", openings=openings, count=1), teacher, [Choice("x")])
        assert ("'What is ' ends with a space" in caplog.text) is warned


def test_a_template_is_read_from_a_gguf_file(tmp_path: Path) -> None:
    make(tmp_path / "a.gguf")
    make(tmp_path / "base.gguf", template=None)
    expected = ("<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n")
    assert around_task("a.gguf", tmp_path) == expected
    with pytest.raises(ConfigError, match=r"base\.gguf has no chat template") as caught:
        around_task("base.gguf", tmp_path)
    assert "before:" in (caught.value.hint or "")
