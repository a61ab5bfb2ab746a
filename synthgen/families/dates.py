"""Families about the calendar and the time of day."""

from __future__ import annotations

import random
import re
from calendar import isleap, monthrange
from datetime import date, timedelta
from typing import Any

from synthgen.families.family import Family, Unprovable, Values
from synthgen.families.template import Slot, choice, integer
from synthgen.families.vocabulary import DAYS, MONTHS

GREGORIAN = 1583
"""The first full year of the calendar that the answers go by."""


_MONTH = "|".join(m.lower() for m in MONTHS)


_ISO = r"\d{4}-\d{2}-\d{2}"


_LONG = rf"\d{{1,2}}\s+(?:{_MONTH})\s+\d{{4}}"


_AMERICAN = rf"(?:{_MONTH})\s+\d{{1,2}},\s+\d{{4}}"


_SATURDAY = date(2000, 1, 1)


def _month(text: str) -> int:
    return [m.lower() for m in MONTHS].index(text.lower()) + 1


def read_date(text: str) -> date:
    """The date of `2024-03-05`, `5 March 2024` or `March 5, 2024`; raises `ValueError` where there is none."""
    text = text.strip().lower()
    if re.fullmatch(_ISO, text):
        year, number, day = text.split("-")
        month = MONTHS[int(number) - 1] if 1 <= int(number) <= 12 else ""
    elif re.fullmatch(_LONG, text):
        day, month, year = text.split()
    elif re.fullmatch(_AMERICAN, text):
        month, day, year = text.replace(",", "").split()
    else:
        raise ValueError(f"no date: {text!r}")
    if int(year) < GREGORIAN:
        raise ValueError("the calendar was another")
    return date(int(year), _month(month), int(day))


def long_date(day: date) -> str:
    """`5 March 2024`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def _write_date(value: date, rng: random.Random) -> str:
    chance = rng.random()
    if chance < 0.4:
        return value.isoformat()
    return long_date(value) if chance < 0.7 else f"{MONTHS[value.month - 1]} {value.day}, {value.year}"


_DATE = Slot(rf"(?:{_ISO}|{_LONG}|{_AMERICAN})", read_date, _write_date)


_DAY = choice({day: i for i, day in enumerate(DAYS)})


def _draw_date(rng: random.Random) -> date:
    return date(1950, 1, 1) + timedelta(rng.randrange(36_500))


def _shifted_date(day: date, days: int) -> date:
    try:
        return day + timedelta(days)
    except OverflowError:
        raise Unprovable("beyond the calendar") from None


def _date_answer(values: Values) -> str:
    op = values["op"]
    if op == "between":
        return str(abs(values["second"].toordinal() - values["first"].toordinal()))
    return str(_shifted_date(values["first"], values["n"] * (-1 if op == "before" else 1)))


def _draw_dates(rng: random.Random, op: str) -> dict[str, Any]:
    first = _draw_date(rng)
    n = rng.choice((rng.randint(3, 45), rng.randint(30, 400)))
    return {"first": first, "second": first + timedelta(n), "n": n}


_FORM = "[, as YYYY-MM-DD| (YYYY-MM-DD)| in the form YYYY-MM-DD]"


date_arithmetic = Family(
    name="date_arithmetic",
    task_type="reasoning",
    phrasings={
        "after": (
            "which date is {n} days after {first}? Write it as YYYY-MM-DD",
            f"[find|give] the date {{n}} days [after|later than] {{first}}{_FORM}",
            "a [parcel|licence|ticket|voucher] from {first} is due {n} days later: on which date, as YYYY-MM-DD?",
        ),
        "before": (
            "which date is {n} days before {first}? Write it as YYYY-MM-DD",
            f"[find|give] the date {{n}} days [before|earlier than] {{first}}{_FORM}",
            "the [booking|sale|work] must begin {n} days ahead of {first}: on which date, as YYYY-MM-DD?",
        ),
        "between": (
            "how many days [are there|lie] between {first} and {second}?",
            "count the days from {first} to {second}, not counting the first day",
            "by how many days do {first} and {second} differ?",
        ),
    },
    slots={"first": _DATE, "second": _DATE, "n": integer(5)},
    draw=_draw_dates,
    answer=_date_answer,
    also=lambda values: (f"{_date_answer(values)} days",) if values["op"] == "between" else (),
)


def _weekday(values: Values) -> str:
    op = values["op"]
    if op == "date":
        first: date = values["first"]
        day = first.weekday()
    else:
        day = values["day"] + values["n"] * (-1 if op == "before" else 1)
    return DAYS[int(day) % 7]


def _weekday_steps(values: Values) -> str:
    if values["op"] == "date":
        days = values["first"].toordinal() - _SATURDAY.toordinal()
        return (
            f"1 January 2000 was a Saturday. From there it is {days} days, and {days} = {days // 7} * 7 + {days % 7}."
        )
    return f"{values['n']} = {values['n'] // 7} * 7 + {values['n'] % 7}, and whole weeks change nothing."


weekday = Family(
    name="weekday",
    task_type="reasoning",
    phrasings={
        "after": (
            "if today is {day}, which weekday is it in {n} days?",
            "which day of the week comes {n} days after a {day}?",
            "{day} plus {n} days: name the weekday",
            "a [course|cruise|lease] begins on a {day} and ends {n} days later: on which weekday?",
        ),
        "before": (
            "if today is {day}, which weekday was it {n} days ago?",
            "which day of the week comes {n} days before a {day}?",
            "{day} minus {n} days: name the weekday",
        ),
        "date": (
            "[which|what] day of the week [is|was] {first}?",
            "on which weekday does {first} fall?",
            "name the weekday of {first}",
        ),
    },
    slots={"first": _DATE, "day": _DAY, "n": integer(5)},
    draw=lambda rng, op: {"first": _draw_date(rng), "day": rng.randrange(7), "n": rng.randint(3, 150)},
    answer=_weekday,
    steps=_weekday_steps,
    same="caseless",
    closings="letters",
)


def _reformatted(values: Values) -> str:
    day: date = values["date"]
    return {
        "iso": day.isoformat(),
        "long": long_date(day),
        "american": f"{MONTHS[day.month - 1]} {day.day}, {day.year}",
        "slashes": f"{day.day:02}/{day.month:02}/{day.year:04}",
    }[values["op"]]


date_format = Family(
    name="date_format",
    task_type="rewriting",
    phrasings={
        "iso": (
            "write [this|the following|the given] date as YYYY-MM-DD",
            "convert [this|the following] date to ISO format (YYYY-MM-DD)",
            "how does [this|the following] date look as YYYY-MM-DD?",
        ),
        "long": (
            "write [this|the following|the given] date as day, month name and year, like 7 May 1999",
            "convert [this|the following] date to the long form, as in 7 May 1999",
            "how is [this|the following] date written in the style 7 May 1999?",
        ),
        "american": (
            "write [this|the following|the given] date the American way, like May 7, 1999",
            "convert [this|the following] date to the American long form, as in May 7, 1999",
            "how is [this|the following] date written in the style May 7, 1999?",
        ),
        "slashes": (
            "write [this|the following|the given] date as DD/MM/YYYY",
            "convert [this|the following] date to day, month and year with slashes (DD/MM/YYYY)",
            "how does [this|the following] date look as DD/MM/YYYY?",
        ),
    },
    slots={"date": _DATE},
    data="date",
    draw_data=lambda rng, values: _draw_date(rng),
    answer=_reformatted,
    strict=True,
)


def _length(values: Values) -> str:
    if values["year"] < GREGORIAN:
        raise Unprovable("the calendar was another")
    return str(monthrange(values["year"], values["month"])[1])


days_in_month = Family(
    name="days_in_month",
    task_type="question_answering",
    phrasings={
        "all": (
            "how many days does {month} {year} have?",
            "give the number of days in {month} {year}",
            "how long, in days, [is|was] {month} {year}?",
            "a daily ticket for all of {month} {year}: how many days is that?",
            "what is the date number of the last day of {month} {year}?",
            "[count|find] the days of {month} in the year {year}",
        )
    },
    slots={"month": choice({m: i for i, m in enumerate(MONTHS, 1)}), "year": Slot(r"[12]\d{3}", int)},
    draw=lambda rng, op: {"month": 2 if rng.random() < 0.4 else rng.randint(1, 12), "year": rng.randint(1900, 2100)},
    answer=_length,
    steps=lambda values: (
        f"{values['year']} is {'a' if isleap(values['year']) else 'no'} leap year."
        if values["month"] == 2
        else f"{MONTHS[values['month'] - 1]} always has {_length(values)} days."
    ),
    also=lambda values: (f"{_length(values)} days",),
    same="number",
)


def _is_leap(values: Values) -> str:
    if values["year"] < GREGORIAN:
        raise Unprovable("the calendar was another")
    return "yes" if isleap(values["year"]) else "no"


leap_year = Family(
    name="leap_year",
    task_type="classification",
    phrasings={
        "all": (
            "is [this|the following|the given] year a leap year? Answer yes or no",
            "yes or no: does [this|the following] year have a 29 February in the Gregorian calendar?",
            "say yes if [this|the following] year is a leap year, and no if it is not",
            "decide whether the [given|following] year is a leap year (yes or no)",
            "check if the year [below|given here] has 366 days; answer with yes or no",
            "does February have 29 days in [this|the following] year, yes or no?",
        )
    },
    slots={"year": Slot(r"[12]\d{3}", int)},
    data="year",
    draw_data=lambda rng, values: (
        rng.randint(1600, 2400)
        if rng.random() < 0.5
        else rng.choice((100 * rng.randint(16, 24), 4 * rng.randint(400, 600)))
    ),
    answer=_is_leap,
    steps=lambda values: (
        f"{values['year']} leaves {values['year'] % 4} when divided by 4, {values['year'] % 100} by 100 and "
        f"{values['year'] % 400} by 400."
    ),
    labels=lambda values: ("yes", "no"),
    closings="bare",
    same="caseless",
)

DATES = (
    date_arithmetic,
    weekday,
    date_format,
    days_in_month,
    leap_year,
)


_CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]\d(?!\d|:\d)"


def _read_clock(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def clock(minutes: int) -> str:
    """The time of day, `HH:MM`, of minutes after midnight (of any day)."""
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


_TIME = Slot(_CLOCK, _read_clock, lambda value, rng: clock(value))


def _clocked(values: Values) -> str:
    op = values["op"]
    if op == "between":
        return str((values["end"] - values["start"]) % 1440)
    minutes = values["h"] * 60 + values["m"]
    return clock(values["start"] + minutes * (-1 if op == "before" else 1))


def _clock_steps(values: Values) -> str:
    if values["op"] == "between":
        gap = (values["end"] - values["start"]) % 1440
        return f"From {clock(values['start'])} to {clock(values['end'])}: {gap // 60} hours and {gap % 60} minutes."
    sign = -1 if values["op"] == "before" else 1
    middle = values["start"] + sign * values["h"] * 60
    word = "back" if sign < 0 else "on"
    return f"{values['h']} hours {word}: {clock(middle)}. {values['m']} minutes {word}: {_clocked(values)}."


def _clock_also(values: Values) -> tuple[str, ...]:
    answer = _clocked(values)
    return (f"{answer} minutes",) if values["op"] == "between" else ()


def _draw_clock(rng: random.Random, op: str) -> dict[str, Any]:
    return {
        "start": rng.randrange(1440),
        "end": rng.randrange(1440),
        "h": rng.randint(2, 11),
        "m": rng.randint(2, 59),
    }


_SPAN = "{h} hours [and |]{m} minutes"


clock_arithmetic = Family(
    name="clock_arithmetic",
    task_type="reasoning",
    phrasings={
        "after": (
            f"what time is it {_SPAN} after {{start}} (24-hour clock, HH:MM)?",
            f"a [film|train ride|shift|concert|match] starts at {{start}} and lasts {_SPAN}: when does it end, as "
            "HH:MM?",
            f"add {_SPAN} to {{start}} and give the time of day as HH:MM",
        ),
        "before": (
            f"what time was it {_SPAN} before {{start}} (24-hour clock, HH:MM)?",
            f"a [film|train ride|shift|concert|match] ends at {{start}} after {_SPAN}: when did it start, as HH:MM?",
            f"go back {_SPAN} from {{start}} and give the time of day as HH:MM",
        ),
        "between": (
            "how many minutes pass from {start} until the clock next shows {end}?",
            "a [shop|pool|kitchen|desk] opens at {start} and closes at the next {end}: for how many minutes is it "
            "open?",
            "count the minutes from {start} to the next {end}",
        ),
    },
    slots={"start": _TIME, "end": _TIME, "h": integer(3), "m": integer(4)},
    draw=_draw_clock,
    answer=_clocked,
    steps=_clock_steps,
    also=_clock_also,
    same="number",
)

CLOCKS = (clock_arithmetic,)
