"""Backslashes in the JSON strings of models: escapes, or LaTeX, paths and patterns that they forgot to escape.

JSON reads `\frac` as a form feed and `rac`, `\theta` as a tab and `heta`, and refuses `\\pi`. What is read here is what
was meant: an escape that JSON does not know is a backslash and its character; `\b` and `\f` before a letter are no
control characters; and `\n`, `\r`, `\t` are LaTeX where their letters are a command whose remainder nobody writes at
the start of a line (`\nabla`, `\right`, `\theta`), or one that might be written (`\nu`, `\to`) but stands in formulas.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from json.decoder import JSONDecodeError
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from typing import Any

_ESCAPE = re.compile(r"\\(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
_LETTERS = re.compile(r"[A-Za-z]*")
_STANDARD = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "'": "'"}
"""`\\'` is no escape of JSON, but one of the languages that models know better."""

_NAMES = {
    "sure": """
        nabla nearrow nwarrow newline newcommand nolimits nonumber noindent normalsize not notin nsubseteq nsupseteq
        nRightarrow nrightarrow nleftarrow nLeftarrow nLeftrightarrow nleftrightarrow nvdash nvDash nVdash ntriangleleft
        ntriangleright natural
        rho rangle rceil rfloor rbrace rbrack right rightarrow rightharpoonup rightharpoondown rightleftharpoons
        rightrightarrows rvert rVert ref renewcommand rtimes rhd root rule raisebox risingdotseq rgroup rmoustache
        theta times textbf textit texttt textrm textsf textsc textup textnormal textcolor textstyle textwidth tanh
        therefore thickapprox thicksim triangle triangleleft triangleright trianglelefteq trianglerighteq triangleq
        thinspace tiny title twoheadrightarrow twoheadleftarrow tilde toprule
    """,
    "perhaps": """
        nu ne neq ni neg nleq ngeq nless ngtr nmid nexists nparallel ncong nsim nprec nsucc notag
        rm to tan top tau text tag tfrac tbinom
    """,
}
_COMMANDS = frozenset(_NAMES["sure"].split())
_PERHAPS = frozenset(_NAMES["perhaps"].split())
"""Commands whose remainder (`u`, `o`, `an`, `ext`) may begin a line of prose or code."""
_NO_WORD_FOLLOWS = frozenset({"nu", "ne", "neq", "ni", "neg", "nleq", "ngeq", "to", "tau"})
"""Those whose remainder is no word of prose, so that spaces on both sides are enough."""
_VARIABLES = frozenset({"nu", "ni"})
"""Those of them whose remainder (`u`, `i`) is what code and formulas call a variable."""
_WITH_BRACES = frozenset({"text", "tag", "tfrac", "tbinom", "rm"})
_OPERATORS = frozenset(" ({[=+-*/^_,&|<>~$")

# A drive and its folders, each after one backslash.
_PATH = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]):((?:\\[A-Za-z0-9_.$~-][^\\\s\"'<>|*?:,;()]*){1,40})")
_DOLLARS = re.compile(r"(?<!\\)\$\$?")
_DELIMITER = re.compile(r"\\{1,2}([()\[\]])")


# What follows each backslash that needs a second look; empty where it is an escape that can be nothing else.
_DOUBTS = re.compile(
    r"\\(?:[\\\"/]|[nrt](?![a-zLRV])|u(?:[0-9a-cefA-CEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2})"
    r"|([nrt][A-Za-z]+|.))",
    re.DOTALL,
)
_DRIVE = re.compile(r":\\[nrt][A-Za-z]")


def is_doubtful(text: str) -> bool:
    """Whether JSON holds backslashes that may be meant otherwise than JSON reads them, or that it does not read."""
    doubts = set(_DOUBTS.findall(text)) - {""}
    odd = any(word[0] not in "nrt" or word in _COMMANDS or word in _PERHAPS for word in doubts)
    return odd or (":\\" in text and _DRIVE.search(text) is not None)


def unescaped(raw: str) -> str:
    """The text of a JSON string of which `raw` stands between the quotes."""
    return raw if "\\" not in raw else _String(raw).text()


class _String:
    """A JSON string with backslashes, and what in it tells how they are meant."""

    def __init__(self, raw: str) -> None:
        self.raw = raw
        self.escapes = list(_ESCAPE.finditer(raw))

    def text(self) -> str:
        parts: list[str] = []
        position = 0
        for escape in self.escapes:
            parts += self.raw[position : escape.start()], self._meant(escape)
            position = escape.end()
        return "".join(parts) + self.raw[position:]

    def _meant(self, escape: re.Match[str]) -> str:
        code = escape[1]
        if len(code) == 11:
            return bytes.fromhex(code[1:5] + code[7:]).decode("utf-16-be")
        if len(code) == 5:
            number = int(code[1:], 16)
            return "\ufffd" if 0xD800 <= number <= 0xDFFF else chr(number)
        if code not in _STANDARD or (code in "bfnrt" and self._literal(escape)):
            return escape[0]
        if code == "\\" and self._forgets and not self.raw[escape.end() : escape.end() + 1].isalpha():
            return escape[0]  # the line break of LaTeX, among commands with one backslash each
        return _STANDARD[code]

    def _literal(self, escape: re.Match[str]) -> bool:
        if self._in_path(escape.start()):
            return True
        letters = self._run(escape)
        if escape[1] in "bf":
            return len(letters) > 1 or self._forgets or self._patterns
        if letters in _COMMANDS:
            return True
        return letters in _PERHAPS and self._in_formula(escape, letters)

    def _run(self, escape: re.Match[str]) -> str:
        found = _LETTERS.match(self.raw, escape.start() + 1)
        return found.group() if found else ""

    def _in_formula(self, escape: re.Match[str], letters: str) -> bool:
        start, end = escape.start(), escape.start() + 1 + len(letters)
        before, after = self.raw[max(0, start - 1) : start], self.raw[end : end + 1]
        if letters in _WITH_BRACES and after == "{":
            return True
        if self._between_dollars(start) or self._between_delimiters(start):
            return True
        if letters in _NO_WORD_FOLLOWS and before == " " and (after in " _^" or after.isdigit()):
            return True
        if before in ("^", "_") or self.raw[max(0, start - 2) : start] in ("^{", "_{"):
            return True
        return self._forgets and (
            not before or before in _OPERATORS or (letters in _NO_WORD_FOLLOWS - _VARIABLES and before.isalnum())
        )

    def _between_dollars(self, position: int) -> bool:
        """Whether a `$` opens before and one closes after; `$$` on a line of its own opens a line, not a command."""
        number = bisect_right(self._dollars, position)
        if number % 2 == 0 or number == len(self._dollars):
            return False
        closing = self._dollars[number]
        own_line = self.raw[position - 2 : position] == "$$" and self.raw[closing - 2 : closing] == "\\n"
        return not own_line

    def _between_delimiters(self, position: int) -> bool:
        number = bisect_right(self._delimiters, (position, ""))
        return 0 < number < len(self._delimiters) and self._delimiters[number - 1][1] in "(["

    def _in_path(self, position: int) -> bool:
        number = bisect_right(self._paths, (position, len(self.raw)))
        return number > 0 and position < self._paths[number - 1][1]

    @cached_property
    def _dollars(self) -> list[int]:
        return [match.start() for match in _DOLLARS.finditer(self.raw)]

    @cached_property
    def _delimiters(self) -> list[tuple[int, str]]:
        return [(match.start(), match[1]) for match in _DELIMITER.finditer(self.raw)]

    @cached_property
    def _paths(self) -> list[tuple[int, int]]:
        """Where Windows paths with single backslashes stand. `A:\\nText` is none: a path shows itself by an escape that
        is none, or as drive C, D or E with a tab or the like between letters.
        """
        found = []
        for match in _PATH.finditer(self.raw):
            marks = re.findall(r"\\(.[A-Za-z]?)", match[2])
            odd = any(mark[0] not in "nrtu" for mark in marks)
            if odd or (match[1] in "CDEcde" and len(marks) > 1 and any(mark[0] in "rt" for mark in marks[1:])):
                found.append(match.span(2))
        return found

    @cached_property
    def _forgets(self) -> bool:
        """Whether commands stand here with one backslash, and none with two as JSON wants it."""
        doubled = any(
            escape[1] == "\\" and len(_LETTERS.match(self.raw, escape.end()).group()) > 1  # type: ignore[union-attr]
            for escape in self.escapes
        )
        if doubled:
            return False
        for escape in self.escapes:
            letters = self._run(escape)
            if len(letters) > 1 and not self._in_path(escape.start()):
                if letters in _COMMANDS or (escape[1] not in _STANDARD and len(escape[1]) == 1):
                    return True
                if escape[1] in "bf" and len(letters) > 2:
                    return True
        return False

    @cached_property
    def _patterns(self) -> bool:
        r"""Whether escapes stand here that only patterns know: `\d`, `\w`, `\b` before a letter."""
        return any(
            (escape[1] in "dwsDWSB.+*?()[]{}|^$-" or (escape[1] == "b" and len(self._run(escape)) > 1))
            for escape in self.escapes
        )


class Number(str):
    """A number as it was written: a huge one costs nothing, 3.10 does not become 3.1, and NaN is a word."""

    __slots__ = ()


_NUMBERS = {"parse_int": Number, "parse_float": Number, "parse_constant": Number}
# strict=False allows raw control characters in strings, which models write; a filter looks at them later.
_DECODER = json.JSONDecoder(strict=False, **_NUMBERS)

_STRING = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


class _Lenient(json.JSONDecoder):
    """Reads strings by `unescaped`. In Python, so a dozen times slower: for texts with doubtful backslashes."""

    def __init__(self) -> None:
        super().__init__(strict=False, **_NUMBERS)
        self.parse_string = _string
        self.scan_once = py_make_scanner(self)


def _string(text: str, start: int, strict: bool = False) -> tuple[str, int]:
    found = _STRING.match(text, start)
    if found is None:
        raise JSONDecodeError("Unterminated string starting at", text, start - 1)
    return unescaped(text[start : found.end() - 1]), found.end()


_LENIENT = _Lenient()

FAILURES = 500
"""How many brackets may turn out not to begin a JSON value before the rest of a text is given up as broken: bounds the
time that a text of nothing but brackets can cost."""

READ_AGAIN = 20
"""How many times a text's length may be read in vain for the same reason."""
_DEEP = 10_000

_OPENING = re.compile(r"[\[{]")
_SEPARATOR = re.compile(r"[\s,]*")
_SPACE = re.compile(r"\s*")
_NEXT_STRING = re.compile(r'[,\n][^\S\n]*+"')


@dataclass(frozen=True, slots=True)
class Found:
    """A decoded value and where it stands: `text[start:end]`."""

    value: Any
    start: int
    end: int


def decode(text: str, start: int) -> Found | None:
    """The JSON value that begins at `start`, or None where there is none."""
    return _decode(decoder_for(text), text, start)[0]


def decoder_for(text: str) -> json.JSONDecoder:
    """The decoder for the values in this text."""
    return _LENIENT if "\\" in text and is_doubtful(text) else _DECODER


def _decode(decoder: json.JSONDecoder, text: str, start: int) -> tuple[Found | None, int]:
    """The value at `start`, or None, and how far it was read for that."""
    try:
        value, end = decoder.raw_decode(text, start)
    except JSONDecodeError as error:
        return None, error.pos
    except (ValueError, RecursionError):
        return None, start + _DEEP
    return Found(value, start, end), end


def encode(value: Any) -> str | None:
    """A decoded value as JSON text with its numbers as they were, or None where it is nested too deep for that."""
    try:
        return _encode(value)
    except RecursionError:
        return None


def _encode(value: Any) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_encode(element) for element in value) + "]"
    if isinstance(value, dict):
        pairs = (f"{_encode(key)}: {_encode(element)}" for key, element in value.items())
        return "{" + ", ".join(pairs) + "}"
    return _written(value) if isinstance(value, str) else json.dumps(value)


def _written(text: str) -> str:
    """A string as JSON; its control characters by number where their short names could be read as something else."""
    written = json.dumps(text, ensure_ascii=False)
    if "\\" in written and unescaped(written[1:-1]) != text:
        return _SHORT.sub(lambda found: found[1] + _NUMBERED.get(found[2], found[2]), written)
    return written


_SHORT = re.compile(r"((?:\\\\)*)(\\.)", re.DOTALL)
_NUMBERED = {rf"\{name}": f"\\u{ord(character):04x}" for name, character in zip("bfnrt", "\b\f\n\r\t", strict=True)}


def scan(text: str, *, strings: bool = False) -> list[Found]:
    """The JSON objects and lists in the text, in order; the parts of one that is broken or cut where it is not whole.

    With `strings`, the strings of a broken list count as parts.
    """
    found: list[Found] = []
    decoder = decoder_for(text)
    failures, wasted = 0, 0
    position = 0
    while failures < FAILURES and wasted <= READ_AGAIN * len(text) and (opening := _OPENING.search(text, position)):
        start = opening.start()
        value, reached = _decode(decoder, text, start)
        if value is not None:
            found.append(value)
            position = value.end
            continue
        failures += 1
        wasted += reached - start
        position = start + 1
        if strings and text[start] == "[":
            parts = _strings(decoder, text, position)
            if parts:
                found += parts
                position = parts[-1].end
    return found


def _strings(decoder: json.JSONDecoder, text: str, position: int) -> list[Found]:
    """The strings of a list whose bracket stands before `position`, up to where it is broken for good."""
    found: list[Found] = []
    while True:
        position = _end(_SEPARATOR, text, position)
        if text[position : position + 1] != '"':
            return found
        value = _decode(decoder, text, position)[0]
        after = _end(_SPACE, text, value.end) if value is not None else 0
        if value is not None and text[after : after + 1] in ("", ",", "]", '"'):
            found.append(value)
            position = value.end
            continue
        following = _NEXT_STRING.search(text, position + 1)
        if following is None:
            return found
        position = following.end() - 1


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position
