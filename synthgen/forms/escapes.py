r"""Backslashes in the JSON strings of models: escapes, or LaTeX, paths and patterns that they forgot to escape.

JSON reads `\frac` as a form feed and `rac`, `\theta` as a tab and `heta`, and refuses `\pi`. What is read here is what
was meant: an escape that JSON does not know is a backslash and its character; `\b` and `\f` before a letter are no
control characters; and `\n`, `\r`, `\t` are LaTeX where their letters are a command whose remainder nobody writes at
the start of a line (`\nabla`, `\right`, `\theta`), or one that might be written (`\nu`, `\to`) but stands in formulas.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property

_ESCAPE = re.compile(
    r"\\(?:(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4})|([A-Za-z]+|.))", re.DOTALL
)
"""A number, or a character with the letters that follow it: a command, or an escape and its text."""
_TWO_LETTERS = re.compile(r"[A-Za-z]{2}")
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


# What follows each backslash that may be meant otherwise than JSON reads it; there are no two backslashes side by side.
_DOUBTS = re.compile(
    r"\\(?!/|[nrt](?![a-zLRV])|u(?:[0-9a-cefA-CEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}"
    r"|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(?<=\\u[dD][89abAB][0-9a-fA-F]{2}\\)u[dD][c-fC-F][0-9a-fA-F]{2})([nrt][A-Za-z]+|.)",
    re.DOTALL,
)
_DRIVE = re.compile(r":\\[nrt][A-Za-z]")


def is_doubtful(text: str) -> bool:
    """Whether JSON holds backslashes that may be meant otherwise than JSON reads them, or that it does not read."""
    single = text.replace("\\\\", " ").replace('\\"', " ")
    if "\\" not in single:
        return False
    words = set(_DOUBTS.findall(single))
    if any(word[0] not in "nrt" or word in _COMMANDS or word in _PERHAPS for word in words):
        return True
    return ":\\" in single and _DRIVE.search(single) is not None


def unescaped(raw: str) -> str:
    """The text of a JSON string of which `raw` stands between the quotes."""
    return raw if "\\" not in raw else _String(raw).text()


class _String:
    """A JSON string with backslashes, and what in it tells how they are meant."""

    def __init__(self, raw: str) -> None:
        self.raw = raw

    def text(self) -> str:
        return _ESCAPE.sub(self._meant, self.raw)

    def _meant(self, escape: re.Match[str]) -> str:
        word = escape[2]
        if word is None:
            return _numbered(escape[1])
        first = word[0]
        if first not in _STANDARD or word in _COMMANDS or (first in "bfnrt" and self._literal(escape, word)):
            return escape[0]
        if first == "\\" and self._forgets and not self.raw[escape.end() : escape.end() + 1].isalpha():
            return escape[0]  # the line break of LaTeX, among commands with one backslash each
        return _STANDARD[first] + word[1:]

    def _literal(self, escape: re.Match[str], word: str) -> bool:
        if self._paths and self._in_path(escape.start()):
            return True
        if word[0] in "bf":
            return len(word) > 1 or self._forgets or self._patterns
        return word in _PERHAPS and self._in_formula(escape, word)

    def _in_formula(self, escape: re.Match[str], word: str) -> bool:
        start, end = escape.span()
        before, after = self.raw[max(0, start - 1) : start], self.raw[end : end + 1]
        if word in _WITH_BRACES and after == "{":
            return True
        if self._between_dollars(start) or self._between_delimiters(start):
            return True
        if word in _NO_WORD_FOLLOWS and before == " " and (after in " _^" or after.isdigit()):
            return True
        if before in ("^", "_") or self.raw[max(0, start - 2) : start] in ("^{", "_{"):
            return True
        return self._forgets and (
            not before or before in _OPERATORS or (word in _NO_WORD_FOLLOWS - _VARIABLES and before.isalnum())
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
        found: list[tuple[int, int]] = []
        for match in _PATH.finditer(self.raw) if ":\\" in self.raw else ():
            marks = re.findall(r"\\(.[A-Za-z]?)", match[2])
            odd = any(mark[0] not in "nrtu" for mark in marks)
            if odd or (match[1] in "CDEcde" and len(marks) > 1 and any(mark[0] in "rt" for mark in marks[1:])):
                found.append(match.span(2))
        return found

    @cached_property
    def _words(self) -> list[re.Match[str]]:
        """The escapes that are no numbers."""
        return [escape for escape in _ESCAPE.finditer(self.raw) if escape[2]]

    @cached_property
    def _forgets(self) -> bool:
        """Whether commands stand here with one backslash, and none with two as JSON wants it."""
        if any(escape[2] == "\\" and _TWO_LETTERS.match(self.raw, escape.end()) for escape in self._words):
            return False
        return any(
            (escape[2] in _COMMANDS or escape[2][0] not in _STANDARD or (escape[2][0] in "bf" and len(escape[2]) > 2))
            and len(escape[2]) > 1
            and not self._in_path(escape.start())
            for escape in self._words
        )

    @cached_property
    def _patterns(self) -> bool:
        r"""Whether escapes stand here that only patterns know: `\d`, `\w`, `\b` before a letter."""
        return any(
            escape[2][0] in "dwsDWSB.+*?()[]{}|^$-" or (escape[2][0] == "b" and len(escape[2]) > 1)
            for escape in self._words
        )


def _numbered(code: str) -> str:
    """The character of `u00e9`, or of the two halves in `ud83d\\ude00`."""
    number = int(code[1:5], 16)
    if len(code) > 5:
        return bytes.fromhex(code[1:5] + code[7:]).decode("utf-16-be")
    return "\ufffd" if 0xD800 <= number <= 0xDFFF else chr(number)
