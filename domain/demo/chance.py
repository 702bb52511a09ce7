"""Chance that can be repeated: the same seed and place give the same numbers on every machine."""

from random import Random


def chance(*place: int | str) -> Random:
    """The random numbers of one place in the catalog, independent of every other place's."""
    return Random("/".join(map(str, place)))  # noqa: S311  nobody guards a secret with it
