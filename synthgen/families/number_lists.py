"""Families about lists of numbers."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction

from synthgen.families.family import Family
from synthgen.families.lists import joined, some_numbers
from synthgen.families.numerals import decimal
from synthgen.families.slots import integer, integers
from synthgen.families.task import Unprovable, Values

_NUMBER_LIST = "[numbers|values|integers]"


sort_numbers = Family(
    name="sort_numbers",
    task_type="reasoning",
    phrasings={
        "up": (
            f"sort [these|the following] {_NUMBER_LIST} from smallest to largest",
            f"put [these|the following|the given] {_NUMBER_LIST} in ascending order",
            f"arrange the {_NUMBER_LIST} [below|given here] so that each is at least as large as the one before",
            f"what is the ascending order of [these|the following] {_NUMBER_LIST}?",
            "order [these|the following] [scores|prices|weights|lengths|counts] from low to high",
        ),
        "down": (
            f"sort [these|the following] {_NUMBER_LIST} from largest to smallest",
            f"put [these|the following|the given] {_NUMBER_LIST} in descending order",
            f"arrange the {_NUMBER_LIST} [below|given here] with the largest first",
            f"what is the descending order of [these|the following] {_NUMBER_LIST}?",
            "order [these|the following] [scores|prices|weights|lengths|counts] from high to low",
        ),
    },
    slots={"items": integers()},
    data="items",
    draw_data=lambda rng, values: some_numbers(rng),
    answer=lambda values: joined(sorted(values["items"], reverse=values["op"] == "down")),
)


def _aggregate(values: Values) -> str:
    items, op = values["items"], values["op"]
    if op == "mean":
        return decimal(Fraction(sum(items), len(items)), places=2)
    if op == "median":
        if len(items) % 2 == 0:
            raise Unprovable("an even count")
        return str(sorted(items)[len(items) // 2])
    if op == "second":
        if len(set(items)) < len(items):
            raise Unprovable("with repeated values, the second largest is open")
        return str(sorted(items)[-2])
    by_op = {"sum": sum(items), "max": max(items), "min": min(items), "range": max(items) - min(items)}
    return str(by_op[op])


def _aggregate_steps(values: Values) -> str:
    items, op = values["items"], values["op"]
    plus = " + ".join(f"({n})" if n < 0 else str(n) for n in items)
    ordered = ", ".join(map(str, sorted(items)))
    if op == "sum":
        return f"{plus} = {sum(items)}"
    if op == "mean":
        return f"{plus} = {sum(items)}. Divided by {len(items)}: {_aggregate(values)}"
    if op == "range":
        return f"Largest: {max(items)}. Smallest: {min(items)}. {max(items)} - ({min(items)}) = {_aggregate(values)}"
    return f"In order: {ordered}."


def _draw_aggregate(rng: random.Random, values: Values) -> list[int]:
    items = some_numbers(rng)
    if values["op"] == "mean":
        count = rng.choice((4, 5))
        items = (items * 2)[:count]
    elif values["op"] == "median" and len(items) % 2 == 0:
        items = items[1:]
    elif values["op"] == "second":
        items = list(dict.fromkeys(items))
    return items


aggregate = Family(
    name="aggregate",
    task_type="reasoning",
    phrasings={
        "sum": (
            f"add up [these|the following] {_NUMBER_LIST}",
            f"what is the sum of [these|the following] {_NUMBER_LIST}?",
            "find the total of [these|the following] [amounts|readings|counts]",
        ),
        "max": (
            f"[find|name] the largest of [these|the following] {_NUMBER_LIST}",
            f"which of [these|the following] {_NUMBER_LIST} is the largest?",
            "what is the highest of [these|the following] [amounts|readings|counts]?",
        ),
        "min": (
            f"[find|name] the smallest of [these|the following] {_NUMBER_LIST}",
            f"which of [these|the following] {_NUMBER_LIST} is the smallest?",
            "what is the lowest of [these|the following] [amounts|readings|counts]?",
        ),
        "range": (
            f"subtract the smallest of [these|the following] {_NUMBER_LIST} from the largest",
            f"what is the difference between the largest and the smallest of [these|the following] {_NUMBER_LIST}?",
            "find the range (highest minus lowest) of [these|the following] [amounts|readings|counts]",
        ),
        "mean": (
            f"calculate the [mean|average] of [these|the following] {_NUMBER_LIST}",
            f"what is the [mean|average] of [these|the following] {_NUMBER_LIST}?",
            "find the average of [these|the following] [amounts|readings|counts]",
        ),
        "median": (
            f"find the median of [these|the following] {_NUMBER_LIST}",
            f"what is the median of [these|the following] {_NUMBER_LIST}?",
            "which of [these|the following] [amounts|readings|counts] is the median?",
        ),
        "second": (
            f"find the second largest of [these|the following] {_NUMBER_LIST}",
            f"which of [these|the following] {_NUMBER_LIST} comes second when they are ordered from the largest down?",
            "what is the second highest of [these|the following] [amounts|readings|counts]?",
        ),
    },
    slots={"items": integers()},
    data="items",
    draw_data=_draw_aggregate,
    answer=_aggregate,
    steps=_aggregate_steps,
    same="number",
)


def _kept(values: Values) -> str:
    items: list[int] = values["items"]
    op, k = values["op"], values.get("k", 0)
    if op == "multiple" and k < 1:
        raise Unprovable("no divisor")
    rules: dict[str, Callable[[int], bool]] = {
        "above": lambda n: n > k,
        "below": lambda n: n < k,
        "even": lambda n: n % 2 == 0,
        "odd": lambda n: n % 2 == 1,
        "multiple": lambda n: n % k == 0,
    }
    return joined([n for n in items if rules[op](n)])


def _draw_kept(rng: random.Random, values: Values) -> list[int]:
    k = values.get("k", 50)
    items = [rng.randint(1, 2 * k + 10) for _ in range(rng.randint(5, 9))]
    if values["op"] == "multiple":
        items[rng.randrange(len(items))] = k * rng.randint(2, 9)
    elif values["op"] == "above":
        items[rng.randrange(len(items))] = k + rng.randint(1, 9)
    elif values["op"] == "below":
        items[rng.randrange(len(items))] = max(k - rng.randint(1, 9), 1)
    else:
        items[rng.randrange(len(items))] = 2 * rng.randint(1, k) + (values["op"] == "odd")
    return items


filter_numbers = Family(
    name="filter_numbers",
    task_type="extraction",
    phrasings={
        "above": (
            f"keep only the {_NUMBER_LIST} greater than {{k}} [from|of] [this|the following] list",
            f"which of [these|the following] {_NUMBER_LIST} are [above|more than|larger than] {{k}}? Keep their order",
            "list, in the given order, every [score|price|reading] of the following that exceeds {k}",
        ),
        "below": (
            f"keep only the {_NUMBER_LIST} less than {{k}} [from|of] [this|the following] list",
            f"which of [these|the following] {_NUMBER_LIST} are [below|under|smaller than] {{k}}? Keep their order",
            "list, in the given order, every [score|price|reading] of the following that is lower than {k}",
        ),
        "even": (
            f"keep only the even {_NUMBER_LIST} [from|of] [this|the following] list",
            f"which of [these|the following] {_NUMBER_LIST} are even? Keep their order",
            "pick the even [ones|numbers] out of [these|the following] [house|page|ticket] numbers, in the given order",
        ),
        "odd": (
            f"keep only the odd {_NUMBER_LIST} [from|of] [this|the following] list",
            f"which of [these|the following] {_NUMBER_LIST} are odd? Keep their order",
            "pick the odd [ones|numbers] out of [these|the following] [house|page|ticket] numbers, in the given order",
        ),
        "multiple": (
            f"keep only the {_NUMBER_LIST} divisible by {{k}} [from|of] [this|the following] list",
            f"which of [these|the following] {_NUMBER_LIST} are multiples of {{k}}? Keep their order",
            "list, in the given order, every [count|amount|number] of the following that {k} divides without remainder",
        ),
    },
    slots={"items": integers(), "k": integer()},
    data="items",
    draw=lambda rng, op: {"k": rng.randint(3, 9) if op == "multiple" else rng.randint(12, 90)},
    draw_data=_draw_kept,
    answer=_kept,
)

FAMILIES = (
    sort_numbers,
    aggregate,
    filter_numbers,
)
