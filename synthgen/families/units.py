"""Families about measures: units and simple shapes."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

from synthgen.families.family import Family, Unprovable, Values
from synthgen.families.notations import decimal
from synthgen.families.template import Slot, choice, integer

UNITS: dict[str, tuple[str, Fraction, tuple[str, ...]]] = {
    "millimetres": ("length", Fraction(1, 1000), ("millimeters", "mm", "millimetre", "millimeter")),
    "centimetres": ("length", Fraction(1, 100), ("centimeters", "cm", "centimetre", "centimeter")),
    "metres": ("length", Fraction(1), ("meters", "m", "metre", "meter")),
    "kilometres": ("length", Fraction(1000), ("kilometers", "km", "kilometre", "kilometer")),
    "milligrams": ("mass", Fraction(1, 1000), ("mg", "milligram")),
    "grams": ("mass", Fraction(1), ("g", "gram")),
    "kilograms": ("mass", Fraction(1000), ("kg", "kilogram")),
    "tonnes": ("mass", Fraction(10**6), ("metric tons", "tonne")),
    "millilitres": ("volume", Fraction(1, 1000), ("milliliters", "ml", "mL", "millilitre", "milliliter")),
    "centilitres": ("volume", Fraction(1, 100), ("centiliters", "cl", "centilitre", "centiliter")),
    "litres": ("volume", Fraction(1), ("liters", "l", "L", "litre", "liter")),
    "seconds": ("time", Fraction(1), ("second",)),
    "minutes": ("time", Fraction(60), ("minute",)),
    "hours": ("time", Fraction(3600), ("hour",)),
    "days": ("time", Fraction(86_400), ("day",)),
    "weeks": ("time", Fraction(604_800), ("week",)),
}
"""Units by name: what they measure, how many of the base unit one is, and other spellings. All factors are exact."""

_UNIT = choice({spelling: name for name, (_, _, others) in UNITS.items() for spelling in (name, *others)})


def _read_amount(text: str) -> Fraction:
    return Fraction(text.replace(",", ""))


_AMOUNT = Slot(
    r"\d{1,3}(?:,\d{3})+(?:\.\d{1,6})?|\d{1,9}(?:\.\d{1,6})?", _read_amount, lambda value, rng: decimal(value)
)


def _converted(values: Values) -> str:
    source, target = UNITS[values["unit"]], UNITS[values["target"]]
    if source[0] != target[0]:
        raise Unprovable("the units measure different things")
    return decimal(values["amount"] * source[1] / target[1], places=6)


def _unit_steps(values: Values) -> str:
    source, target = UNITS[values["unit"]][1], UNITS[values["target"]][1]
    amount = decimal(values["amount"], places=6)
    if source >= target:
        factor = source / target
        return f"1 of {values['unit']} is {factor} of {values['target']}. {amount} * {factor} = {_converted(values)}"
    factor = target / source
    return f"1 of {values['target']} is {factor} of {values['unit']}. {amount} / {factor} = {_converted(values)}"


def _draw_unit(rng: random.Random, op: str) -> dict[str, Any]:
    while True:
        unit = rng.choice(sorted(UNITS))
        target = rng.choice(sorted(u for u in UNITS if UNITS[u][0] == UNITS[unit][0] and u != unit))
        ratio = UNITS[unit][1] / UNITS[target][1]
        if not Fraction(1, 100_000) <= ratio <= 100_000:
            continue
        if UNITS[unit][0] == "time":
            amount = Fraction(rng.randint(2, 90)) * max(1 / ratio, Fraction(1))
        elif ratio > 1:
            amount = Fraction(rng.randint(11, 990), rng.choice((1, 10)))
        else:
            amount = Fraction(rng.randint(2, 9900))
        try:
            _converted({"unit": unit, "target": target, "amount": amount})
            decimal(amount)
        except Unprovable:
            continue
        return {"unit": unit, "target": target, "amount": amount}


def _unit_also(values: Values) -> tuple[str, ...]:
    answer = _converted(values)
    names = (values["target"], *UNITS[values["target"]][2])
    short = [name for name in names if len(name) <= 2]
    return (*(f"{answer} {name}" for name in names), *(f"{answer}{name}" for name in short))


unit_conversion = Family(
    name="unit_conversion",
    task_type="reasoning",
    phrasings={
        "all": (
            "convert {amount} {unit} to {target}",
            "how many {target} are {amount} {unit}?",
            "[express|write|give] {amount} {unit} in {target}",
            "what is {amount} {unit} in {target}?",
            "a [label|recipe|form|plan|timer] says {amount} {unit}: how many {target} is that?",
            "turn a [value|measurement|reading] of {amount} {unit} into {target}",
            "[work out|calculate] how many {target} make {amount} {unit}",
        )
    },
    slots={
        "amount": _AMOUNT,
        "unit": Slot(_UNIT.pattern + r"\b", _UNIT.read),
        "target": Slot(_UNIT.pattern + r"\b", _UNIT.read),
    },
    draw=_draw_unit,
    answer=_converted,
    steps=_unit_steps,
    also=_unit_also,
    same="number",
)


def _degrees(values: Values) -> str:
    n = Fraction(values["n"])
    if values["op"] == "to_f":
        return decimal(n * 9 / 5 + 32, places=1)
    return decimal((n - 32) * 5 / 9, places=1)


def _degree_steps(values: Values) -> str:
    n = values["n"]
    if values["op"] == "to_f":
        return f"{n} * 9 / 5 = {decimal(Fraction(n * 9, 5))}\n{decimal(Fraction(n * 9, 5))} + 32 = {_degrees(values)}"
    return f"{n} - 32 = {n - 32}\n{n - 32} * 5 / 9 = {_degrees(values)}"


_C = "[degrees Celsius|°C|degrees C]"
_F = "[degrees Fahrenheit|°F|degrees F]"

temperature = Family(
    name="temperature",
    task_type="reasoning",
    phrasings={
        "to_f": (
            f"convert {{n}} {_C} to [Fahrenheit|degrees Fahrenheit]",
            f"what is {{n}} {_C} in [Fahrenheit|degrees Fahrenheit]?",
            f"the [oven|kiln|pool|greenhouse|lake] is at {{n}} {_C}: how many degrees Fahrenheit is that?",
            f"[express|write] {{n}} {_C} in degrees Fahrenheit",
        ),
        "to_c": (
            f"convert {{n}} {_F} to [Celsius|degrees Celsius]",
            f"what is {{n}} {_F} in [Celsius|degrees Celsius]?",
            f"the [oven|kiln|pool|greenhouse|lake] is at {{n}} {_F}: how many degrees Celsius is that?",
            f"[express|write] {{n}} {_F} in degrees Celsius",
        ),
    },
    slots={"n": integer(4)},
    draw=lambda rng, op: {"n": rng.randint(-30, 250) if op == "to_f" else 32 + 9 * rng.randint(-8, 44)},
    answer=_degrees,
    steps=_degree_steps,
    also=lambda values: tuple(
        f"{_degrees(values)}{unit}"
        for unit in (
            (" °F", "°F", " degrees Fahrenheit", " degrees")
            if values["op"] == "to_f"
            else (" °C", "°C", " degrees Celsius", " degrees")
        )
    ),
)


def _shape(values: Values) -> str:
    a, b, c = values["a"], values.get("b", 0), values.get("c", 0)
    if min(a, b, c) < 0 or a == 0:
        raise Unprovable("no such shape")
    by_op: dict[str, Fraction] = {
        "area": Fraction(a * b),
        "perimeter": Fraction(2 * (a + b)),
        "square": Fraction(4 * a),
        "triangle": Fraction(a * b, 2),
        "volume": Fraction(a * b * c),
        "surface": Fraction(2 * (a * b + a * c + b * c)),
    }
    return decimal(by_op[values["op"]], places=1)


def _shape_steps(values: Values) -> str:
    a, b, c = values["a"], values.get("b", 0), values.get("c", 0)
    formula = {
        "area": f"{a} * {b}",
        "perimeter": f"2 * ({a} + {b})",
        "square": f"4 * {a}",
        "triangle": f"{a} * {b} / 2",
        "volume": f"{a} * {b} * {c}",
        "surface": f"2 * ({a} * {b} + {a} * {c} + {b} * {c})",
    }[values["op"]]
    return f"{formula} = {_shape(values)}"


_LENGTHS = {"centimetres": "centimetres", "metres": "metres", "cm": "centimetres", "m": "metres"}
_POWER = {"area": 2, "triangle": 2, "surface": 2, "volume": 3}


def _shape_also(values: Values) -> tuple[str, ...]:
    power = _POWER.get(values["op"], 1)
    unit = values["unit"]
    short = {"centimetres": "cm", "metres": "m"}[unit]
    word = {1: "", 2: "square ", 3: "cubic "}[power]
    sign = {1: "", 2: "²", 3: "³"}[power]
    answer = _shape(values)
    return (f"{answer} {word}{unit}", f"{answer} {short}{sign}")


def _draw_shape(rng: random.Random, op: str) -> dict[str, Any]:
    a, b, c = (rng.randint(2, 60) for _ in range(3))
    return {"a": a, "b": b, "c": c, "unit": rng.choice(("centimetres", "metres"))}


geometry = Family(
    name="geometry",
    task_type="reasoning",
    phrasings={
        "area": (
            "what is the area of a rectangle of {a} by {b} {unit}?",
            "a [carpet|lawn|field|board|cloth] is a rectangle {a} {unit} long and {b} {unit} wide: what is its area?",
        ),
        "perimeter": (
            "what is the perimeter of a rectangle of {a} by {b} {unit}?",
            "a [garden|yard|court|meadow] is a rectangle {a} {unit} long and {b} {unit} wide: how many {unit} of "
            "fence go "
            "around it?",
        ),
        "square": (
            "what is the perimeter of a square with sides of {a} {unit}?",
            "a square [table|tile|window|stage] has sides of {a} {unit}: how long is its edge all around?",
        ),
        "triangle": (
            "what is the area of a triangle with a base of {a} {unit} and a height of {b} {unit}?",
            "a triangular [sail|flag|bed|banner] is {b} {unit} high above a base of {a} {unit}: what is its area?",
        ),
        "volume": (
            "what is the volume of a box of {a} by {b} by {c} {unit}?",
            "a [crate|tank|chest|container] is {a} {unit} long, {b} {unit} wide and {c} {unit} high: what is its "
            "volume?",
        ),
        "surface": (
            "what is the surface area of a closed box of {a} by {b} by {c} {unit}?",
            "how much [paper|cloth|foil] covers all six sides of a [crate|parcel|chest] of {a} by {b} by {c} {unit}, "
            "without "
            "overlap?",
        ),
    },
    slots={"a": integer(5), "b": integer(5), "c": integer(5), "unit": choice(_LENGTHS)},
    draw=_draw_shape,
    answer=_shape,
    steps=_shape_steps,
    also=_shape_also,
    same="number",
)

FAMILIES = (unit_conversion, temperature, geometry)
