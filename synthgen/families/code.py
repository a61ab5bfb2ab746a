"""Families about small Python programs that we write, and whose results our own interpreter works out."""

from __future__ import annotations

import random
from typing import Any

from synthgen.families.family import Family, Unprovable, Values
from synthgen.families.interpreter import Program, evaluate
from synthgen.families.template import Slot, lines, word
from synthgen.families.vocabulary import WORDS

_NUMBER_NAMES = ("total", "count", "n", "result", "x", "score", "steps", "value", "acc", "amount")
_LIST_NAMES = ("numbers", "values", "items", "data", "readings", "prices")


def _ints(rng: random.Random, low: int = 4, high: int = 6) -> list[int]:
    return [rng.randint(1, 30) for _ in range(rng.randint(low, high))]


def _loop(rng: random.Random, x: str, k: int) -> list[str]:
    condition = rng.choice((f"i % {k} == 0", f"i > {k}", f"i % 2 == {rng.randint(0, 1)}"))
    change = rng.choice((f"{x} += i", f"{x} += i * {k}", f"{x} = {x} + {k}", f"{x} -= i"))
    return [
        f"{x} = {rng.randint(0, 20)}",
        f"for i in range({rng.randint(1, 4)}, {rng.randint(6, 11)}):",
        f"    if {condition}:",
        f"        {change}",
    ]


def _over_list(rng: random.Random, x: str, k: int) -> list[str]:
    name = rng.choice(_LIST_NAMES)
    body = rng.choice(
        (
            [f"    if v > {rng.randint(5, 20)}:", f"        {x} += v"],
            [f"    {x} += v % {k}"],
            [f"    if v % {k} == 0:", f"        {x} += 1", "    else:", f"        {x} -= 1"],
            [f"    {x} = max({x}, v)"],
        )
    )
    return [f"{name} = {_ints(rng)}", f"{x} = 0", f"for v in {name}:", *body]


def _while(rng: random.Random, x: str, k: int) -> list[str]:
    return rng.choice(
        (
            [f"{x} = {rng.randint(40, 200)}", f"while {x} > {rng.randint(5, 30)}:", f"    {x} = {x} // {k}"],
            [f"{x} = {rng.randint(1, 5)}", f"while {x} < {rng.randint(40, 150)}:", f"    {x} = {x} * {k} + 1"],
            [f"{x} = {rng.randint(60, 120)}", f"while {x} >= {k + 6}:", f"    {x} -= {k + 5}"],
        )
    )


def _branches(rng: random.Random, x: str, k: int) -> list[str]:
    return [
        f"{x} = {rng.randint(2, 60)}",
        f"if {x} % {k} == 0:",
        f"    {x} = {x} // {k}",
        f"elif {x} > {rng.randint(10, 50)}:",
        f"    {x} = {x} - {rng.randint(3, 30)}",
        "else:",
        f"    {x} = {x} * {rng.randint(2, 9)}",
    ]


def _text(rng: random.Random, x: str, k: int) -> list[str]:
    fruit = rng.choice(WORDS["fruits"])
    letter = rng.choice(fruit)
    return rng.choice(
        (
            [f'text = "{fruit}"', f'{x} = ""', "for c in text:", f'    if c != "{letter}":', f"        {x} += c"],
            [f'text = "{fruit}"', f"{x} = text[:{k}] + text[{k}:].upper()"],
            [f'text = "{fruit}"', f"{x} = 0", "for c in text:", '    if c in "aeiou":', f"        {x} += {k}"],
        )
    )


def _built(rng: random.Random, x: str, k: int) -> list[str]:
    return rng.choice(
        (
            [f"{x} = []", f"for i in range({rng.randint(4, 7)}):", f"    {x}.append(i * {k})"],
            [f"{x} = [v * {k} for v in {_ints(rng)} if v % 2 == {rng.randint(0, 1)}]"],
            [f"{x} = sorted({_ints(rng)})[{rng.randint(0, 1)}:{rng.randint(3, 4)}]"],
        )
    )


def _draw_program(rng: random.Random, values: Values) -> str:
    x = values.get("variable") or rng.choice(_NUMBER_NAMES)
    shapes = (_loop, _over_list, _while, _branches, _text, _built)
    body = rng.choice(shapes)(rng, x, rng.randint(2, 6))
    if values["op"] == "printed":
        body = [*body, f"print({x})"]
    return "\n".join(body)


def _answer(values: Values) -> str:
    program = Program(values["code"])
    if values["op"] == "printed":
        if not program.printed:
            raise Unprovable("nothing is printed")
        return "\n".join(program.printed)
    if values["variable"] not in program.names:
        raise Unprovable("no such variable")
    return str(program.names[values["variable"]])


def _code_also(values: Values) -> tuple[str, ...]:
    if values["op"] == "printed":
        return ()
    value = Program(values["code"]).names[values["variable"]]
    return (repr(value),) if isinstance(value, str) else ()


_READ = lines(r"[\s\S]{3,1500}", str.strip)

code_result = Family(
    name="code_result",
    task_type="coding",
    phrasings={
        "printed": (
            "what does [this|the following] Python [program|code|script] print?",
            "[give|write down] the output of [this|the following] Python [program|code|snippet]",
            "trace [this|the following] Python [code|program|script] and give what it prints",
            "which output does [this|the following] Python [code|script] have?",
            "run [this|the following] Python [code|program] in your head: what appears on the screen?",
        ),
        "variable": (
            "what is the value of {variable} after [this|the following] Python [code|program] has run?",
            "which value does {variable} have at the end of [this|the following] Python [code|script]?",
            "trace [this|the following] Python [code|snippet] and give the final value of {variable}",
            "find the value that {variable} ends up with in [this|the following] Python [code|program]",
        ),
    },
    slots={"code": _READ, "variable": word()},
    data="code",
    draw=lambda rng, op: {"variable": rng.choice(_NUMBER_NAMES)},
    draw_data=_draw_program,
    answer=_answer,
    steps=lambda values: "\n".join(Program(values["code"]).trace),
    also=_code_also,
    closings="bare",
    strict=True,
)


def _draw_expression(rng: random.Random, op: str) -> dict[str, Any]:
    items, k = _ints(rng), rng.randint(2, 5)
    fruit = rng.choice(WORDS["fruits"])
    words = rng.sample(WORDS["animals"], 3)
    text = rng.choice(
        (
            f"sorted({items})[-{rng.randint(1, 3)}]",
            f"sum({items}) // {k}",
            f"len({items}) * {k}",
            f"max({items}) - min({items})",
            f"[v % {k} for v in {items}]",
            f"{items}[1:{rng.randint(3, 4)}]",
            f"{items}[::-1]",
            f"sum([v for v in {items} if v > {rng.randint(5, 20)}])",
            f'"{fruit}"[{rng.randint(0, 1)}:{rng.randint(3, 4)}]',
            f'"{fruit}"[::-1]',
            f'"{fruit}".count("{rng.choice(fruit)}")',
            f'"{fruit}".replace("{rng.choice(fruit)}", "{rng.choice("xyz")}")',
            f'len("{fruit}") + {rng.randint(2, 90)}',
            f'"-".join({words})'.replace("'", '"'),
            f"{rng.randint(20, 99)} % {rng.randint(3, 9)} + {rng.randint(2, 30)}",
            f"({rng.randint(5, 30)} + {rng.randint(5, 30)}) * {k} // {rng.randint(2, 7)}",
            f"{rng.randint(1, 50)} in {items}",
            f"{rng.randint(2, 9)} ** {rng.randint(2, 4)} - {rng.randint(2, 60)}",
        )
    )
    return {"code": text}


def _value(values: Values) -> str:
    value = evaluate(values["code"])
    if not isinstance(value, (int, str, list)) or value == "":
        raise Unprovable("how the value is to be written is open")
    return str(value)


def _value_also(values: Values) -> tuple[str, ...]:
    value = evaluate(values["code"])
    return (f"`{value}`", repr(value), f"`{value!r}`", f'"{value}"') if isinstance(value, str) else (f"`{value}`",)


def _read_expression(text: str) -> str:
    text = text.strip().strip("`").strip()
    if text.isalnum():
        raise ValueError("no expression")
    return text


code_expression = Family(
    name="code_expression",
    task_type="coding",
    phrasings={
        "all": (
            "what does the Python expression {code} evaluate to?",
            "[evaluate|work out] the Python expression {code}",
            "what is the value of {code} in Python?",
            "in Python, what do you get for {code}?",
            "[give|find] the result of {code} in Python 3",
            "someone types {code} at a Python prompt: what comes back?",
        )
    },
    slots={"code": Slot(r"`[^`\n]{3,300}`", _read_expression, lambda v, rng: f"`{v}`")},
    draw=_draw_expression,
    answer=_value,
    also=_value_also,
    closings="bare",
    strict=True,
)

FAMILIES = (code_result, code_expression)
