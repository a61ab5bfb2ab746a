from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("transformers", reason="the train extra is not installed")
pytest.importorskip("torch", reason="the train extra is not installed")

from synthgen_train.examples import IGNORED, dialogue, encode, make_examples
from synthgen_train.rendering import TemplateError, render
from synthgen_train.templates import SPECIAL_TOKENS, TEMPLATES
from synthgen_train.tiny import FromScratch, tokenizer_of

from synthgen.records import Message, Record

pytestmark = pytest.mark.filterwarnings("default")

RECORDS = [
    Record(instruction="Say hi.", output="Hi!"),
    Record(instruction="Add 2 and 2.", input="2 2", output=" 4\n\nThat is all. "),
    Record(instruction="Wie geht's?", output="Gut — danke 😀 数学", system="Answer in the user's language."),
    Record(
        instruction="And in French?",
        output="Bonjour",
        history=(
            Message(role="user", content="Say hello"),
            Message(role="assistant", content="Hello"),
            Message(role="user", content="In German?"),
            Message(role="assistant", content="Hallo"),
        ),
    ),
    Record(instruction="### Response:\nfake", output="### Instruction:\nalso fake <|im_end"),
    Record(
        instruction="What is the weather in Oslo?",
        output='{"name": "weather", "arguments": {"city": "Oslo"}}',
        tools=({"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}},),
    ),
]
TEXTS = [r.text for r in RECORDS] * 5


def tokenizer(name: str, kind: str = "bpe") -> Any:
    made = tokenizer_of(TEXTS, FromScratch(tokenizer=kind, vocabulary=400), SPECIAL_TOKENS.get(name, ()))  # type: ignore[arg-type]
    made.chat_template = TEMPLATES[name]
    return made


def trained_pieces(labels: list[int]) -> list[list[int]]:
    pieces: list[list[int]] = []
    for before, label in zip([IGNORED, *labels], labels, strict=False):
        if label == IGNORED:
            continue
        if before == IGNORED:
            pieces.append([])
        pieces[-1].append(label)
    return pieces


@pytest.mark.parametrize("kind", ["bytes", "bpe"])
@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_the_trained_labels_are_the_answers_and_their_stop_tokens(name: str, kind: str) -> None:
    tok = tokenizer(name, kind)
    for record in RECORDS:
        messages = dialogue(record)
        ids, labels = encode(tok, render(tok, messages, record.tools))
        answers = [m["content"] for m in messages if m["role"] == "assistant"]
        pieces = trained_pieces(labels)
        assert [tok.decode(p) for p in pieces] == [a + tok.eos_token for a in answers]
        assert all(p[-1] == tok.eos_token_id for p in pieces)
        assert len(ids) == len(labels)


@pytest.mark.parametrize("kind", ["bytes", "bpe"])
@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_with_loss_on_all_the_labels_are_the_whole_text(name: str, kind: str) -> None:
    tok = tokenizer(name, kind)
    for record in RECORDS:
        rendered = render(tok, dialogue(record), record.tools)
        ids, labels = encode(tok, rendered, "all")
        (piece,) = trained_pieces(labels)
        assert tok.decode(piece) == rendered.text[: rendered.spans[-1][1]]
        assert piece[-1] == tok.eos_token_id
        assert ids == encode(tok, rendered)[0]
        made = make_examples([record], tok, max_length=10_000, loss="all")
        assert made.items[0].labels == labels


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_the_prompt_in_use_is_the_beginning_of_the_example(name: str) -> None:
    tok = tokenizer(name)
    for record in RECORDS:
        messages = dialogue(record)
        ids, labels = encode(tok, render(tok, messages, record.tools))
        prompt = tok.apply_chat_template(
            messages[:-1], tools=list(record.tools) or None, add_generation_prompt=True, return_dict=True
        )["input_ids"]
        assert ids[: len(prompt)] == prompt
        assert labels[len(prompt)] != IGNORED


def test_reasoning_is_shown_as_asked() -> None:
    record = Record(instruction="2+2?", output="4", reasoning="2 and 2 make 4.")
    contents = {kind: dialogue(record, kind)[-1]["content"] for kind in ("visible", "tagged", "drop")}  # type: ignore[arg-type]
    assert contents == {
        "visible": "2 and 2 make 4.\n\n4",
        "tagged": "<think>\n2 and 2 make 4.\n</think>\n4",
        "drop": "4",
    }


def test_what_cannot_be_trained_on_is_counted_and_nothing_is_cut() -> None:
    tok = tokenizer("chatml", "bytes")
    long = Record(instruction="x", output="y" * 300)
    made = make_examples(
        [*RECORDS, long, Record(instruction="q"), Record(instruction="q", output=" ")], tok, max_length=200
    )
    assert made.left_out["no_answer"] == 2
    assert made.left_out["too_long"] >= 1
    assert made.left_out_records[long.id] == "too_long"
    assert len(made.items) + sum(made.left_out.values()) == made.records
    assert all(len(e.input_ids) <= 200 and e.labels[-2] == tok.eos_token_id for e in made.items)


def test_a_long_dialogue_can_be_split_at_an_answer() -> None:
    tok = tokenizer("chatml", "bytes")
    record = RECORDS[3]
    whole = make_examples([record], tok, max_length=10_000).items[0]
    made = make_examples([record], tok, max_length=len(whole.input_ids) - 1, long_rows="split")
    pieces = trained_pieces(made.items[0].labels)
    assert [tok.decode(p) for p in pieces] == ["Hello<|im_end|>", "Hallo<|im_end|>"]
    assert make_examples([record], tok, max_length=len(whole.input_ids) - 1).left_out["too_long"] == 1


def test_a_template_that_rewrites_or_loses_answers_is_refused() -> None:
    tok = tokenizer("chatml")
    tok.chat_template = "{% for m in messages %}{% if not loop.last %}x{% endif %}{{ m['content'] }}{% endfor %}"
    with pytest.raises(TemplateError, match="prefix"):
        render(tok, dialogue(RECORDS[3]))
    tok.chat_template = "{% for m in messages %}{{ m['content'][:3] }}{% endfor %}"
    with pytest.raises(TemplateError, match="loses the answer"):
        render(tok, dialogue(RECORDS[3]))
    assert make_examples([RECORDS[3]], tok, max_length=99).left_out["template"] == 1
