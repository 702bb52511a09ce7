"""What follows well on what in a mix: neighbours on the wheel of keys, and tempos that meet.

The wheel has twelve hours; A is minor, B major. What stands at the same hour shares all its notes, what
stands an hour off all but one. A tempo meets another also at its half and its double.
"""

from domain.audio.camelot import camelot
from domain.features.keys import key_of

# Of a key that follows: the same, its relative, an hour on, an hour back; anything else counts nothing.
KEY_PARTS = {"same": 1.0, "relative": 0.9, "up": 0.8, "down": 0.8}
# How far a deck's tempo is moved without harm, in percent.
WITHIN_PERCENT = 6.0
MOST_PERCENT = 50.0
# What the order of a mix is made of.
KEY_WEIGHT, TEMPO_WEIGHT, SOUND_WEIGHT = 0.4, 0.3, 0.3
RATIOS = {"1": 1.0, "2": 2.0, "1/2": 0.5}


def place_of(key: str) -> str | None:
    """A key's place on the wheel: `8A` for `A minor`, `Am` and `8a`; None for what names no key.

    The function `catalog_camelot` of the database says the same of the names that are kept.
    """
    found = key_of(key)
    return camelot(*found) if found else None
