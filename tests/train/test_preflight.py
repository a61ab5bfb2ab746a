from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("trl", reason="the train extra is not installed")

from synthgen_train.config import parse
from synthgen_train.examples import make_examples
from synthgen_train.generation import answer, load_trained
from synthgen_train.loading import load_student
from synthgen_train.preflight import PreflightError, inspect, require
from synthgen_train.templates import CHATML
from synthgen_train.tiny import FromScratch, model_of, tokenizer_of
from synthgen_train.train import train

from synthgen.errors import ConfigError
from synthgen.records import Record

pytestmark = pytest.mark.filterwarnings("default")

SCRATCH = FromScratch(hidden=32, layers=2, heads=2, context=96, tokenizer="bytes")
RECORDS = [Record(instruction=f"say {w}", output=w) for w in ("ab", "cd", "ef", "gh")]

# Turns end with a token that the template writes out, as in the templates of many base models.
LITERAL = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def pair(template: str = CHATML) -> tuple[Any, Any]:
    tokenizer = tokenizer_of([], SCRATCH, ["<|im_start|>", "<|endoftext|>"])
    tokenizer.chat_template = template
    return model_of(tokenizer, SCRATCH), tokenizer


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A base model as they come: its tokenizer's stop token is not the one that ends the template's turns."""
    model, tokenizer = pair(LITERAL)
    tokenizer.eos_token = "<|endoftext|>"
    model.generation_config.eos_token_id = model.config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def failed(model: Any, tokenizer: Any, records: list[Record] = RECORDS, max_length: int = 96) -> list[str]:
    made = make_examples(records, tokenizer, max_length=max_length)
    return [f.check for f in inspect(model, tokenizer, made, max_length) if not f.ok]


def test_a_student_that_agrees_with_itself_passes() -> None:
    assert failed(*pair()) == []


def test_each_check_fails_on_its_own_trouble() -> None:
    model, tokenizer = pair()
    tokenizer.eos_token = "<|endoftext|>"
    assert failed(model, tokenizer) == ["answers end with a stop token", "tokenizer and generation config agree"]
    model, tokenizer = pair()
    assert "something to train on" in failed(model, tokenizer, [Record(instruction="x")])
    assert "no row is cut" in failed(model, tokenizer, max_length=20)
    assert failed(model, tokenizer, max_length=97) == ["max_length is within the model's context"]
    model.resize_token_embeddings(100)
    assert failed(model, tokenizer) == ["token ids fit the model"]
    model, tokenizer = pair()
    tokenizer.pad_token = None
    assert failed(model, tokenizer) == ["there is a pad token"]
    model, tokenizer = pair("{% for m in messages %}{{ m['content'][:1] }}{% endfor %}")
    assert "the template keeps every answer" in failed(model, tokenizer)


def test_what_failed_is_named_with_what_to_do_and_can_be_forced() -> None:
    model, tokenizer = pair()
    tokenizer.eos_token = "<|endoftext|>"
    findings = inspect(model, tokenizer, make_examples(RECORDS, tokenizer, max_length=96), 96)
    with pytest.raises(PreflightError, match=r"answers end with a stop token.*'<.im_end.>'") as caught:
        require(findings)
    assert "eos_token" in str(caught.value)
    assert caught.value.exit_code == 2
    require(findings, force=True)


def test_the_loss_cannot_show_that_a_student_never_stops(base: Path, rows: Any, tmp_path: Path) -> None:
    data = rows([{"instruction": r.instruction, "output": r.output} for r in RECORDS])

    def settings(name: str, **more: Any) -> Any:
        return parse(
            {
                "model": str(base),
                "data": str(data),
                "out": str(tmp_path / name),
                "max_steps": 120,
                "learning_rate": 5e-3,
                "batch_size": 4,
                "eval_share": 0,
                **more,
            }
        )

    lines: list[str] = []
    with pytest.raises(PreflightError, match=r"'<.im_end.>'; generation ends at"):
        train(settings("refused"), say=lines.append)
    assert any(line.startswith("FAIL") for line in lines)
    assert not (tmp_path / "refused" / "model").exists()

    wrong = train(settings("wrong"), force=True, say=lines.append)
    right = train(settings("right", stop_token="<|im_end|>"), say=lines.append)
    assert wrong.loss == pytest.approx(right.loss, abs=0.02)
    prompts = [[{"role": "user", "content": r.instruction}] for r in RECORDS]
    stopped = {}
    for report in (wrong, right):
        replies = answer(*load_trained(report.model), prompts, max_tokens=24)
        stopped[report.out.name] = sum(r.stopped for r in replies) / len(replies)
    assert stopped == {"wrong": 0.0, "right": 1.0}


def test_chatml_brings_its_stop_token_to_a_base_model(base: Path) -> None:
    student = load_student(parse({"model": str(base), "data": "x", "template": "chatml"}), [])
    assert student.tokenizer.eos_token == "<|im_end|>"
    assert student.tokenizer.eos_token_id in student.model.generation_config.eos_token_id
    assert any("in place of <|endoftext|>" in note for note in student.notes)
    assert failed(student.model, student.tokenizer) == []


def test_missing_tokens_are_added_and_said_or_told(tmp_path: Path) -> None:
    tokenizer = tokenizer_of([], SCRATCH)
    model = model_of(tokenizer, SCRATCH)
    tokenizer.pad_token = None
    tokenizer.eos_token = None
    model.generation_config.eos_token_id = model.config.eos_token_id = None
    model.generation_config.pad_token_id = model.config.pad_token_id = None
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="no stop token"):
        load_student(parse({"model": str(tmp_path), "data": "x", "template": "xml"}), [])
    with pytest.raises(ConfigError, match=r"no token '<.end.>'"):
        load_student(parse({"model": str(tmp_path), "data": "x", "template": "xml", "stop_token": "<|end|>"}), [])
    with pytest.raises(ConfigError, match="no chat template"):
        load_student(parse({"model": str(tmp_path), "data": "x", "template": "own"}), [])
    with pytest.raises(ConfigError, match="cannot be loaded"):
        load_student(parse({"model": str(tmp_path / "none"), "data": "x"}), [])
    with pytest.raises(ConfigError, match="ia3 does not train new tokens"):
        load_student(parse({"model": str(tmp_path), "data": "x", "method": {"use": "ia3"}}), [])
    student = load_student(parse({"model": str(tmp_path), "data": "x"}), [])
    assert student.template == "chatml"
    assert any("new tokens" in note for note in student.notes)
    assert any("no pad token" in note for note in student.notes)
    assert failed(student.model, student.tokenizer) == []
