from __future__ import annotations

from pathlib import Path

import pytest

from synthgen.config import load
from synthgen.errors import ConfigError
from synthgen.loop import load as load_loop

KEY = "sk-test-1234567890abcdef"
RECIPE = """\
name: c
source: {{use: dataset, path: rows.jsonl}}
teacher:
  use: openai
  model: m
  {setting}
stages: [{{use: respond}}]
"""


def written(folder: Path, setting: str) -> Path:
    (folder / "rows.jsonl").write_text('{"instruction": "Name a river."}\n')
    (folder / "c.yaml").write_text(RECIPE.format(setting=setting))
    return folder / "c.yaml"


@pytest.mark.parametrize(
    ("setting", "key", "hint"),
    [
        (f"headers: {{X-Foo: {KEY}}}", "teacher.headers.X-Foo", "${NAME}"),
        (f"headers: {{X-Foo: '${{HOME}} {KEY}'}}", "teacher.headers.X-Foo", "${NAME}"),
        (f"headers: {{{KEY}: x}}", "teacher.headers", "environment"),
        (f"api_key_env: {KEY}", "teacher.api_key_env", "name of an environment variable"),
        (f"organization: {KEY}", "teacher.organization", "environment variables"),
        (f"sampling: {{extra: {{deep: [1, {{x: {KEY}}}]}}}}", "teacher.sampling.extra.deep.1.x", "take it out"),
        ("base_url: http://me:hunter2@localhost/v1", "teacher.base_url", "user:${NAME}@host"),
        ("base_url: [http://a/v1, 'http://b/v1?api_key=hunter2']", "teacher.base_url.1", "${NAME}"),
    ],
)
def test_a_secret_is_refused_with_its_place_and_never_said(tmp_path: Path, setting: str, key: str, hint: str) -> None:
    with pytest.raises(ConfigError, match="holds a secret in plain text") as caught:
        load(written(tmp_path, setting))
    error = caught.value
    assert (Path(str(error.file)), error.line, error.key) == (tmp_path / "c.yaml", 6, key)
    assert hint in str(error.hint)
    assert KEY not in f"{error} {error!r}"
    assert "hunter2" not in f"{error} {error!r}"


def test_it_is_found_before_anything_else_is_wrong_and_in_settings_of_the_command_line(tmp_path: Path) -> None:
    path = written(tmp_path, "timeout_s: many")
    with pytest.raises(ConfigError, match=r"^--set teacher\.headres: teacher\.headres\.X: holds a secret") as caught:
        load(path, [f"teacher.headres={{X: {KEY}}}"])
    assert KEY not in str(caught.value)


def test_all_of_them_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, f"{{api_key_env: {KEY}, organization: {KEY}}}".strip("{}").replace(", ", "\n  ")))
    assert str(caught.value).count("holds a secret in plain text") == 2


def test_a_broken_file_does_not_show_the_secret_in_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not valid YAML") as caught:
        load(written(tmp_path, f"headers: {{X: {KEY}"))
    error: BaseException | None = caught.value
    while error is not None:
        assert KEY not in f"{error} {error!r}"
        error = error.__cause__ or error.__context__


def test_what_is_no_secret_loads(tmp_path: Path) -> None:
    settings = "headers: {X-Team: data, Authorization: 'Bearer ${TOKEN}'}\n  organization: org-AbCdEf1234567890AbCdEf12"
    assert load(written(tmp_path, settings)).config.name == "c"


def test_a_loop_is_looked_at_too(tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").write_text(f"seeds: {{use: drills}}\nstudent: {{use: vllm, hub_token: {KEY}}}\n")
    with pytest.raises(ConfigError, match=r"student\.hub_token: holds a secret"):
        load_loop(tmp_path / "loop.yaml")
