from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pyarrow.parquet as pq
import pytest
from terminal import Synthgen

from synthgen.config import schema

CONFIG = """\
name: mine
target: 12
teacher: {use: procedural, flaws: 0.3}
source: {use: seeds, human: 3, machine: 2}
stages:
  - {use: generate, prompt: alpaca/tasks, sampling: {max_tokens: 3000, temperature: 1}}
  - {use: length, min_words: 4}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


def test_init_makes_a_project_that_runs_at_once(tmp_path: Path, synthgen: Synthgen, shell: Synthgen) -> None:
    done = synthgen("init", "sea_tasks")
    assert "next: cd sea_tasks && synthgen run" in done.stdout
    project = tmp_path / "sea_tasks"
    written = {path.name for path in project.iterdir()}
    assert written == {"config.yaml", "filters.py", ".env.example", ".gitignore", "synthgen.schema.json"}
    assert json.loads((project / "synthgen.schema.json").read_text()) == schema()
    first_line = (project / "config.yaml").read_text().splitlines()[0]
    assert first_line == "# yaml-language-server: $schema=./synthgen.schema.json"
    report = json.loads(shell("run", "--json", cwd=project).stdout)
    assert (report["status"], report["accepted"], report["folder"]) == ("done", 100, "outputs/sea_tasks")
    assert "max_links" in [flow["stage"] for flow in report["funnel"]]
    (project / "rows.jsonl").write_text('{"instruction": "See https://a.example and answer", "output": "yes"}\n')
    source = ("--set", "source.use=dataset", "--set", "source.path=rows.jsonl", "--set", "stages.generate.use=empty")
    rejected = json.loads(synthgen("run", *source, "--out", "other", "--json", cwd=project, code=3).stdout)
    assert rejected["funnel"][-2]["dropped"] == {"too_many_links": 1}


def test_init_overwrites_nothing(tmp_path: Path, synthgen: Synthgen) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "filters.py").write_text("mine")
    assert "filters.py already" in synthgen("init", "old", code=2).stderr
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["filters.py"]
    assert "cannot be a project's name" in synthgen("init", "two words", code=2).stderr
    (tmp_path / "file").write_text("")
    assert synthgen("init", "file/project", code=2).stderr.startswith("error: cannot write")


def test_init_ends_one_that_was_cut_off(tmp_path: Path, synthgen: Synthgen) -> None:
    synthgen("init", "mine")
    whole = {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()}
    (tmp_path / "mine" / "filters.py").unlink()
    (tmp_path / "mine" / "synthgen.schema.json").write_bytes(b"")
    synthgen("init", "mine")
    assert {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()} == whole


def test_init_works_in_the_current_folder(tmp_path: Path, synthgen: Synthgen) -> None:
    assert "next: synthgen run" in synthgen("init", ".").stdout
    assert (tmp_path / "config.yaml").exists()


def test_check_shows_the_first_prompt_and_the_plan_and_writes_nothing(config: Path, synthgen: Synthgen) -> None:
    plan = synthgen("check").stdout
    for words in (
        "first request, to teacher (procedural-",
        "You write tasks that teach a language model",
        "stages       generate, length",
        "target       12 records",
        "requests     2 to 6",
        "window       4 attempts",
    ):
        assert words in plan
    assert [path.name for path in config.iterdir()] == ["config.yaml"]


def test_check_as_json(config: Path, synthgen: Synthgen) -> None:
    price = ("--set", "teacher.use=openai", "--set", "teacher.model=m", "--set", "teacher.price={input: 1, output: 2}")
    plan = json.loads(synthgen("check", "--json", *price).stdout)
    assert plan["first_request"]["sampling"] == {"temperature": 1.0, "max_tokens": 3000}
    assert plan["first_request"]["messages"][0]["role"] == "user"
    assert plan["estimate"]["requests"] == {"least": 1.5, "most": 6.0}
    assert 0 < plan["estimate"]["usd"]["least"] < plan["estimate"]["usd"]["most"]
    assert plan["config"]["stages"][1]["max_words"] is None


def test_check_finds_what_would_go_wrong_in_the_first_attempt(config: Path, synthgen: Synthgen) -> None:
    (config / "prompts").mkdir()
    (config / "prompts" / "mine.j2").write_text("{{ demonstration }}")
    done = synthgen("check", "--set", "stages.generate.prompt=mine", code=2)
    assert "mine.j2:1" in done.stderr
    assert "did you mean 'demonstrations'" in done.stderr


def test_check_of_a_run_that_asks_nobody(config: Path, synthgen: Synthgen) -> None:
    (config / "rows.jsonl").write_text('{"instruction": "a b", "output": "c"}\n')
    (config / "config.yaml").write_text("source: {use: dataset, path: rows.jsonl}\nstages: [{use: empty}]\n")
    plan = synthgen("check").stdout
    assert "none: the first attempt asks no teacher" in plan
    assert "until the source is exhausted" in plan


def test_preview_shows_a_few_records_and_begins_no_run(config: Path, synthgen: Synthgen) -> None:
    done = synthgen("preview", "-n", "2")
    assert done.stdout.count("accepted\n") == 2
    assert "  instruction: " in done.stdout
    assert "2 accepted, " in done.stdout.splitlines()[-1]
    assert [path.name for path in (config / "outputs").iterdir()] == [".preview"]


def test_what_a_preview_has_bought_is_not_bought_again(config: Path, synthgen: Synthgen) -> None:
    bought = json.loads(synthgen("preview", "--json").stdout)["requests"]["bought"]
    another = json.loads(synthgen("preview", "-n", "5", "--json").stdout)["requests"]
    assert (another["bought"], another["replayed"]) == (0, bought)
    requests = json.loads(synthgen("run", "--json").stdout)["requests"]
    assert requests["reused"] == bought > 0
    assert requests["bought"] > 0


def test_preview_takes_the_replies_that_the_run_has_already(config: Path, synthgen: Synthgen) -> None:
    bought = json.loads(synthgen("preview", "--json").stdout)
    assert len(bought["accepted"]) == 3
    assert bought["requests"]["bought"] > 0
    synthgen("run")
    again = json.loads(synthgen("preview", "--json").stdout)
    assert again["requests"]["bought"] == 0
    assert [r["instruction"] for r in again["accepted"]] == [r["instruction"] for r in bought["accepted"]]
    rows = pq.read_table(config / "outputs/mine/dataset/data").to_pylist()
    assert [row["instruction"] for row in rows[:3]] == [r["instruction"] for r in again["accepted"]]


def test_preview_of_nothing_but_rejects(config: Path, synthgen: Synthgen) -> None:
    limits = ("--set", "stages.length.min_words=999", "--set", "stop.attempts=1")
    done = synthgen("preview", *limits, code=3)
    assert "rejected by length: too_short" in done.stdout


def test_explain_export_and_stats_read_a_run_by_name_or_path(config: Path, synthgen: Synthgen) -> None:
    synthgen("run")
    row = pq.read_table(config / "outputs/mine/dataset/data").to_pylist()[0]
    told = synthgen("explain", "mine", row["id"]).stdout
    assert row["instruction"].splitlines()[0] in told
    assert "demonstrations shown" in told
    story = json.loads(synthgen("explain", "--json", "outputs/mine", "--", row["instruction"]).stdout)
    assert story["stories"][0]["record"]["id"] == row["id"]
    synthgen("explain", "mine", "nothing like this is in the dataset", code=1)
    assert "12 accepted" in synthgen("stats", "mine").stdout
    assert json.loads(synthgen("stats", "mine", "--json").stdout)["accepted"] == 12
    done = synthgen("export", "mine", "alpaca", "messages")
    assert "outputs/mine/exports/alpaca/train.json: 12 records" in done.stdout
    assert len((config / "outputs/mine/exports/messages/train.jsonl").read_text().splitlines()) == 12
    assert "there is no export 'alpacca'" in synthgen("export", "mine", "alpacca", code=2).stderr
    assert "does not exist" in synthgen("stats", "nothing", code=1).stderr


def test_verify_names_the_files_that_are_not_as_they_were_written(config: Path, synthgen: Synthgen) -> None:
    synthgen("run")
    assert synthgen("verify", "mine").stdout.endswith("files are as they were written\n")
    (config / "outputs/mine/rejected.parquet").unlink()
    (config / "outputs/mine/dataset/README.md").write_text("another")
    done = synthgen("verify", "mine", code=3)
    assert done.stdout == "changed  dataset/README.md\nmissing  rejected.parquet\n"
    assert json.loads(synthgen("verify", "mine", "--json", code=3).stdout)["missing"] == ["rejected.parquet"]


def test_schema_is_a_json_schema(synthgen: Synthgen) -> None:
    printed = json.loads(synthgen("schema").stdout)
    jsonschema.Draft7Validator.check_schema(printed)
    assert printed == schema()


def test_doctor_says_what_is_there_and_never_what_a_key_is(config: Path, synthgen: Synthgen) -> None:
    done = synthgen("doctor", OPENAI_API_KEY="sk-very-secret")
    assert "key OPENAI_API_KEY" in done.stdout
    assert "sk-very-secret" not in done.stdout + done.stderr
    findings = json.loads(synthgen("doctor", "--json").stdout)["findings"]
    found = {finding["what"]: finding for finding in findings}
    assert found["config"]["ok"] is True
    assert found["key OPENAI_API_KEY"] == {"what": "key OPENAI_API_KEY", "found": "not set", "ok": None}
    assert found["output"]["ok"] is True
    assert {"extra hub", "extra vllm", "disk", "python"} <= found.keys()
    (config / "config.yaml").write_text("nothing: 1")
    assert "!! config" in synthgen("doctor", code=1).stdout


def test_version_and_usage_errors(synthgen: Synthgen) -> None:
    assert synthgen("--version").stdout.startswith("synthgen 0.")
    assert "Usage: synthgen" in synthgen(code=2).stdout + synthgen(code=2).stderr
    assert "No such command" in synthgen("rnu", code=2).stderr
    assert "--nonsense" in synthgen("run", "--nonsense", code=2).stderr
    assert synthgen("run", "--target", "0", code=2).stderr


def test_a_run_that_reuses_another_takes_a_previews_replies_too(config: Path, synthgen: Synthgen) -> None:
    synthgen("run", "--out", "old", "--set", "seed=5")
    bought = json.loads(synthgen("preview", "--json").stdout)["requests"]["bought"]
    requests = json.loads(synthgen("run", "--reuse", "old", "--out", "new", "--json").stdout)["requests"]
    assert requests["reused"] == bought > 0


def test_a_preview_is_taken_over_by_its_own_path(config: Path, synthgen: Synthgen) -> None:
    bought = json.loads(synthgen("preview", "--json").stdout)["requests"]["bought"]
    wanted = ("--set", "target=3", "--set", "window=4", "--set", "name=other")
    requests = json.loads(synthgen("run", "--reuse", "outputs/.preview/mine", "--json", *wanted).stdout)["requests"]
    assert (requests["bought"], requests["reused"]) == (0, bought)


def test_a_preview_is_part_of_the_runs_budget(config: Path, synthgen: Synthgen) -> None:
    bought = json.loads(synthgen("preview", "--json").stdout)["requests"]["bought"]
    allowed, more = f"budget={{requests: {bought}}}", ("--set", "target=60", "--json")
    report = json.loads(synthgen("run", "--set", allowed, *more, code=4).stdout)
    assert (report["requests"]["bought"], report["requests"]["reused"]) == (0, bought)
    assert f"requests of previews: {bought}" in report["stopped_because"]
    report = json.loads(synthgen("run", "--set", f"budget={{requests: {bought + 1}}}", *more, code=4).stdout)
    assert report["requests"]["bought"] == 1
    report = json.loads(synthgen("preview", "-n", "30", "--set", allowed, "--json", code=4).stdout)
    assert report["requests"]["bought"] == 0


def test_what_was_asked_again_and_what_is_estimated_is_said(config: Path, synthgen: Synthgen) -> None:
    assert "asked again  not known before a preview" in synthgen("check").stdout
    (config / "teacher.py").write_text(
        "from synthgen import Choice, Completion\n"
        "class Mute:\n"
        "    model, sampling = 'mute', None\n"
        "    async def complete(self, request):\n"
        "        return Completion((Choice('' if request.retry == 0 else 'no list', 'papaya'),))\n"
    )
    mute = ("--set", "teacher={use: teacher.py:Mute}", "--set", "stop.attempts=2")
    said = synthgen("preview", *mute, code=3).stdout
    assert "asked again: 4 requests, " in said
    assert "tokens of 4 replies are estimated" in said
    assert "4 replies ended for a reason that is not known here" in said
    assert "asked again  4 requests, " in synthgen("check", *mute).stdout
    report = json.loads(synthgen("run", *mute, "--json", code=3).stdout)
    assert (report["asked_again"]["requests"], report["requests"]["retried"]) == (4, 4)
    assert report["requests"]["unknown_finish"] == 4
    assert 0.5 < report["asked_again"]["share"] <= 1
