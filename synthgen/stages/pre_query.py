"""The stage that has a student write tasks unprompted: it is given its own template up to where a user would speak."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from synthgen.checkpoints.gguf import gguf_at, is_gguf, read_header
from synthgen.errors import ConfigError, PromptError
from synthgen.forms.reply_problems import choices_of, detail, sentence, why_again, why_unusable
from synthgen.prompting.foreign import render_foreign
from synthgen.protocols import Context, Preparation, Stage, Teacher, teacher_named
from synthgen.records import Drop, Provenance, Record
from synthgen.requests.request import Choice, Completion, Sampling, written_by
from synthgen.requests.template_tokens import find_token, without_ends
from synthgen.safety.outward import logger

log = logger("synthgen.stages.pre_query")

ROUND = 1_000_000
"""Attempts of one round: the next round's have numbers of their own, or the same teacher would write the same again."""

_USER = "\ue000"  # a private character, which no template holds
_GENERATION = re.compile(r"\{%-?\s*(?:end)?generation\s*-?%\}")


class PreQuery(Stage, BaseModel):
    """Samples `count` texts an attempt and makes them records: Magpie's pre-query generation (arXiv:2406.08464).

    A text is a task, then maybe what the template puts between task and answer, then the answer. Where the student
    stops behind the task (a template whose user turn has a stop token), the record has no output yet: a `respond` stage
    asks for it. Task and input are told apart at the first blank line.

    `before` and `between` are what stands before the task and between task and answer; without them they are read from
    the chat template of the teacher's checkpoint or GGUF file (its `path`). `openings` start the tasks, attempt by
    attempt in turn, to lead the student to what it writes too rarely. Where none of an attempt's texts can be used,
    they are asked for again, `tries` times in all. Drops: `empty_reply`, `truncated`, `refused`, `template_token`,
    `context_length`, `server_error`, `timeout`.
    """

    model_config = ConfigDict(extra="forbid")

    teacher: str = "teacher"
    count: int = Field(16, ge=1)
    sampling: Sampling = Sampling(temperature=1.0, max_tokens=512)
    before: str | None = None
    between: str | None = None
    openings: tuple[str, ...] = ()
    tries: int = Field(3, ge=1)

    _asked: Teacher = PrivateAttr()
    _before: str = PrivateAttr("")
    _between: str = PrivateAttr("")

    @property
    def expected(self) -> int:
        """How many records an attempt yields."""
        return self.count

    def prepare(self, preparation: Preparation) -> None:
        """Takes the teacher and finds its template.

        Raises:
            ConfigError: the teacher has no template and the stage does not say what stands before a task.
        """
        self._asked = teacher_named(self.teacher, preparation.teachers)
        for opening in self.openings:
            if opening != opening.rstrip(" "):
                log.warning(
                    "the opening %r ends with a space: most tokenizers have it at the beginning of the next word, and "
                    "after it alone a model goes on with digits",
                    opening,
                )
        if self.before is not None:
            self._before, self._between = self.before, self.between or ""
            return
        path = self._asked.path
        if path is None:
            raise ConfigError(
                "the teacher has no checkpoint to read a chat template from",
                key="before",
                hint="say what stands before a task and between task and answer: before: …, between: …",
            )
        self._before, self._between = around_task(path, Path(preparation.base))
        if self.between is not None:
            self._between = self.between

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The records that came in, and the new ones."""
        opening = self.openings[ctx.attempt % len(self.openings)] if self.openings else ""
        completion = await ctx.ask(
            self._before + opening,
            sampling=self.sampling.model_copy(update={"n": self.count if self.count > 1 else None}),
            api="completions",
            sample=ctx.round * ROUND + ctx.attempt,
            teacher=self.teacher,
            check=lambda completion: why_again(completion, _fault),
            tries=self.tries,
        )
        return records + [self._record(opening, choice, completion) for choice in choices_of(completion)]

    def _record(self, opening: str, choice: Choice, completion: Completion) -> Record:
        provenance = Provenance(model=written_by(completion.model, self._asked.model), requests=completion.keys)
        text = opening + (choice.text or "")
        task, answered, answer = text.partition(self._between) if self._between else (text, "", "")
        instruction, _, given = without_ends(task.strip()).partition("\n\n")
        record = Record(
            instruction=instruction.strip(),
            input=given.strip(),
            output=without_ends(answer.strip()) if answered else None,
            provenance=provenance,
        )
        reason = _fault(choice)
        if reason is not None:
            return record.dropped(reason, detail=detail(reason, completion, sentence(reason, choice)))
        token = find_token(record.instruction) or find_token(record.input) or find_token(record.output or "")
        if token is not None:
            return record.dropped(Drop("template_token", detail=f"{token} stands in it: another turn follows"))
        if not instruction.strip() or (answered and not answer.strip()):
            return record.dropped(Drop("empty_reply", detail="there is no task" if not instruction else "no answer"))
        return record


def _fault(choice: Choice) -> str | None:
    """Why a text cannot be used; the template's own tokens may part task and answer in it."""
    reason = why_unusable(choice)
    return None if reason == "template_token" else reason


def around_task(path: str | Path, base: Path = Path()) -> tuple[str, str]:
    """What the chat template at a checkpoint's path puts before the user's first text, and between it and the answer.

    The stop token behind a user turn is part of the second. A GGUF file's path starts from `base`.

    Raises:
        ConfigError: there is no chat template, or it cannot be rendered.
    """
    tokens, template = _of_gguf(gguf_at(str(path), base)) if is_gguf(str(path)) else _template(Path(path))
    variables = {"messages": [{"role": "user", "content": _USER}], "add_generation_prompt": True, **tokens}
    try:
        rendered = render_foreign(_GENERATION.sub("", template), variables)
    except PromptError as error:
        raise ConfigError(
            f"the chat template of {path} cannot be rendered: {error.message}",
            hint="set before: and between: on pre_query",
        ) from error
    before, found, between = rendered.partition(_USER)
    if not found or not before:
        raise ConfigError(
            f"the chat template of {path} puts nothing before the user's text", hint="set before: on pre_query"
        )
    return before, between


def _of_gguf(file: Path) -> tuple[dict[str, str], str]:
    """The special tokens and the chat template in a GGUF file."""
    header = read_header(file)
    if header.chat_template is None:
        raise ConfigError(f"{file.name} has no chat template", hint="set before: and between: on pre_query")
    return {"bos_token": header.bos, "eos_token": header.eos, "pad_token": ""}, header.chat_template


def _template(folder: Path) -> tuple[dict[str, str], str]:
    """The special tokens and the chat template in a checkpoint's folder."""
    path, own = folder / "tokenizer_config.json", folder / "chat_template.jinja"
    try:
        settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        template = own.read_text(encoding="utf-8") if own.is_file() else None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"the tokenizer of {folder} cannot be read: {type(error).__name__}: {error}",
            hint="set before: and between: on pre_query",
        ) from error
    settings = settings if isinstance(settings, dict) else {}
    template = settings.get("chat_template") if template is None else template
    if isinstance(template, list):  # several by name, as checkpoints with tools have them
        named = {one.get("name"): one.get("template") for one in template if isinstance(one, dict)}
        template = named.get("default")
    if not isinstance(template, str):
        raise ConfigError(f"{folder} has no chat template", hint="set before: and between: on pre_query")
    return {name: _token(settings.get(name)) for name in ("bos_token", "eos_token", "pad_token")}, template


def _token(value: Any) -> str:
    text = value.get("content") if isinstance(value, dict) else value
    return text if isinstance(text, str) else ""
