"""What to do when a run stops because of its teacher: one error for each cause, each with the next step."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from synthgen.errors import ConfigError, TeacherError
from synthgen.teachers.openai.problems import Problem

GO_ON = "What is paid for is in the journal: the same command goes on from here."


def missing_key(variable: str) -> TeacherError:
    """There is no key, and OpenAI needs one."""
    return TeacherError(
        f"there is no API key: the environment variable {variable} is not set",
        hint=f"three ways on:\n"
        f"    1. export {variable}=…  (or a line {variable}=… in a file .env beside the config)\n"
        f"    2. a server of your own needs no key:  teacher: {{use: openai, base_url: http://localhost:8000/v1}}\n"
        f"    3. no server at all, built-in programs write the tasks:  teacher: {{use: procedural}}",
    )


def unreachable(names: Sequence[str], problem: str, waited_s: float) -> TeacherError:
    """No server has given a usable reply for too long."""
    return TeacherError(
        f"no usable reply from {' or '.join(names)} for {waited_s:.0f} s; the last problem: {problem}",
        hint=f"is the server running, and is base_url right (host, port, /v1)? {GO_ON}",
    )


def refused(problem: Problem, name: str, variable: str) -> TeacherError | ConfigError:
    """A refusal that trying again does not change. (A missing model is `no_model`.)"""
    said = f"{name} answered HTTP {problem.status}" + (f": {problem.message}" if problem.message else "")
    if problem.quota_spent:
        return TeacherError(said, hint=f"the account's quota or balance is spent: add to it, or wait. {GO_ON}")
    if problem.status == 401:
        return TeacherError(said, hint=f"the key in {variable} is missing, wrong or revoked: set another. {GO_ON}")
    if problem.status == 403:
        return TeacherError(
            said, hint=f"the key in {variable} may not use this model or this server (project, region). {GO_ON}"
        )
    if 300 <= problem.status < 400:
        return TeacherError(said, hint="the server has moved or wants another scheme: fix base_url")
    return TeacherError(
        said, hint=f"the server does not take what the config sends: fix sampling, api or the prompt. {GO_ON}"
    )


def no_model(model: str, name: str, offered: Sequence[str] | None, problem: Problem | None, path: str) -> TeacherError:
    """HTTP 404: the model is not there, or the page is not. `offered` is what the server lists, None if nothing."""
    if offered is None:
        return TeacherError(
            f"{name} has no page {path} (HTTP 404)" + (f": {problem.message}" if problem and problem.message else ""),
            hint="base_url usually ends in /v1",
        )
    if model in offered:
        return TeacherError(
            f"{name} offers {model}, but not at {path} (HTTP 404)",
            hint="choose another api: chat, completions or responses",
        )
    return TeacherError(f"{name} has no model {model!r}", hint=f"{_listed(model, offered)} {GO_ON}")


def which_model(name: str, offered: Sequence[str]) -> TeacherError:
    """The config names no model, and the server does not have just one."""
    if not offered:
        return TeacherError(f"{name} lists no model", hint="name one: teacher: {use: openai, model: …}")
    return TeacherError(
        f"{name} has {len(offered)} models, so the config must name one", hint="model: " + " | ".join(offered[:20])
    )


def _listed(model: str, offered: Sequence[str]) -> str:
    near = difflib.get_close_matches(model, offered, n=1)
    shown = ", ".join(offered[:20]) + (f" and {len(offered) - 20} more" if len(offered) > 20 else "")
    return (f"did you mean {near[0]!r}? " if near else "") + (f"it has: {shown}." if offered else "it lists none.")
