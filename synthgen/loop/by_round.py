"""Values of a recipe that are others in each round: `{by_round: [a, b, c]}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthgen.errors import ConfigError

KEY = "by_round"


def of_round(value: Any, number: int) -> Any:
    """The value with each `{by_round: [a, b, c]}` in it replaced by that of the round.

    a in round 1 (and in round 0), b in round 2, the last one in all further rounds.

    Raises:
        ConfigError: there is no list behind the key, an empty one, or another key beside it.
    """
    if isinstance(value, Mapping):
        if KEY not in value:
            return {key: of_round(below, number) for key, below in value.items()}
        choices = _choices(value)
        return of_round(choices[min(max(number, 1), len(choices)) - 1], number)
    return [of_round(below, number) for below in value] if isinstance(value, list | tuple) else value


def longest(value: Any) -> int:
    """The number of the first round from which on nothing in the value changes any more; 1 where nothing does."""
    if isinstance(value, Mapping):
        own = len(_choices(value)) if KEY in value else 1
        return max([own, *map(longest, value.values())])
    return max([1, *map(longest, value)]) if isinstance(value, list | tuple) else 1


def _choices(value: Mapping[str, Any]) -> list[Any]:
    choices = value[KEY]
    if len(value) > 1 or not isinstance(choices, list | tuple) or not choices:
        raise ConfigError(
            "found no list of values alone",
            key=KEY,
            hint="for example most: {by_round: [6, 7, 8]}, for rounds 1, 2, 3 …",
        )
    return list(choices)
