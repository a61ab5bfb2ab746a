"""Keys and values that no header can carry: one message that says where and what to do, and never the key."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from synthgen.errors import TeacherError
from synthgen.teachers.openai import OpenAI
from synthgen.teachers.openai.access import fault_in_key, fault_in_value

LOCAL = "http://localhost:1/v1"


def refused(**settings: Any) -> str:
    with pytest.raises(TeacherError) as caught:
        asyncio.run(OpenAI(**{"base_url": LOCAL, "model": "m", **settings}).open())
    return f"{caught.value.message} → {caught.value.hint}"


@pytest.mark.parametrize(
    ("key", "where", "step"),
    [
        ("\u201csk-planted\u201d", "(U+201C at 1)", "without typographic quotes"),
        ("sk-planted\u200b", "(U+200B at 11)", "invisible"),
        ("sk-\u00a0planted", "(U+00A0 at 4)", "invisible"),
        ("sk-pla\nnted", "(U+000A at 7)", "in one line"),
        ("sk-pla\tnted", "(U+0009 at 7)", "in one line"),
        ("sk pla nted", "(U+0020 at 3)", "without spaces"),
        ("Bearer sk-planted", "(U+0020 at 7)", "leave out the word Bearer"),
        ("'sk-planted'", "(U+0027 at 1)", "without the quotes"),
        ("sk-pl\u0430nted", "(U+0430 at 6)", "copy it anew"),
    ],
)
def test_a_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str, where: str, step: str) -> None:
    from synthgen.cli.doctor import _findings

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", key)
    said = refused()
    assert f"the key in OPENAI_API_KEY holds a character that no key has {where}" in said
    [found] = [f for f in _findings("none.yaml") if f.what == "key OPENAI_API_KEY"]
    assert found.ok is False
    for text in (said, found.found):
        assert where in text
        assert step in text
        assert "planted" not in text
        assert "nted" not in text


def test_a_header_an_organization_and_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENANT", "caf\u00e9-planted")
    assert "the header X-Tenant holds a character that no header can carry (U+00E9 at 4)" in refused(
        headers={"X-Tenant": "${TENANT}"}
    )
    assert "organization holds" in refused(organization="org\u201d")
    assert "project holds" in refused(project="p\n1")
    assert "is no header's name" in refused(headers={"X Tenant": "a"})
    assert "the password in base_url holds" in refused(base_url="http://user:pa%E2%80%9Css@localhost:1/v1")


def test_what_is_right_is_let_through() -> None:
    assert fault_in_key("sk-proj-AbC_123.~!$+/=") is None
    assert fault_in_value("Token abc, def; q=1\tx") is None
    asyncio.run(_opens(base_url="http://us%C3%A9r:p%20w@localhost:1/v1", headers={"X-A": "a b"}))


async def _opens(**settings: Any) -> None:
    teacher = OpenAI(model="m", **settings)
    await teacher.open()
    await teacher.close()
