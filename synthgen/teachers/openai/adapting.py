"""What a server turns out not to understand, of the things that synthgen itself puts into a request."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from synthgen.exchange import Completion, Request
from synthgen.teachers.openai.bodies import Dialect, has_system
from synthgen.teachers.openai.problems import Problem
from synthgen.unusable import is_free_text

log = logging.getLogger("synthgen.teachers.openai")


@dataclass(frozen=True, slots=True)
class Sent:
    """Which of these things a body held."""

    schema: bool = False
    n: bool = False
    system: bool = False
    stream: bool = False
    stream_options: bool = False

    @classmethod
    def of(cls, request: Request, dialect: Dialect, *, schema: bool) -> Sent:
        """What a body of this request held for a server that speaks this dialect."""
        return cls(
            request.response_format is not None and dialect.response_format and schema,
            (request.sampling.n or 1) > 1 and dialect.n,
            dialect.system and has_system(request),
            dialect.stream,
            dialect.stream and dialect.stream_options,
        )


def learned(dialect: Dialect, sent: Sent, problem: Problem) -> str | None:
    """What to tell of the server, whose dialect is changed; empty where another request has found it out before.

    None where the problem is none of these.
    """
    wanted = problem.max_tokens_name
    if wanted is not None and dialect.learn_max_tokens(wanted):
        return ""
    if sent.schema and problem.unknown_response_format:
        known, dialect.response_format = not dialect.response_format, False
        return "" if known else "takes no JSON schema ({words}): going on without"
    if sent.n and problem.unknown_n:
        known, dialect.n = not dialect.n, False
        return "" if known else "takes no n ({words}): asking for one choice at a time"
    if sent.stream_options and problem.unknown_stream_options:
        dialect.stream_options = False
        return ""
    if not sent.stream and problem.wants_stream:
        known, dialect.stream = dialect.stream, True
        return "" if known else "gives streams alone ({words}): asking for them"
    if sent.system and problem.unknown_system:
        known, dialect.system = not dialect.system, False
        return "" if known else "takes no system message ({words}): its text goes into the user's message"
    return None


def watch_schemas(dialect: Dialect, name: str, completion: Completion) -> None:
    """Says once whether a server that takes schemas keeps to them; those that do not are asked on as they are."""
    text = completion.text.strip()
    if dialect.keeps_schemas is None and text:
        dialect.keeps_schemas = not is_free_text(completion.choices[0])
        if not dialect.keeps_schemas:
            log.warning(
                "%s takes a JSON schema and does not keep to it: replies are read as they come, and counted", name
            )
