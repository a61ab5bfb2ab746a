"""The form of a judgement: reasoning, then a whole number of points."""

from __future__ import annotations

import re

from synthgen.forms.parsed import Parsed
from synthgen.forms.structured import JsonForm

_SCORE = re.compile(
    r"\b(?:score|total|rating)\b[^\d\n]{0,24}?(?:[\d +]{1,40}= {0,2})?"
    r"(-?\d{1,4}(?:\.\d{1,4})?)(?! {0,2}[+\d])(?: {0,2}(?:/|out of) {0,2}(\d{1,4}))?",
    re.IGNORECASE,
)


def score_form(highest: int) -> JsonForm:
    """The form that asks for 0 to `highest` points. In free text the last number that is called a score counts.

    A number beyond the scale, with a fraction, or given on another scale (`8/10`) is not read as a score.
    """
    points = [str(n) for n in range(highest + 1)]
    words = {form: n for n in points for form in (n, f"{n}.0", f"{n}/{highest}", f"{n} out of {highest}")}

    def fallback(text: str, cut: bool) -> Parsed:
        found = [(m[1], m[2]) for m in _SCORE.finditer(text)]
        if cut or not found or found[-1][1] not in (None, str(highest)):
            return Parsed()
        return Parsed(({"reasoning": text.strip(), "score": found[-1][0]},))

    return JsonForm(
        name="score",
        sentence='Reply with one JSON object and nothing else, of this shape: {"reasoning": "...", "score": "..."}. The'
        f' "score" is a whole number from 0 to {highest}.',
        fields=("reasoning", "score"),
        required=("score",),
        words=words,
        fallback=fallback,
    )
