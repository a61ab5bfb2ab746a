"""Checks before the first step: will the student stop, and is what it learns what was meant?

The loss cannot show it. A base tokenizer whose stop token is not the one that ends the template's turns trains to the
same loss and never stops; so does a row that the length limit has cut. All of this is known before training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from synthgen.errors import SynthgenError
from synthgen_train.examples import IGNORED, Example, Examples
from synthgen_train.loading import context_of, stop_ids

SAMPLE = 200
"""How many examples are looked at one by one."""


class PreflightError(SynthgenError):
    """Training would go wrong in a way that the loss does not show."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its name, whether it holds, what was seen, and what to do where it does not."""

    check: str
    ok: bool
    seen: str
    hint: str = ""


def inspect(model: Any, tokenizer: Any, made: Examples, max_length: int) -> list[Finding]:
    """All checks, in order; none raises."""
    sample = made.items[:SAMPLE]
    stops = stop_ids(model)
    return [
        _something_to_train(made),
        _ends_with_a_stop(sample, stops, tokenizer),
        _tokenizer_agrees(stops, tokenizer),
        _ids_fit(model, sample),
        _pad_is_not_the_stop(tokenizer, stops),
        _template_keeps(made),
        _text_is_text(made),
        _nothing_cut(made, max_length),
        _context(model, max_length),
    ]


def require(findings: Sequence[Finding], *, force: bool = False) -> None:
    """Does nothing where all checks hold, or where `force` says to go on all the same.

    Raises:
        PreflightError: naming each check that does not hold, with what to do.
    """
    failed = [f for f in findings if not f.ok]
    if failed and not force:
        lines = [f"{f.check}: {f.seen}\n  → {f.hint}" for f in failed]
        raise PreflightError("training would go wrong:\n" + "\n".join(lines), hint="--force trains all the same")


def _something_to_train(made: Examples) -> Finding:
    causes = ", ".join(f"{n} {cause}" for cause, n in sorted(made.left_out.items())) or "none left out"
    return Finding(
        "something to train on",
        made.trained > 0,
        f"{len(made.items)} examples of {made.records} records, {made.trained} trained tokens ({causes})",
        "look at why records were left out: too_long wants a larger max_length, no_answer an answered dataset",
    )


def _ends_with_a_stop(sample: Sequence[Example], stops: set[int], tokenizer: Any) -> Finding:
    wrong = [e for e in sample if _last_trained(e) not in stops]
    seen = "every last trained token is one"
    if wrong:
        last = _last_trained(wrong[0])
        shown = "none" if last is None else repr(tokenizer.decode([last]))
        names = [tokenizer.decode([s]) for s in sorted(stops)]
        seen = f"{len(wrong)} of {len(sample)} examples end with another, such as {shown}; generation ends at {names}"
    return Finding(
        "answers end with a stop token",
        not wrong,
        seen,
        "set the tokenizer's eos_token to the token that ends the template's turns, and generation_config with it",
    )


def _last_trained(example: Example) -> int | None:
    return next((label for label in reversed(example.labels) if label != IGNORED), None)


def _tokenizer_agrees(stops: set[int], tokenizer: Any) -> Finding:
    return Finding(
        "tokenizer and generation config agree",
        tokenizer.eos_token_id in stops,
        f"the tokenizer ends at {tokenizer.eos_token!r} ({tokenizer.eos_token_id}), generation at {sorted(stops)}",
        "set model.generation_config.eos_token_id to the tokenizer's",
    )


def _ids_fit(model: Any, sample: Sequence[Example]) -> Finding:
    rows = int(model.get_input_embeddings().weight.shape[0])
    largest = max((max(e.input_ids) for e in sample), default=0)
    return Finding(
        "token ids fit the model",
        largest < rows,
        f"the largest id is {largest}, the embedding has {rows} rows",
        "model.resize_token_embeddings(len(tokenizer)), or use the model's own tokenizer",
    )


def _pad_is_not_the_stop(tokenizer: Any, stops: set[int]) -> Finding:
    # Labels are padded by position here, so an equal pad token loses nothing in training; but a pad token that is
    # missing altogether cannot be batched.
    return Finding(
        "there is a pad token",
        tokenizer.pad_token_id is not None,
        f"pad is {tokenizer.pad_token!r}" + (" (also a stop token)" if tokenizer.pad_token_id in stops else ""),
        "give the tokenizer a pad_token of its own",
    )


def _template_keeps(made: Examples) -> Finding:
    lost = made.left_out["template"]
    why = f", such as: {made.why['template']}" if lost else ""
    return Finding(
        "the template keeps every answer",
        lost <= made.records / 2,
        f"{lost} of {made.records} records left out that it refuses or changes{why}" if lost else "it changes none",
        "the template refuses a role, rewrites earlier turns or drops text, such as calls of tools; "
        "template: chatml takes any dialogue",
    )


def _text_is_text(made: Examples) -> Finding:
    held = ", ".join(f"{token} in {n}" for token, n in made.literal.most_common(3))
    lost = made.left_out["special_token"]
    return Finding(
        "control tokens in texts stay text",
        lost <= made.records / 2,
        (f"records that write one out: {held}; {lost} of them left out" if held else "no record writes one out"),
        "the tokenizer cannot spell its control tokens as text: take them out of the records",
    )


def _nothing_cut(made: Examples, max_length: int) -> Finding:
    long = made.left_out["too_long"]
    return Finding(
        "no row is cut",
        long <= made.records / 2,
        f"{long} of {made.records} records are beyond {max_length} tokens and left out whole",
        "raise max_length: more than half of the data would be lost",
    )


def _context(model: Any, max_length: int) -> Finding:
    own = context_of(model)
    return Finding(
        "max_length is within the model's context",
        own is None or max_length <= own,
        f"max_length {max_length}, context {own}",
        "lower max_length",
    )
