"""The taggers' weights, as the rest of the house speaks of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Installed:
    """One installed file."""

    name: str
    size_bytes: int
    sha256: str


class WeightsAbsent(Exception):
    """The weights are not there, or not what was installed; the text says what to do."""


class WeightsUnavailable(Exception):
    """The weights could not be fetched or made; the text says why."""
