"""A vector of a text, without a model: which pieces of words it has, hashed into 256 numbers.

It knows no meaning. Texts lie near each other that share words, parts of words and their spellings, in any
script; what says the same in other words lies far. The pieces are words and the runs of 3 to 5 letters in
them, each counted as 1 + ln(how often), after no statistics of any catalog (no idf), so that a vector never
changes because other rows do. A change of anything here is a new version.
"""

import hashlib
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator

from domain.vectors.tables import TEXT_DIMENSIONS

TEXT_MODEL = "text-hash-ngram"
TEXT_VERSION = "1"
# Of the characters given, and of those that they become: one ligature may become eighteen letters.
LONGEST_CONTENT = 10_000
_LONGEST_FOLDED = 30_000
_LONGEST_WORD = 64
_PIECES = (3, 4, 5)
# A whole word says more than its parts.
_WORD_WEIGHT = 2.0


def text_vector(text: str) -> tuple[float, ...] | None:
    """The vector of a text, of unit length; None where it has no letter and no digit."""
    counted: Counter[str] = Counter()
    for word in _words(text):
        counted.update(_pieces(word))
    numbers = [0.0] * TEXT_DIMENSIONS
    for piece, times in counted.items():
        digest = int.from_bytes(hashlib.blake2b(piece.encode(), digest_size=8).digest())
        weight = (1 + math.log(times)) * (_WORD_WEIGHT if piece.startswith(" ") else 1.0)
        numbers[digest % TEXT_DIMENSIONS] += weight if digest >> 63 else -weight
    length = math.sqrt(math.fsum(number * number for number in numbers))
    if not length:
        return None
    return tuple(number / length for number in numbers)


def folded(text: str) -> str:
    """The text as it is compared: one form of each letter, without case and marks, other signs as spaces.

    Marks are what stands above and below Latin, Greek and Cyrillic letters; those of other scripts are
    letters' own and stay.
    """
    plain = unicodedata.normalize("NFKC", text[:LONGEST_CONTENT])[:_LONGEST_FOLDED].casefold()
    made: list[str] = []
    for sign in unicodedata.normalize("NFD", plain):
        category = unicodedata.category(sign)
        if category == "Mn" and unicodedata.name(sign, "").startswith("COMBINING"):
            continue
        made.append(sign if category[0] in "LNM" else " ")
    return unicodedata.normalize("NFC", "".join(made))


def _words(text: str) -> Iterator[str]:
    for word in folded(text).split():
        for begin in range(0, len(word), _LONGEST_WORD):
            yield word[begin : begin + _LONGEST_WORD]


def _pieces(word: str) -> Iterator[str]:
    """The word itself, told by a space before it, and the runs of letters, its two ends among them."""
    yield f" {word}"
    bounded = f"<{word}>"
    for size in _PIECES:
        for begin in range(len(bounded) - size + 1):
            yield bounded[begin : begin + size]
