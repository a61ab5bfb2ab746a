"""Families about lists of words and of numbers."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from synthgen.families.family import Family, Unprovable, Values
from synthgen.families.notations import decimal
from synthgen.families.sentences import ORDINALS
from synthgen.families.template import Slot, choice, integer, integers, quoted, terms
from synthgen.families.vocabulary import WORDS


def some_numbers(rng: random.Random, low: int = 4, high: int = 9) -> list[int]:
    """Whole numbers of one order of size, now and then negative ones among them."""
    top = rng.choice((20, 60, 100, 500, 1000))
    bottom = -top // 4 if rng.random() < 0.2 else 1
    return [rng.randint(bottom, top) for _ in range(rng.randint(low, high))]


def _words(rng: random.Random, low: int = 4, high: int = 8) -> list[str]:
    return rng.sample(WORDS[rng.choice(sorted(WORDS))], rng.randint(low, high))


def joined(items: Sequence[object]) -> str:
    """The items with commas; raises `Unprovable` where there are none."""
    if not items:
        raise Unprovable("nothing is left")
    return ", ".join(map(str, items))


def _alphabetical(values: Values) -> str:
    items: list[str] = values["items"]
    folded = [w.lower() for w in items]
    if len(set(folded)) < len({*items}) or not all(w.isascii() and w.isalpha() for w in folded):
        raise Unprovable("the order of accents and signs is open")
    if values["op"] == "length":
        if len({len(w) for w in items}) < len(items):
            raise Unprovable("several words are as long")
        ordered = sorted(items, key=len)
    else:
        ordered = sorted(items, key=str.lower, reverse=values["op"] == "back")
    return joined(ordered)


def _draw_sorted(rng: random.Random, values: Values) -> list[str]:
    words = _words(rng)
    if values["op"] != "length":
        return words
    by_length = {len(w): w for w in words + _words(rng)}
    items = list(by_length.values())
    rng.shuffle(items)
    if len(items) < 3:
        raise Unprovable("too few lengths")
    return items


_KIND = "[names|words|entries|items|terms|keywords]"


sort_words = Family(
    name="sort_words",
    task_type="rewriting",
    phrasings={
        "forward": (
            f"sort [these|the following] {_KIND} alphabetically",
            f"put [these|the following|the given] {_KIND} in alphabetical order",
            f"arrange the {_KIND} [below|given here] from A to Z",
            f"what is the alphabetical order of [these|the following] {_KIND}?",
            f"list [these|the following] {_KIND} as [a dictionary|an index|a register] would order them",
        ),
        "back": (
            f"sort [these|the following] {_KIND} in reverse alphabetical order",
            f"arrange the {_KIND} [below|given here] from Z to A",
            f"put [these|the following] {_KIND} in backward alphabetical order, last letters of the alphabet first",
            f"how do [these|the following] {_KIND} stand in order from Z to A?",
        ),
        "length": (
            f"sort [these|the following] {_KIND} by length, shortest first",
            f"arrange the {_KIND} [below|given here] from the shortest to the longest",
            f"order [these|the following] {_KIND} by their number of letters, fewest first",
            f"which order do [these|the following] {_KIND} take from shortest to longest?",
        ),
    },
    slots={"items": terms()},
    data="items",
    draw_data=_draw_sorted,
    answer=_alphabetical,
    closings="letters",
)


def _unique(values: Values) -> str:
    items = values["items"]
    if len({w.lower() for w in items}) < len(set(items)):
        raise Unprovable("whether case makes a difference is open")
    return joined(list(dict.fromkeys(items)))


def _draw_repeated(rng: random.Random, values: Values) -> list[str]:
    if rng.random() < 0.5:
        base = [str(n) for n in some_numbers(rng, 3, 5)]
    else:
        base = _words(rng, 3, 5)
    items = base + [rng.choice(base) for _ in range(rng.randint(1, 4))]
    rng.shuffle(items)
    return items


unique_items = Family(
    name="unique_items",
    task_type="rewriting",
    phrasings={
        "all": (
            "remove the duplicates from [this|the following] list and keep the first of each",
            "list [these|the following] [items|entries|values] without repetitions, in the order in which they first "
            "appear",
            "drop every repeated [item|entry|value] from [this|the following|the given] list, leaving the order as "
            "it is",
            "which different [items|entries|values] does [this|the following] list hold, in order of first appearance?",
            "clean up [this|the following] list so that nothing [occurs|appears] twice; keep the original order",
            "what is left of [this|the following] list once repeats of earlier [items|entries] are crossed out?",
            "go through [this|the following] list and strike out each [item|entry] that has been there before",
        )
    },
    slots={
        "items": Slot(
            terms().pattern.replace(r"[^\W\d_][\w'-]{0,30}", r"[\w-][\w'-]{0,30}"), terms().read, terms().write
        )
    },
    data="items",
    draw_data=_draw_repeated,
    answer=_unique,
)


_AB = rf"a:\s*(?:{terms().pattern})\s*[;\n]\s*b:\s*(?:{terms().pattern})"


def _read_ab(text: str) -> tuple[list[str], list[str]]:
    first, _, second = text.replace("\n", ";").partition(";")
    return terms().read(first.split(":", 1)[1]), terms().read(second.split(":", 1)[1])


def _write_ab(separator: str) -> Any:
    return lambda value, rng: f"A: {', '.join(value[0])}{separator}B: {', '.join(value[1])}"


def _combined(values: Values) -> str:
    a, b = ({w.lower() for w in side} for side in values["lists"])
    spelled = {w.lower(): w for side in values["lists"] for w in side}
    if len({*values["lists"][0], *values["lists"][1]}) != len(spelled) or not all(w.isalpha() for w in spelled):
        raise Unprovable("whether case makes a difference is open")
    result = {"both": a & b, "either": a | b, "only_a": a - b, "only_b": b - a, "one": a ^ b}[values["op"]]
    return joined([spelled[w] for w in sorted(result)])


def _combine_steps(values: Values) -> str:
    first, second = values["lists"]
    shared = [w for w in first if w in second]
    return f"In both: {', '.join(shared) or 'nothing'}."


def _draw_ab(rng: random.Random, values: Values) -> tuple[list[str], list[str]]:
    kind = rng.choice(sorted(WORDS))
    pool = rng.sample(WORDS[kind], 9)
    shared = pool[: rng.randint(1, 3)]
    a = shared + pool[3 : rng.randint(5, 6)]
    b = shared + pool[6 : rng.randint(8, 9)]
    rng.shuffle(a)
    rng.shuffle(b)
    return a, b


set_operation = Family(
    name="set_operation",
    task_type="reasoning",
    phrasings={
        "both": (
            f"which {_KIND} [stand|are] in both lists? Give them in alphabetical order",
            f"list in alphabetical order the {_KIND} that A and B have in common",
            "find the intersection of the sets A and B, in alphabetical order",
        ),
        "either": (
            f"merge both lists into one without repeats, with the {_KIND} in alphabetical order",
            "find the union of the sets A and B, in alphabetical order",
            f"list in alphabetical order all {_KIND} that [stand|are] in A, in B or in both",
        ),
        "only_a": (
            f"which {_KIND} of list A are missing [in|from] list B? Give them in alphabetical order",
            "find the set difference A without B, in alphabetical order",
            f"list in alphabetical order the {_KIND} that [stand|are] in A but not in B",
        ),
        "only_b": (
            f"which {_KIND} of list B are missing [in|from] list A? Give them in alphabetical order",
            "find the set difference B without A, in alphabetical order",
            f"list in alphabetical order the {_KIND} that [stand|are] in B but not in A",
        ),
        "one": (
            f"which {_KIND} are in exactly one of the lists A and B? Give them in alphabetical order",
            "find the symmetric difference of the sets A and B, in alphabetical order",
            f"list in alphabetical order the {_KIND} that only one of the two lists A and B holds",
        ),
    },
    slots={"lists": Slot(_AB, _read_ab, _write_ab("; "), write_bare=_write_ab("\n"))},
    data="lists",
    draw_data=_draw_ab,
    answer=_combined,
    steps=_combine_steps,
    closings="letters",
)


def _at(values: Values) -> str:
    items = values["items"]
    if values["op"] == "where":
        places = [i for i, w in enumerate(items, 1) if w.lower() == values["item"].lower()]
        if len(places) != 1:
            raise Unprovable("the item is not there just once")
        return str(places[0])
    if values["n"] > len(items):
        raise Unprovable("the list is shorter")
    return str(items[values["n"] - 1 if values["op"] == "start" else -values["n"]])


def _draw_at(rng: random.Random, op: str) -> dict[str, Any]:
    kind = rng.choice(sorted(WORDS))
    return {"n": rng.randint(2, 6), "item": rng.choice(WORDS[kind]), "kind": kind}


def _draw_at_items(rng: random.Random, values: Values) -> list[str]:
    kind = values.get("kind") or next((k for k in sorted(WORDS) if values.get("item") in WORDS[k]), "animals")
    items = rng.sample([w for w in WORDS[kind] if w != values.get("item")], rng.randint(6, 8))
    if values["op"] == "where":
        items[rng.randrange(len(items))] = values["item"]
    return items


list_position = Family(
    name="list_position",
    task_type="extraction",
    phrasings={
        "start": (
            "which [item|entry] is {n} in [this|the following] list?",
            "give the {n} [item|entry] of [this|the following|the given] list",
            "[pick|copy] the {n} [item|entry] from [this|the following] list",
        ),
        "end": (
            "which [item|entry] is {n} from the end of [this|the following] list?",
            "give the {n} [item|entry] from the end of [this|the following|the given] list",
            "counting from the end, which [item|entry] of [this|the following] list is {n}?",
        ),
        "where": (
            "at which position of [this|the following] list, counted from 1, is {item}?",
            "find the position of {item} in [this|the following] list, with 1 for the first [item|entry]",
            "what number does {item} have in [this|the following] list if the first [item|entry] is number 1?",
        ),
    },
    slots={"items": terms(), "n": choice(ORDINALS), "item": quoted()},
    data="items",
    draw=_draw_at,
    draw_data=_draw_at_items,
    answer=_at,
    steps=lambda values: " ".join(f"{i}: {w}" for i, w in enumerate(values["items"], 1)),
    same="caseless",
    closings="letters",
)

LISTS = (
    sort_words,
    unique_items,
    set_operation,
    list_position,
)


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

NUMBER_LISTS = (
    sort_numbers,
    aggregate,
    filter_numbers,
)
