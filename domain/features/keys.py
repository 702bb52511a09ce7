"""Keys as people and files write them: names, their short forms, and the wheels of those who mix."""

import re

# Pitch classes from C on, as the house spells them.
TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_LETTERS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11, "h": 11}
_NAMED = re.compile(
    r"([a-h])\s*(#|♯|sharp|b|♭|flat|is|es|s)?\s*[-_]?\s*(major|maj|dur|minor|min|moll|m)?", re.I
)
_WHEEL = re.compile(r"0?([1-9]|1[0-2])\s*([abdm])", re.I)
_UP, _DOWN = frozenset({"#", "♯", "sharp", "is"}), frozenset({"b", "♭", "flat", "es", "s"})


def key_of(text: str) -> tuple[str, str] | None:
    """Tonic and scale (major or minor) of a key as it is written anywhere; None where it is none.

    `Am`, `a moll`, `F#min`, `Bb`, and the Camelot (8A) and Open Key (1m) wheels.
    """
    plain = text.strip()
    if wheel := _WHEEL.fullmatch(plain):
        return _of_wheel(int(wheel[1]), wheel[2].lower())
    found = _NAMED.fullmatch(plain)
    if found is None:
        return None
    letter, sign, scale = found[1], (found[2] or "").lower(), found[3] or ""
    if letter.lower() == "h" and sign in _DOWN:
        return None
    if sign == "s" and letter.lower() not in "ae":
        # German shortens As and Es alone; elsewhere Fs is F sharp to some and nothing to most.
        return None
    at = _LETTERS[letter.lower()] + (sign in _UP) - (sign in _DOWN)
    minor = scale == "m" or scale.lower() in ("minor", "min", "moll")
    if scale == "M":
        minor = False
    return TONICS[at % 12], "minor" if minor else "major"


def _of_wheel(place: int, ring: str) -> tuple[str, str]:
    """Each step round a wheel is a fifth; Camelot's 8 and Open Key's 1 are C major and A minor."""
    steps = place - (8 if ring in "ab" else 1)
    if ring in "am":
        return TONICS[(9 + 7 * steps) % 12], "minor"
    return TONICS[7 * steps % 12], "major"
