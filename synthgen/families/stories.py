"""Families of word problems: short stories with numbers."""

from __future__ import annotations

import random
from typing import Any

from synthgen.families.family import Family, Unprovable, Values
from synthgen.families.template import Slot, choice, integer, name
from synthgen.families.vocabulary import CITIES, GOODS, JOBS, NAMES, PLACES

_GOODS = Slot(r"[a-z'-]+", str.lower)


_PERSON = r"{name}[| the {job}]"


_PHRASE = Slot(r"[a-z'-]+(?: [a-z'-]+){0,2}", str.lower)


def _people(rng: random.Random) -> dict[str, Any]:
    first, second = rng.sample(NAMES, 2)
    return {
        "name": first,
        "friend": second,
        "goods": rng.choice(GOODS),
        "city": rng.choice(CITIES),
        "job": rng.choice(JOBS),
        "place": rng.choice(PLACES),
    }


_SLOTS = {
    "name": name(),
    "friend": name(),
    "goods": _GOODS,
    "city": name(),
    "job": _PHRASE,
    "place": _PHRASE,
    "coin": choice(
        {"euros": "euros", "dollars": "dollars", "pounds": "pounds", "crowns": "crowns", "francs": "francs"}
    ),
    **{letter: integer(6) for letter in "abcd"},
}


def _shopping(values: Values) -> str:
    a, b, c = values.get("a", 0), values["b"], values.get("c", 0)
    if values["op"] == "cost":
        result = a * b
    elif values["op"] == "change":
        result = c - a * b
    else:
        if b < 1:
            raise Unprovable("nothing costs nothing")
        result = c // b
    if min(a, b, c) < 0 or result < 0:
        raise Unprovable("the money is not enough")
    return str(result)


def _shopping_steps(values: Values) -> str:
    a, b, c = values.get("a", 0), values["b"], values.get("c", 0)
    if values["op"] == "afford":
        return f"{c} / {b} = {c // b}, remainder {c % b}"
    line = f"{a} * {b} = {a * b}"
    return line if values["op"] == "cost" else f"{line}\n{c} - {a * b} = {c - a * b}"


def _draw_shopping(rng: random.Random, op: str) -> dict[str, Any]:
    a, b = rng.randint(2, 24), rng.randint(2, 30)
    c = a * b + rng.randint(1, 40)
    coin = rng.choice(("euros", "dollars", "pounds", "crowns", "francs"))
    return {**_people(rng), "a": a, "b": b, "c": c, "coin": coin}


shopping = Family(
    name="shopping",
    task_type="reasoning",
    phrasings={
        "cost": (
            f"{_PERSON} buys {{a}} {{goods}} at {{b}} {{coin}} each. What do they cost [altogether|in all], in "
            f"{{coin}}?",
            "A shop in {city} sells {goods} for {b} {coin} apiece. What does {name} pay for {a} of them, in {coin}?",
            "At the {place}, {goods} are {b} {coin} each, and {name} takes {a}. How many {coin} is that?",
        ),
        "change": (
            f"{_PERSON} has {{c}} {{coin}} and buys {{a}} {{goods}} at {{b}} {{coin}} each. How many {{coin}} are "
            "left?",
            "For {a} {goods} at {b} {coin} each, {name} pays with {c} {coin}. How much change, in {coin}, is due?",
            "With {c} {coin} in the purse, {name} pays for {a} {goods} in {city}, each {b} {coin}. How many {coin} "
            "remain?",
        ),
        "afford": (
            "Each of the {goods} at the {place} costs {b} {coin}. How many of them can {name} buy with {c} {coin}?",
            f"{_PERSON} has {{c}} {{coin}}. The {{goods}} cost {{b}} {{coin}} apiece. How many can {{name}} buy at "
            "most?",
            "A budget of {c} {coin} is set aside for {goods}, which cost {b} {coin} each in {city}. How many does it "
            "pay for?",
        ),
    },
    slots=_SLOTS,
    draw=_draw_shopping,
    answer=_shopping,
    steps=_shopping_steps,
    also=lambda values: (f"{_shopping(values)} {values.get('coin' if values['op'] != 'afford' else 'goods')}",),
    same="number",
)


def _packing(values: Values) -> str:
    a, b, c = values["a"], values["b"], values.get("c", 0)
    if b < 1 or min(a, c) < 0:
        raise Unprovable("nothing to pack into")
    by_op = {"total": a * b + c, "full": a // b, "left": a % b, "needed": -(-a // b)}
    return str(by_op[values["op"]])


def _packing_steps(values: Values) -> str:
    a, b, c = values["a"], values["b"], values.get("c", 0)
    if values["op"] == "total":
        return f"{a} * {b} = {a * b}\n{a * b} + {c} = {a * b + c}"
    line = f"{a} = {a // b} * {b} + {a % b}"
    if values["op"] == "needed" and a % b:
        return f"{line}\nThe last {a % b} need one more."
    return line


def _draw_packing(rng: random.Random, op: str) -> dict[str, Any]:
    b = rng.randint(3, 24)
    a = rng.randint(2, 30) if op == "total" else b * rng.randint(2, 30) + rng.randint(1, b - 1)
    box, boxes = rng.choice(_CONTAINERS)
    return {**_people(rng), "a": a, "b": b, "c": rng.randint(2, 60), "box": box, "boxes": boxes}


_CONTAINERS = (("box", "boxes"), ("crate", "crates"), ("bag", "bags"), ("tray", "trays"), ("basket", "baskets"))


packing = Family(
    name="packing",
    task_type="reasoning",
    phrasings={
        "total": (
            f"{_PERSON} has {{a}} {{boxes}} with {{b}} {{goods}} each and {{c}} loose ones. How many {{goods}} is "
            "that?",
            "A van brings {a} {boxes} of {b} {goods} to the {place}, where {c} more are in stock. How many "
            "{goods} are there now?",
            "Count the {goods}: {a} {boxes} hold {b} each, and {c} lie beside them. How many are there in all?",
        ),
        "full": (
            f"{_PERSON} packs {{a}} {{goods}} into {{boxes}} of {{b}}. How many {{boxes}} are full?",
            "The {place} has {a} {goods}; {b} fit into one {box}. How many full {boxes} does that make?",
            "If {a} {goods} from {city} are put into {boxes} that take {b} each, how many become full?",
        ),
        "left": (
            f"{_PERSON} packs {{a}} {{goods}} into full {{boxes}} of {{b}}. How many {{goods}} are left over?",
            "The {place} shares {a} {goods} evenly among {b} helpers. How many {goods} remain?",
            "{a} {goods} are handed out to {b} children in {city}, the same number to each. How many are left?",
        ),
        "needed": (
            f"{_PERSON} wants to pack all of {{a}} {{goods}}, {{b}} to a {{box}}. How many {{boxes}} are needed?",
            "A {box} takes {b} {goods}. How many of them does the {place} need for {a} {goods}?",
            "All {a} {goods} must leave {city} in {boxes} of at most {b}. What is the smallest number of {boxes}?",
        ),
    },
    slots={
        **_SLOTS,
        "box": choice({one: one for one, _ in _CONTAINERS}),
        "boxes": choice({many: many for _, many in _CONTAINERS}),
    },
    draw=_draw_packing,
    answer=_packing,
    steps=_packing_steps,
    also=lambda values: (f"{_packing(values)} {values.get('goods')}",) if values["op"] in ("total", "left") else (),
    same="number",
)


def _changing(values: Values) -> str:
    a, b, c = values["a"], values["b"], values.get("c", 0)
    if values["op"] == "twice":
        if (a - b) % 2 or a < b:
            raise Unprovable("no whole number")
        return str((a - b) // 2)
    result = {"stock": a - b + c, "more": a + (a + b), "days": a + b * c, "gap": abs(a - b)}[values["op"]]
    if result < 0 or (values["op"] == "stock" and a < b):
        raise Unprovable("more is taken than there is")
    return str(result)


def _changing_steps(values: Values) -> str:
    a, b, c, op = values["a"], values["b"], values.get("c", 0), values["op"]
    if op == "stock":
        return f"{a} - {b} = {a - b}\n{a - b} + {c} = {a - b + c}"
    if op == "more":
        return f"{a} + {b} = {a + b}\n{a} + {a + b} = {2 * a + b}"
    if op == "days":
        return f"{b} * {c} = {b * c}\n{a} + {b * c} = {a + b * c}"
    if op == "gap":
        return f"{max(a, b)} - {min(a, b)} = {abs(a - b)}"
    return f"{a} - {b} = {a - b}\n{a - b} / 2 = {(a - b) // 2}"


def _draw_changing(rng: random.Random, op: str) -> dict[str, Any]:
    a, b, c = rng.randint(40, 400), rng.randint(3, 39), rng.randint(2, 30)
    if op == "twice":
        a = b + 2 * rng.randint(5, 90)
    elif op == "gap":
        b = rng.choice([n for n in (rng.randint(20, 399), a + 7) if n != a])
    return {**_people(rng), "a": a, "b": b, "c": c}


quantities = Family(
    name="quantities",
    task_type="reasoning",
    phrasings={
        "stock": (
            f"{_PERSON} has {{a}} {{goods}}, gives away {{b}} and gets {{c}} new ones. How many does {{name}} have "
            "now?",
            "The {place} starts with {a} {goods}, sells {b} and receives {c}. How many {goods} does it end with?",
            "Of {a} {goods} in a store in {city}, {b} are taken out and {c} put in. How many are there then?",
        ),
        "more": (
            "{name} has {a} {goods}, and {friend} has {b} more than that. How many {goods} do they have together?",
            "The {place} ordered {a} {goods} in spring and {b} more than that in autumn. How many {goods} is that in "
            "all?",
            "{friend} from {city} owns {b} {goods} more than {name}, who owns {a}. How many do the two own together?",
        ),
        "days": (
            "{name} has {a} {goods} and makes {b} more every day. How many are there after {c} days?",
            "A collection of {a} {goods} in {city} grows by {b} each day. How large is it after {c} days?",
            "The {place} keeps {a} {goods} and adds {b} per day. How many {goods} does it keep after {c} days?",
        ),
        "gap": (
            "{name} counted {a} {goods}, {friend} counted {b}. How many {goods} lie between the two counts?",
            "In {city} the {place} sold {a} {goods} last year and {b} this year. By how many do the years differ?",
            "What is the difference in {goods} between {name}, who has {a}, and {friend}, who has {b}?",
        ),
        "twice": (
            "{name} and {friend} own {a} {goods} together, and {friend} owns {b} more than {name}. How many does "
            "{name} own?",
            "Two shelves in the {place} hold {a} {goods}; the second holds {b} more than the first. How many does "
            "the first "
            "hold?",
            "{a} {goods} are split so that {friend} gets {b} more than {name}. How many {goods} does {name} get?",
        ),
    },
    slots=_SLOTS,
    draw=_draw_changing,
    answer=_changing,
    steps=_changing_steps,
    also=lambda values: (f"{_changing(values)} {values.get('goods')}",),
    same="number",
)


def _speed(values: Values) -> str:
    a, b = values["a"], values["b"]
    if values["op"] == "distance":
        return str(a * b)
    if b < 1 or a % b:
        raise Unprovable("no whole number")
    return str(a // b)


def _draw_speed(rng: random.Random, op: str) -> dict[str, Any]:
    hours, rate = rng.randint(2, 12), rng.randint(4, 120)
    if op == "distance":
        a, b = rate, hours
    else:
        a, b = hours * rate, rate if op == "time" else hours
    return {**_people(rng), "a": a, "b": b, "vehicle": rng.choice(sorted(_VEHICLES))}


_VEHICLES = {
    v: v for v in ("bus", "train", "truck", "ferry", "tram", "cyclist", "tractor", "coach", "barge", "runner", "van")
}


travel = Family(
    name="travel",
    task_type="reasoning",
    phrasings={
        "distance": (
            "A {vehicle} from {city} [travels|moves] at a steady {a} kilometres per hour for {b} hours. How many "
            "kilometres "
            "does it cover?",
            "At {a} kilometres per hour, how many kilometres does {name} get in {b} hours by {vehicle}?",
            "{name} watches a {vehicle} that does {a} kilometres every hour. How many kilometres does it do in {b} "
            "hours?",
        ),
        "time": (
            "A {vehicle} is {a} kilometres from {city} and does {b} kilometres per hour. How many hours does it need?",
            "How many hours does it take {name} to cover {a} kilometres with a {vehicle} at {b} kilometres per hour?",
            "The {place} is {a} kilometres away, and the {vehicle} moves at {b} kilometres per hour. After how many "
            "hours "
            "does it arrive?",
        ),
        "speed": (
            "A {vehicle} covers the {a} kilometres to {city} in {b} hours. What is its average speed in kilometres "
            "per hour?",
            "{name} needs {b} hours for {a} kilometres with a {vehicle}. How many kilometres per hour is that on "
            "average?",
            "In {b} hours the {vehicle} of the {place} did {a} kilometres. What was its average speed in kilometres "
            "per "
            "hour?",
        ),
    },
    slots={**_SLOTS, "vehicle": choice(_VEHICLES)},
    draw=_draw_speed,
    answer=_speed,
    steps=lambda values: f"{values['a']} {'*' if values['op'] == 'distance' else '/'} {values['b']} = {_speed(values)}",
    also=lambda values: {
        "distance": (f"{_speed(values)} kilometres", f"{_speed(values)} km"),
        "time": (f"{_speed(values)} hours", f"{_speed(values)} h"),
        "speed": (f"{_speed(values)} kilometres per hour", f"{_speed(values)} km/h"),
    }[values["op"]],
    same="number",
)

FAMILIES = (
    shopping,
    packing,
    quantities,
    travel,
)
