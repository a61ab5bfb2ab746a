"""The shipped loops on tiny students: the same stages and settings, with a few keys set as a user would."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from synthgen.loop import LoopReport, load, run_loop
from synthgen.records import Record
from synthgen.store.record_files import accepted_records, read_records, rejected_records, write_records
from synthgen.task_sets.drills import solve

torch = pytest.importorskip("torch", reason="the transformers extra is not installed")

DRILLS = "{use: drills, per_family: 30, families: [up, last]}"
SMALL = "{use: small, hidden: 32, layers: 1, heads: 2, context: 32, steps: 120, batch_size: 32, first: {steps: 240}}"
STUDENT = "student={use: transformers, batch_size: 64, device: cpu}"


@pytest.fixture(autouse=True)
def one_torch_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)  # where the paths of a shipped recipe start from, its templates' among them


def go(name: str, out: Path, *settings: str, small: bool = True) -> LoopReport:
    own = [f"seeds={DRILLS}", f"held_out={{seen: {DRILLS}}}", f"train={SMALL}", "evaluate={max_tokens: 12}"]
    return run_loop(load(name, [STUDENT, *(own if small else ()), *settings]), out, say=lambda line: None)


def made(out: Path, number: int = 1) -> list[Record]:
    return accepted_records(out / f"rounds/{number}/generate")


def trained_on(out: Path, number: int = 1) -> list[Record]:
    return read_records(out / f"rounds/{number}/train.jsonl")


def right(record: Record) -> bool:
    solved = solve(record.instruction)
    return solved is not None and solved[1] == record.output


SOLVE = [
    "generate.source.of={use: drills, per_family: 15, families: [up, last]}",
    "generate.stages.solve.right=equal",
    "generate.stages.solve.sampling.max_tokens=12",
]


def test_expert_iteration_trains_the_base_on_what_it_solved_greedily(tmp_path: Path) -> None:
    report = go("loop_star", tmp_path / "out", *SOLVE, "generate.stages.solve.rationalise=false", "stop.rounds=2")
    for number in (1, 2):
        kept = made(tmp_path / "out", number)
        assert kept
        assert all(map(right, kept))
        assert {r.instruction for r in trained_on(tmp_path / "out", number)} == {r.instruction for r in kept}
        assert report.rounds[number].training["seed_rows"] == 0
    wrong = [
        r for r in rejected_records(tmp_path / "out/rounds/1/generate") if r.drop and r.drop.reason == "wrong_answer"
    ]
    assert not any(map(right, wrong))


def test_rest_em_keeps_at_most_ten_right_samples_of_a_task(tmp_path: Path) -> None:
    report = go("loop_rest_em", tmp_path / "out", *SOLVE, "stop={rounds: 1, least_yield: 0}")
    kept = made(tmp_path / "out")
    counts = Counter(r.instruction for r in kept)
    assert all(map(right, kept))
    assert max(counts.values()) == 10
    assert report.rounds[1].generation["rejected"]["over_cap"] > 0
    assert report.rounds[1].generation["generated"] == 32 * 30
    assert len(trained_on(tmp_path / "out")) == len(kept)


def test_rejection_sampling_adds_other_ways_to_the_training_data(tmp_path: Path) -> None:
    settings = [*SOLVE[1:], "generate.stages.solve.samples=4", "stop.least_yield=0"]
    report = go("loop_rejection", tmp_path / "out", *settings)
    kept = made(tmp_path / "out")
    assert kept
    assert all(map(right, kept))
    assert max(Counter(r.instruction for r in kept).values()) == 1  # without steps there is one way to say it
    seeds = report.rounds[0].training["rows"]
    assert report.rounds[1].training["rows"] == seeds + len(kept)
    # the base is trained anew, on the seed data too
    assert report.rounds[1].training["seed_rows"] == seeds


def test_easy_to_hard_answers_one_length_after_the_other(tmp_path: Path) -> None:
    settings = [
        "generate.source.of={use: drills, per_family: 40, families: [up, last], split: longer}",
        f"held_out={{longer: {DRILLS.replace('}', ', split: longer}')}}}",
        "generate.stages.majority.least=2",
        "alarms.action=warn",
        "stop={rounds: 2, least_yield: 0}",
    ]
    report = go("loop_easy_to_hard", tmp_path / "out", *settings)
    for number, length in ((1, 6), (2, 7)):
        kept = made(tmp_path / "out", number)
        assert {len(r.instruction.split()[1]) for r in kept} == {length}
        assert all((r.answers[0].score or 0) >= 0.4 for r in kept)
        assert kept[0].output == kept[0].answers[0].text
    if report.rounds[1].verdict == "passed":
        assert report.rounds[2].training["earlier_rows"] == len(made(tmp_path / "out"))


def test_a_student_writes_instructions_and_answers_them(tmp_path: Path) -> None:
    # a student of this size writes a task at the beginning of a line, and nothing else
    (tmp_path / "line.j2").write_text("{{ '\n' if demonstrations }}")
    settings = [
        f"generate.stages.generate.prompt={tmp_path / 'line.j2'}",
        "generate.stages.generate.faithful=true",
        "generate.stages.generate.api=completions",
        'generate.stages.generate.sampling={temperature: 1.0, max_tokens: 16, stop: ["\\n"]}',
        "generate.stages.length.min_words=1",
        "generate.stages.respond.sampling.max_tokens=12",
        "generate.stop={attempts: 60, barren_attempts: 60}",
        "evaluate.check=null",
        "stop={rounds: 1, least_yield: 0}",
    ]
    report = go("loop_self_instruct", tmp_path / "out", *settings)
    kept = made(tmp_path / "out")
    seeds = {r.instruction for r in read_records(tmp_path / "out/seeds.jsonl")}
    assert kept
    assert all(r.output and len(r.provenance.demonstrations) == 8 for r in kept)
    assert not {r.instruction for r in kept} & seeds
    assert sum(solve(r.instruction.lower()) is not None for r in kept) > len(kept) / 2
    assert report.rounds[1].training["new_rows"] == len(kept)


def scratch(steps: str, first: str) -> list[str]:
    tiny = "{hidden: 48, layers: 2, heads: 4, context: 64, tokenizer: bytes}"
    return [
        f"train.model={{from_scratch: {tiny}}}",
        "train.method={use: full}",
        "train.max_length=64",
        "train.epochs=null",
        f"train.max_steps={steps}",
        f"train.first={first}",
        "train.learning_rate=0.005",
        "train.batch_size=22",
        "train.eval_prompts=0",
    ]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_star_keeps_steps_to_a_known_answer_without_the_hint(tmp_path: Path) -> None:
    pytest.importorskip("trl", reason="the train extra is not installed")

    def records(form: str, letters: str) -> list[Record]:
        return [
            Record(instruction=form.format(c, c.upper()), reasoning=f"{c} {c.upper()}", output=c.upper())
            for c in letters
        ]

    # it has learned to explain all answers, and to find some of them
    known = records("up {}", "abcdef") + records("why up {} = {}", "abcdefghijklmnop")
    write_records(tmp_path / "seeds.jsonl", known)
    write_records(tmp_path / "held.jsonl", records("up {}", "qrst"))
    write_records(tmp_path / "tasks.jsonl", [r.replace(reasoning=None) for r in records("up {}", "abcdefghijklmnop")])
    (tmp_path / "hint.j2").write_text("why {{ instruction }}{{ input }}{{ reply }} = {{ answer }}")
    settings = [
        f"seeds={tmp_path / 'seeds.jsonl'}",
        f"held_out={{seen: {tmp_path / 'held.jsonl'}}}",
        f"generate.source.of={tmp_path / 'tasks.jsonl'}",
        f"generate.stages.solve.hint={tmp_path / 'hint.j2'}",
        *SOLVE[1:2],
        "generate.stages.solve.sampling.max_tokens=32",
        *scratch("{by_round: [5, 6]}", "{max_steps: 180}"),
        "evaluate={max_tokens: 32}",
        "stop={rounds: 2, least_yield: 0}",
    ]
    report = go("loop_star", tmp_path / "out", *settings, small=False)
    assert [r.training["steps"] for r in report.rounds] == [180, 5, 6]
    kept = made(tmp_path / "out")
    rationalised = [r for r in kept if "rationalised" in r.scores]
    assert 0 < len(rationalised) < len(kept)
    assert all(r.instruction == f"up {(r.output or '').lower()}" and r.reasoning for r in kept)
    assert [r.reasoning for r in trained_on(tmp_path / "out")] == [r.reasoning for r in kept]


PARTS = '''
import json, random
from synthgen.requests.request import Choice, Completion, Usage


class Writer:
    """Writes instructions."""

    model, sampling = "writer", None

    async def complete(self, request):
        rng = random.Random(request.key)
        tasks = ["now please say " + rng.choice("abcdef") * rng.randint(1, 4) for _ in range(8)]
        return Completion((Choice(json.dumps({"instructions": tasks})),), Usage(1, 1))


class Judge:
    """Gives 5 points to the right letter, 1 to all else, and one judgement in three that cannot be read."""

    model, sampling = "judge", None

    async def complete(self, request):
        shown = json.loads(request.messages[-1]["content"].splitlines()[-1])
        points = 5 if {*shown["answer"]} == {shown["task"][-1]} else 1
        texts = [f"It is what it is. Score: {points}", json.dumps({"score": points}), "I cannot say."]
        return Completion(tuple(map(Choice, texts[: request.sampling.n])), Usage(1, 1))
'''


def margin(folder: Path, pairs: list[Record]) -> float:
    """How much likelier the chosen answers are than the rejected ones, in nats a pair."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)

    def likelihood(record: Record, answer: str) -> float:
        asked = [{"role": "user", "content": record.instruction}]
        prompt = tokenizer.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
        ids = tokenizer(prompt + answer, return_tensors="pt", add_special_tokens=False)["input_ids"]
        start = len(tokenizer(prompt, add_special_tokens=False)["input_ids"])
        with torch.no_grad():
            found = model(ids).logits[0, start - 1 : -1].log_softmax(-1)
        return float(found.gather(1, ids[0, start:, None]).sum())

    return sum(likelihood(p, p.answers[0].text) - likelihood(p, p.answers[1].text) for p in pairs) / len(pairs)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_self_rewarding_trains_on_the_best_and_the_worst_by_dpo(tmp_path: Path) -> None:
    pytest.importorskip("trl", reason="the train extra is not installed")
    (tmp_path / "parts.py").write_text(PARTS)
    asked = [f"now please say {c * n}" for c in "abcdef" for n in (1, 2, 3, 4)]
    records = [Record(id=f"s{i}", instruction=text, output=text.split()[-1]) for i, text in enumerate(asked)]
    write_records(tmp_path / "seeds.jsonl", records[::2])
    write_records(tmp_path / "held.jsonl", [Record(instruction="now please say g", output="g")])
    settings = [
        f"seeds={tmp_path / 'seeds.jsonl'}",
        f"held_out={{seen: {tmp_path / 'held.jsonl'}}}",
        f"generate.teachers.judge={{use: '{tmp_path}/parts.py:Judge'}}",
        f"generate.teachers.writer={{use: '{tmp_path}/parts.py:Writer'}}",
        "generate.stages.generate.teacher=writer",
        "generate.stages.near_duplicate.threshold=1.0",
        "generate.stages.candidates.sampling={temperature: 1.8, max_tokens: 12}",
        "generate.stop={attempts: 8, barren_attempts: 8}",
        *scratch("4", "{objective: sft, max_steps: 150}"),
        "evaluate={max_tokens: 8}",
        "stop={rounds: 1, least_yield: 0}",
    ]
    report = go("loop_self_rewarding", tmp_path / "out", *settings, small=False)
    assert [r.training["steps"] for r in report.rounds] == [150, 4]
    pairs = trained_on(tmp_path / "out")
    assert len(pairs) == len(made(tmp_path / "out")) > 0
    for pair in pairs:
        best, worst = pair.answers
        assert (best.score, worst.score) == (5.0, 1.0)
        assert best.text == pair.output
        assert {*best.text} == {pair.instruction[-1]} != {*worst.text}
    before, after = (margin(tmp_path / f"out/rounds/{k}/student/model", pairs) for k in (0, 1))
    assert after > before + 1
    for record in made(tmp_path / "out"):
        # one request for the task, one for the candidates, one for each candidate, of whose votes one cannot be read
        assert record.scores == {"judge": 5, "judge_unread": len(record.provenance.requests) - 2}


def test_a_judge_that_cannot_judge_ends_the_loop_with_reasons(tmp_path: Path) -> None:
    """A student of this size as its own judge: nothing can be read of what it says."""
    settings = [
        "generate.source={use: tasks, of: {use: drills, per_family: 10, families: [up, last]}}",
        "generate.stages=[{use: candidates, count: 4, sampling: {temperature: 1.0, max_tokens: 12}},"
        " {use: judge, teacher: judge, tries: 1, prompt: " + str(tmp_path / "judge.j2") + ","
        " sampling: {temperature: 1.0, max_tokens: 12}}, {use: rank}]",
        "evaluate.check=null",
    ]
    (tmp_path / "judge.j2").write_text(
        "{{ instruction[:4] }}{{ input[:0] }}{{ answer[:4] }}{{ reply[:0] }}{{ highest }}"
    )
    report = go("loop_self_rewarding", tmp_path / "out", *settings)
    assert report.status == "no_yield"
    dropped = [r.drop for r in rejected_records(tmp_path / "out/rounds/1/generate") if r.drop]
    assert {drop.reason for drop in dropped} == {"unjudged"}
    assert all("judgements could be read" in (drop.detail or "") for drop in dropped)


def test_every_shipped_training_section_is_one_the_trainer_takes() -> None:
    config: Any = pytest.importorskip("synthgen_train.config", reason="the train extra is not installed")
    from synthgen import assets
    from synthgen.loop.recipe import longest, of_round

    for name in assets.names("recipes"):
        section = load(name).config.train if name.startswith("loop_") else None
        if section is None or section.use != "synthgen_train":
            continue
        for number in range(longest(section.settings) + 1):
            values = {**section.settings, **({} if number else section.first), "data": "x.jsonl"}
            assert config.parse(of_round(values, number)).model == section.settings["model"]
