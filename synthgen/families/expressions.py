"""Arithmetic and logical expressions: read by a small parser of our own, worked out step by step."""

from __future__ import annotations

import re
from fractions import Fraction

from synthgen.families.family import Unprovable

_TOKEN = re.compile(r"\d+|[-+*/()]")
_SIGNS = str.maketrans({"×": "*", "÷": "/", "−": "-", "–": "-", "·": "*"})

DEEPEST = 20
"""Brackets within brackets that are read; ours have one or two."""


class Arithmetic:
    """Evaluates `14 * (3 + 8) - 2`; `steps` holds each operation in the order in which it was worked out."""

    def __init__(self, text: str) -> None:
        text = text.translate(_SIGNS)
        self._tokens = _TOKEN.findall(text)
        if "".join(self._tokens) != "".join(text.split()):
            raise ValueError(f"not an arithmetic expression: {text!r}")
        self._at = 0
        self._depth = 0
        self.steps: list[str] = []
        self.value = self._sum()
        if self._at != len(self._tokens):
            raise ValueError(f"not an arithmetic expression: {text!r}")

    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _sum(self) -> Fraction:
        value = self._product()
        while self._next() in ("+", "-"):
            value = self._done(value, self._take(), self._product())
        return value

    def _product(self) -> Fraction:
        value = self._factor()
        while self._next() in ("*", "/"):
            value = self._done(value, self._take(), self._factor())
        return value

    def _factor(self) -> Fraction:
        token = self._take()
        if token.isdigit():
            return Fraction(int(token))
        if token == "(" and self._depth < DEEPEST:
            self._depth += 1
            value = self._sum()
            self._depth -= 1
            if self._take() == ")":
                return value
        raise ValueError("a number or a bracket is missing")

    def _take(self) -> str:
        token = self._next()
        self._at += 1
        return token

    def _done(self, left: Fraction, sign: str, right: Fraction) -> Fraction:
        if sign == "/" and (right == 0 or (left / right).denominator != 1):
            raise Unprovable("the division leaves a remainder")
        result = {"+": left + right, "-": left - right, "*": left * right}.get(sign)
        if result is None:
            result = left / right
        self.steps.append(f"{left} {sign} {right} = {result}")
        return result


_WORDS = re.compile(r"\(|\)|[a-z]+")


class Logic:
    """Evaluates `true and not (false or true)`: `not` binds before `and`, `and` before `or`."""

    def __init__(self, text: str) -> None:
        text = text.lower()
        self._tokens = _WORDS.findall(text)
        if "".join(self._tokens) != "".join(text.split()):
            raise ValueError(f"not a logical expression: {text!r}")
        self._at = 0
        self._depth = 0
        self.steps: list[str] = []
        self.value = self._either()
        if self._at != len(self._tokens):
            raise ValueError(f"not a logical expression: {text!r}")

    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._next()
        self._at += 1
        return token

    def _either(self) -> bool:
        value = self._both()
        while self._next() == "or":
            self._take()
            value = self._done(value, "or", self._both())
        return value

    def _both(self) -> bool:
        value = self._single()
        while self._next() == "and":
            self._take()
            value = self._done(value, "and", self._single())
        return value

    def _single(self) -> bool:
        token = self._take()
        if token in ("true", "false"):
            return token == "true"
        self._depth += 1
        if self._depth <= DEEPEST:
            if token == "not":
                inner = self._single()
                self._depth -= 1
                self.steps.append(f"not {_word(inner)} = {_word(not inner)}")
                return not inner
            if token == "(":
                value = self._either()
                self._depth -= 1
                if self._take() == ")":
                    return value
        raise ValueError("a truth value or a bracket is missing")

    def _done(self, left: bool, word: str, right: bool) -> bool:
        value = (left and right) if word == "and" else (left or right)
        self.steps.append(f"{_word(left)} {word} {_word(right)} = {_word(value)}")
        return value


def _word(value: bool) -> str:
    return "true" if value else "false"
