from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("peft", reason="the train extra is not installed")

import torch
from pydantic import TypeAdapter
from synthgen_train.examples import make_examples
from synthgen_train.generation import load_trained
from synthgen_train.methods import BaseMethod, Method, Start
from synthgen_train.templates import CHATML, SPECIAL_TOKENS
from synthgen_train.tiny import FromScratch, model_of, tokenizer_of
from transformers import AutoModelForCausalLM

from synthgen.records import Record

pytestmark = pytest.mark.filterwarnings("default")

SETTINGS = FromScratch(hidden=32, layers=2, heads=2, context=128, tokenizer="bytes", biases=True)
RECORDS = [Record(instruction=f"say {i}", output=f"{i} {i}") for i in range(8)]
METHODS: list[dict[str, Any]] = [
    {"use": "full"},
    {"use": "lora", "r": 4},
    {"use": "lora", "r": 4, "rslora": True},
    {"use": "lora", "r": 4, "dora": True},
    {"use": "adapter", "size": 8},
    {"use": "prefix", "virtual_tokens": 4},
    {"use": "prompt", "virtual_tokens": 4},
    {"use": "bitfit"},
    {"use": "ia3"},
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("base")
    tokenizer = tokenizer_of([], SETTINGS, SPECIAL_TOKENS["chatml"])
    tokenizer.chat_template = CHATML
    model_of(tokenizer, SETTINGS).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder, tokenizer


def step(model: Any, tokenizer: Any, steps: int = 6) -> list[float]:
    """Losses of a few steps on the records, one by one."""
    examples = make_examples(RECORDS, tokenizer, max_length=128).items
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=1e-2)
    losses = []
    for _ in range(steps):
        total = 0.0
        for example in examples:
            loss = model(input_ids=torch.tensor([example.input_ids]), labels=torch.tensor([example.labels])).loss
            loss.backward()
            total += loss.item()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(total)
    return losses


@pytest.mark.parametrize("settings", METHODS, ids=lambda s: "-".join(map(str, s.values())))
def test_each_method_trains_saves_loads_merges_and_generates(
    base: tuple[Path, Any], tmp_path: Path, settings: dict[str, Any]
) -> None:
    folder, tokenizer = base
    method: Method = TypeAdapter(Method).validate_python(settings)
    torch.manual_seed(0)
    model = method.wrap(AutoModelForCausalLM.from_pretrained(folder), Start())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    whole = sum(p.numel() for p in model.parameters())
    assert trained == whole if settings["use"] == "full" else 0 < trained < whole / 2
    losses = step(model, tokenizer)
    assert losses[-1] < losses[0]
    model.eval()
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": "say 3"}], add_generation_prompt=True, return_dict=True, return_tensors="pt"
    )
    expected = model(**ids).logits[:, -1]
    method.save(model, tmp_path / "saved", str(folder), model.state_dict())
    tokenizer.save_pretrained(tmp_path / "saved")
    again, _ = load_trained(tmp_path / "saved")
    assert torch.allclose(again(**ids).logits[:, -1], expected, atol=1e-4)
    out = again.generate(**ids, max_new_tokens=3, do_sample=False)
    assert out.shape[1] > ids["input_ids"].shape[1]
    plain = method.merged(again)
    assert (plain is None) == (settings["use"] in ("adapter", "prefix", "prompt"))
    if plain is not None:
        assert torch.allclose(plain(**ids).logits[:, -1], expected, atol=1e-3)


def test_a_model_without_biases_has_nothing_for_bitfit() -> None:
    tokenizer = tokenizer_of([], SETTINGS)
    model = model_of(tokenizer, SETTINGS.model_copy(update={"biases": False}))
    with pytest.raises(ValueError, match="no biases"):
        TypeAdapter(Method).validate_python({"use": "bitfit"}).wrap(model, Start())


def test_a_target_that_does_not_exist_is_told() -> None:
    model = model_of(tokenizer_of([], SETTINGS), SETTINGS)
    with pytest.raises(ValueError, match="nowhere"):
        TypeAdapter(Method).validate_python({"use": "lora", "target_modules": ["nowhere"]}).wrap(model, Start())


def test_a_method_that_lacks_a_part_cannot_be_made() -> None:
    class Nothing(BaseMethod):
        use: str = "nothing"

    class Frozen(Nothing):
        def wrap(self, model: Any, start: Start) -> Any:
            return model.requires_grad_(False)

    for kind, lacking in ((Nothing, "save.*wrap"), (Frozen, "save")):
        with pytest.raises(TypeError, match=f"abstract.*{lacking}"):
            kind()


def test_the_method_that_the_docs_show_trains_its_layers_alone(base: tuple[Path, Any], tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "documentation"}
    block = page.partition("```python\n# last_layers.py\n")[2].partition("```")[0]
    exec(compile(block, "plugins.md", "exec", dont_inherit=True), names)
    folder, tokenizer = base
    model = names["LastLayers"](layers=1).wrap(AutoModelForCausalLM.from_pretrained(folder), Start())
    assert all("layers.1." in name for name, p in model.named_parameters() if p.requires_grad)
    losses = step(model, tokenizer)
    assert losses[-1] < losses[0]
    names["LastLayers"]().save(model, tmp_path, str(folder), model.state_dict())
    saved = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), saved.parameters(), strict=True))
