"""What is trained with tokenizers and templates as the makers of Llama, Gemma, Mistral, Qwen and GPT-2 publish them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("trl", reason="the train extra is not installed")

from hypothesis import given, settings
from hypothesis import strategies as st
from students import checkpoint, tokenizer_of
from synthgen_train.config import parse
from synthgen_train.examples import IGNORED, dialogue, make_examples, prompt_ids
from synthgen_train.loading import load_student
from synthgen_train.templates import TEMPLATES

from synthgen.records import Message, Record, from_messages, to_prompt_completion

pytestmark = pytest.mark.filterwarnings("default")

CHATS = ("llama", "gemma", "mistral", "qwen")
RECORDS = [
    Record(instruction="Name the colour of the red cup.", output="It is red."),
    Record(instruction="Add", input="2 and 2", output=" 4, since 2 and 2 make 4. "),
    Record(instruction="Wie geht's?", output="Gut — danke 😀 数学"),
    Record(
        instruction="And in French?",
        output="Bonjour",
        history=(Message(role="user", content="Say hello"), Message(role="assistant", content="Hello")),
    ),
]


@pytest.mark.parametrize("kind", CHATS)
def test_ids_and_labels_are_those_that_trl_makes_of_the_same_rows(kind: str, tmp_path: Path) -> None:
    import datasets
    from transformers import AutoModelForCausalLM
    from trl import SFTConfig, SFTTrainer

    datasets.disable_progress_bars()
    tokenizer = tokenizer_of(kind)
    single = [record for record in RECORDS if not record.history]
    ours = make_examples(single, tokenizer, max_length=128).items
    assert len(ours) == len(single)
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(checkpoint(kind, tmp_path / "m")),
        args=SFTConfig(
            str(tmp_path / "o"),
            max_length=128,
            report_to="none",
            use_cpu=True,
            bf16=False,
            eos_token=tokenizer.eos_token,
        ),
        train_dataset=datasets.Dataset.from_list([to_prompt_completion(record) for record in single]),
        processing_class=tokenizer,
    )
    for example, theirs in zip(ours, trainer.train_dataset, strict=True):
        # what a template writes behind the stop token is not trained here: there is nothing to learn from it
        assert example.input_ids == theirs["input_ids"]
        end = max(i for i, label in enumerate(example.labels) if label != IGNORED)
        assert example.labels[: end + 1] == theirs["labels"][: end + 1]
        assert example.labels[end] == tokenizer.eos_token_id


@pytest.mark.parametrize("kind", CHATS)
def test_an_example_begins_as_its_prompt_does_in_use(kind: str) -> None:
    tokenizer = tokenizer_of(kind)
    made = make_examples(RECORDS, tokenizer, max_length=128)
    assert not made.left_out
    for record, example in zip(RECORDS, made.items, strict=True):
        prompt = prompt_ids(tokenizer, dialogue(record)[:-1])
        assert example.input_ids[: len(prompt)] == prompt
        turns = dialogue(record)[:-1]
        assert prompt == tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)["input_ids"]


@pytest.mark.parametrize("template", ["chatml", "alpaca", "llama", "xml", "json"])
@pytest.mark.parametrize("kind", ["llama", "gemma", "mistral", "qwen", "gpt2"])
def test_a_dialogue_begins_as_the_tokenizer_begins_a_text(kind: str, template: str, tmp_path: Path) -> None:
    base = checkpoint(kind, tmp_path, chat=False)
    student = load_student(parse({"model": str(base), "data": "x", "template": template}), [])
    tokenizer = student.tokenizer
    begin = [tokenizer.bos_token_id] if tokenizer.bos_token_id is not None else []
    assert tokenizer("a")["input_ids"][: len(begin)] == begin
    for example in make_examples(RECORDS, tokenizer, max_length=512).items:
        assert example.input_ids[: len(begin)] == begin
        assert begin == [] or example.input_ids.count(begin[0]) == 1
    for own in (TEMPLATES[template], tokenizer.chat_template):
        assert own.count("{{ bos_token }}") <= 1
    student.tokenizer.save_pretrained(tmp_path / "again")
    student.model.save_pretrained(tmp_path / "again")
    again = load_student(parse({"model": str(tmp_path / "again"), "data": "x"}), []).tokenizer
    assert again.chat_template == tokenizer.chat_template


@pytest.mark.parametrize("kind", CHATS)
def test_a_template_of_its_own_is_left_as_it_is(kind: str, tmp_path: Path) -> None:
    before = tokenizer_of(kind).chat_template
    student = load_student(parse({"model": str(checkpoint(kind, tmp_path)), "data": "x"}), [])
    assert student.tokenizer.chat_template == before


@pytest.mark.parametrize(
    ("name", "kind"), [("chatml", "qwen"), ("gemma", "gemma"), ("llama3", "llama"), ("llama", "mistral")]
)
def test_a_built_in_template_writes_what_the_published_one_does(name: str, kind: str, tmp_path: Path) -> None:
    base = checkpoint(kind, tmp_path, chat=False)
    student = load_student(parse({"model": str(base), "data": "x", "template": name}), [])
    assert not student.new_tokens
    trimmed = [record.replace(output=(record.output or "").strip()) for record in RECORDS]
    ours = make_examples(trimmed, student.tokenizer, max_length=128).items
    theirs = make_examples(trimmed, tokenizer_of(kind), max_length=128).items
    assert [(e.input_ids, e.labels) for e in ours] == [(e.input_ids, e.labels) for e in theirs]


def test_a_template_out_of_a_file_is_taken(tmp_path: Path) -> None:
    base = checkpoint("qwen", tmp_path / "m")
    file = tmp_path / "own.jinja"
    file.write_text(
        "{% for m in messages %}{{ '<' + m['role'] + '>' + m['content'] }}"
        "{% if m['role'] == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
    )
    student = load_student(parse({"model": str(base), "data": "x", "template": str(file)}), [])
    (example,) = make_examples(RECORDS[:1], student.tokenizer, max_length=128).items
    assert student.tokenizer.decode(example.input_ids) == (
        "<user>Name the colour of the red cup.<assistant>It is red.<|im_end|>"
    )
    trained = [label for label in example.labels if label != IGNORED]
    assert student.tokenizer.decode(trained) == "It is red.<|im_end|>"


def test_what_a_template_refuses_is_left_out_with_its_words_and_its_row() -> None:
    from synthgen.records import Provenance

    tokenizer = tokenizer_of("gemma")
    refused = Record(instruction="a", output="b", system="s", provenance=Provenance(source="rows.jsonl:7"))
    double = from_messages(
        [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}, {"role": "assistant", "content": "c"}]
    )
    made = make_examples([*RECORDS, refused, double], tokenizer, max_length=128)
    assert made.left_out == {"template": 2}
    assert made.why["template"] == "System role not supported: rows.jsonl:7"
    assert len(made.items) == len(RECORDS)
    for broken in ("{{ messages[0]['content'] + 3 }}", "{% for %}", "{{ nothing.there }}", "{{ 1 / 0 }}"):
        tokenizer.chat_template = broken
        assert make_examples(RECORDS, tokenizer, max_length=128).left_out == {"template": len(RECORDS)}


@pytest.mark.parametrize("kind", CHATS)
def test_a_control_token_in_a_text_stays_text(kind: str) -> None:
    tokenizer = tokenizer_of(kind)
    control = sorted(set(tokenizer.all_special_tokens))
    stop = tokenizer.eos_token
    for token in control:
        record = Record(instruction=f"What is {token}?\n{token}", output=f"It is {token} and it ends {token}a turn.")
        made = make_examples([record], tokenizer, max_length=256)
        (example,) = made.items
        assert made.literal == {token: 1}
        plain = make_examples(
            [Record(instruction="What is x?", output="It is x and it ends xa turn.")], tokenizer, max_length=256
        ).items[0]
        specials = set(tokenizer.all_special_ids)
        assert [i for i in example.input_ids if i in specials] == [i for i in plain.input_ids if i in specials]
        trained = [label for label in example.labels if label != IGNORED]
        assert tokenizer.decode(trained) == record.output + stop
        assert token in tokenizer.decode(example.input_ids)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_texts_with_anything_in_them_come_back_whole(data: st.DataObject) -> None:
    tokenizer = QWEN
    pieces = st.sampled_from([*tokenizer.all_special_tokens, " ", "a", "\n", "\U000f0001", "<|", "|>", "é", "数"])
    text = "".join(data.draw(st.lists(pieces, min_size=1, max_size=8)))
    record = Record(instruction=text, output=text)
    made = make_examples([record], tokenizer, max_length=10_000)
    if not text.strip():
        assert made.left_out == {"no_answer": 1}
        return
    (example,) = made.items
    trained = [label for label in example.labels if label != IGNORED]
    assert trained[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(trained[:-1]) == text
    assert not set(trained[:-1]) & set(tokenizer.all_special_ids)


QWEN: Any = tokenizer_of("qwen")

CALL = {"type": "function", "function": {"name": "get_weather", "arguments": {"city": "Oslo"}}}
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "Looks up the weather of a city."}}
TURNS = [
    {"role": "user", "content": "What is the weather in Oslo?"},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "content": "snow, -3 degrees"},
    {"role": "assistant", "content": "It snows in Oslo."},
]


def trained_text(tokenizer: Any, record: Record) -> tuple[str, list[str]]:
    (example,) = make_examples([record], tokenizer, max_length=2048).items
    pieces: list[list[int]] = []
    for before, label in zip([IGNORED, *example.labels], example.labels, strict=False):
        if label != IGNORED:
            if before == IGNORED:
                pieces.append([])
            pieces[-1].append(label)
    return tokenizer.decode(example.input_ids), [tokenizer.decode(piece) for piece in pieces]


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_calls_and_answers_carry_loss_and_results_do_not(name: str) -> None:
    tokenizer = tokenizer_of("qwen")
    tokenizer.chat_template = TEMPLATES[name]
    called = '<tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}</tool_call><|im_end|>'
    text, pieces = trained_text(tokenizer, from_messages(TURNS, tools=(TOOL,)))
    assert pieces == [called, "It snows in Oslo.<|im_end|>"]
    assert "snow, -3 degrees" in text
    assert "Looks up the weather of a city." in text
    text, pieces = trained_text(tokenizer, from_messages(TURNS[:2], tools=(TOOL,)))
    assert pieces == [called]
    as_text = {**CALL, "function": {**CALL["function"], "arguments": '{"city": "Oslo"}'}}
    turns = [TURNS[0], {**TURNS[1], "tool_calls": [as_text]}, *TURNS[2:]]
    assert trained_text(tokenizer, from_messages(turns, tools=(TOOL,)))[1][0] == called


def test_a_template_that_drops_tools_calls_or_results_leaves_the_record_out() -> None:
    tokenizer = tokenizer_of("qwen")
    for turns, tools, lost in (
        (TURNS, (), "does not show the call of get_weather"),
        (TURNS[:1] + TURNS[-1:], (TOOL,), "does not show the tools"),
    ):
        made = make_examples([from_messages(turns, tools=tools)], tokenizer, max_length=512)
        assert made.left_out == {"template": 1}
        assert lost in made.why["template"]
    tokenizer.chat_template = TEMPLATES["chatml"].replace(
        "{{ message['content'] }}{% if loop.first", "{% if loop.first"
    )
    made = make_examples([from_messages(TURNS)], tokenizer, max_length=512)
    assert "loses what a tool returned" in made.why["template"]
