"""How keys are written, and by what names DJs know them: Camelot (8B) and Open Key (1d) for C major.

Both wheels go by fifths. Neighbours on a wheel mix: the same number, or one up or down in the same letter.
"""

TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
SCALES = ("major", "minor")


def camelot(tonic: str, scale: str) -> str:
    """The key's place on the Camelot wheel: C major is 8B, A minor 8A."""
    return f"{(_fifths(tonic, scale) + 7) % 12 + 1}{'B' if scale == 'major' else 'A'}"


def open_key(tonic: str, scale: str) -> str:
    """The key's place on the Open Key wheel: C major is 1d, A minor 1m."""
    return f"{_fifths(tonic, scale) + 1}{'d' if scale == 'major' else 'm'}"


def _fifths(tonic: str, scale: str) -> int:
    """How many fifths the key lies above C major or A minor, 0 to 11."""
    major = (TONICS.index(tonic) + (3 if scale == "minor" else 0)) % 12
    return major * 7 % 12
