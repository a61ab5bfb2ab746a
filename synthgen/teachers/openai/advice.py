"""What to do when a run stops because of its teacher: one error for each cause, each with the next step."""

from __future__ import annotations

import math
from collections.abc import Sequence

from synthgen.errors import ConfigError, TeacherError
from synthgen.teachers.openai.problems import Kind, Problem
from synthgen.text import nearest

GO_ON = "What is paid for is in the journal: the same command goes on from here."
ASK_ANEW = "Rejected requests are asked again by a run with another --out and --reuse of this one."


def missing_key(variable: str) -> TeacherError:
    """There is no key, and OpenAI needs one."""
    return TeacherError(
        f"there is no API key: the environment variable {variable} is not set",
        hint=f"three ways on:\n"
        f"    1. export {variable}=…  (or a line {variable}=… in a file .env beside the config)\n"
        f"    2. a server of your own needs no key:  teacher: {{use: openai, base_url: http://localhost:8000/v1}}\n"
        f"    3. no server at all, built-in programs write the tasks:  teacher: {{use: procedural}}",
    )


def unreachable(
    names: Sequence[str],
    problem: str,
    waited_s: float,
    kind: Kind = "unreachable",
    *,
    proxied: bool = False,
    money: bool = False,
) -> TeacherError:
    """No server has given a usable reply for too long. `money`: it speaks of the account's quota, too."""
    if kind == "refused" and money:
        step = "the account's quota or balance seems to be spent: add to it, or wait."
    elif kind == "refused":
        step = "it answers, but takes no request: wait, lower rpm or tpm, or raise the limit there."
    elif kind == "timed_out":
        step = "the server takes requests and does not answer in time: look at its log, or raise timeout_s."
    elif kind == "unreachable" and proxied:
        step = "is the proxy right? NO_PROXY=HOST goes past it. Is base_url right (host, port, /v1)?"
    else:
        step = "is the server running, and is base_url right (host, port, /v1)?"
    return TeacherError(
        f"no usable reply from {' or '.join(names)} for {waited_s:.0f} s; the last problem: {problem}",
        hint=f"{step} {GO_ON}",
    )


def waits_too_long(
    names: Sequence[str], problem: str, asked_s: float, patience_s: float, *, today: bool = False
) -> TeacherError:
    """A limit whose end is further away than the run waits for anything. `today`: it is one per day or longer."""
    until = f"for {duration(asked_s)}" if math.isfinite(asked_s) else "without saying until when"
    if today and math.isinf(asked_s):
        until = "before its limit per day begins anew"
    return TeacherError(
        f"{' or '.join(names)} takes no request {until}: {problem}",
        hint=f"a longer wait than give_up_after_s ({patience_s:.0f} s) ends the run. Run it again later, or raise the"
        f" limit there, or give_up_after_s. {GO_ON}",
    )


def nearly_all(names: Sequence[str], count: int, problem: str) -> TeacherError:
    """So many requests in a row were rejected that it is no longer single records."""
    return TeacherError(
        f"{' or '.join(names)} answered none of the last {count} requests, but a plain question; the last problem:"
        f" {problem}",
        hint=f"fix what it names: sampling, api, the prompt or the rows of the dataset. {GO_ON} {ASK_ANEW}",
    )


def refused(
    problem: Problem, name: str, variable: str, *, plainly: Problem | None = None, setting: str | None = None
) -> TeacherError | ConfigError:
    """A refusal that trying again does not change. (A missing model is `no_model`.)

    `plainly` is what a plain question of the same kind was answered, `setting` one that the message blames.
    """
    said = f"{name} answered {problem.said}"
    if plainly is not None:
        same = plainly.said == problem.said
        said += "; it takes a plain question with these settings no more than this request" + (
            "" if same else f" ({plainly.said})"
        )
    if problem.quota_spent and not problem.too_large:
        return TeacherError(said, hint=f"the account's quota or balance is spent: add to it, or wait. {GO_ON}")
    if problem.key_refused:
        return TeacherError(said, hint=f"the key in {variable} is missing, wrong or revoked: set another. {GO_ON}")
    if problem.status == 403:
        return TeacherError(
            said, hint=f"the key in {variable} may not use this model or this server (project, region). {GO_ON}"
        )
    if problem.status == 407:
        return TeacherError(said, hint="the proxy wants a login: http_proxy=http://USER:PASSWORD@HOST:PORT")
    if 300 <= problem.status < 400:
        return TeacherError(said, hint="the server has moved or wants another scheme: fix base_url")
    if problem.too_large:
        return TeacherError(said, hint=f"no wait helps: lower max_tokens, or raise the limit there. {GO_ON}")
    if setting is not None:
        where = "the tools of the records" if setting == "tools" else f"{setting} out of sampling"
        return TeacherError(said, hint=f"the server does not know it: take {where}. {GO_ON}")
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
            f"{name} offers {model}, but not at {path} (HTTP 404)"
            + (f": {problem.message}" if problem and problem.message else ""),
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
    near = nearest(model, offered)
    shown = ", ".join(offered[:20]) + (f" and {len(offered) - 20} more" if len(offered) > 20 else "")
    return (f"did you mean {near!r}? " if near else "") + (f"it has: {shown}." if offered else "it lists none.")


def duration(seconds: float) -> str:
    """About so long, in words: `45 s`, `12 min`, `3 h`, `2 days`, `more than a year`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * 86400:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.0f} days" if seconds < 366 * 86400 else "more than a year"
