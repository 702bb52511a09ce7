"""Territories: ISO 3166-1 alpha-2, and what DDEX says beside them."""

from collections.abc import Iterable
from functools import cache

import pycountry

WORLDWIDE = "Worldwide"


@cache
def countries() -> frozenset[str]:
    """Every current ISO 3166-1 alpha-2 code."""
    return frozenset(country.alpha_2 for country in pycountry.countries)


def expand(included: Iterable[str], excluded: Iterable[str] = ()) -> tuple[str, ...]:
    """The alpha-2 codes that an inclusion or an exclusion means, sorted.

    Exclusion means Worldwide minus the list (ERN DealTerms); nothing said means nothing granted.
    """
    inside, outside = set(included), set(excluded)
    whole = countries() if WORLDWIDE in inside or (outside and not inside) else frozenset()
    return tuple(sorted((whole | (inside - {WORLDWIDE})) - outside))
