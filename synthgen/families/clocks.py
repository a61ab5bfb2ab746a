"""A family about the time of day."""

from __future__ import annotations

import random
from typing import Any

from synthgen.families.family import Family
from synthgen.families.slots import Slot, integer
from synthgen.families.task import Values

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

FAMILIES = (clock_arithmetic,)
